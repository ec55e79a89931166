"""The version is that of Cargo.toml. This looks whether all else that names it agrees, and that a tag is it.

``versions.py --tag v4.0.0`` is what a release begins with: then the changelog must have the day too.
``versions.py --notes`` prints what the changelog says of the version.
"""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent


def text(name: str) -> str:
    """A file of the repository."""
    return (REPOSITORY / name).read_text(encoding="utf-8")


def version() -> str:
    """The one that Cargo.toml has for all crates, and by them for the Python package."""
    found = re.search(r'^\[workspace\.package\]\nversion = "(.+)"', text("Cargo.toml"), re.MULTILINE)
    assert found, "Cargo.toml has no version of the workspace"
    return found[1]


def heading() -> tuple[str, str]:
    """The version on top of the changelog, and its day, or ``unreleased``."""
    found = re.search(r"^## (\S+) \((\S+)\)$", text("CHANGELOG.md"), re.MULTILINE)
    assert found, 'CHANGELOG.md has no heading like "## 4.0.0 (2026-12-01)"'
    return found[1], found[2]


def notes() -> str:
    """What the changelog says of the version on top."""
    sections = re.split(r"^## .+$", text("CHANGELOG.md"), flags=re.MULTILINE)
    return sections[1].strip() + "\n"


def faults(tag: str | None = None) -> list[str]:
    """What names another version."""
    wanted = version()
    found = []
    for name, said in re.findall(
        r'^(patata\S*) = \{ path = .*version = "(.+?)"', text("Cargo.toml"), re.MULTILINE
    ):
        if said != wanted:
            found.append(f"Cargo.toml asks for {name} {said}, and is {wanted}")
    for manifest in sorted(REPOSITORY.glob("crates/*/Cargo.toml")):
        if "\nversion.workspace = true\n" not in manifest.read_text(encoding="utf-8"):
            found.append(f"{manifest.relative_to(REPOSITORY)} has a version of its own")
    locked = set(re.findall(r'name = "patata[\w-]*"\nversion = "(.+)"', text("Cargo.lock")))
    if locked != {wanted}:
        found.append(
            f"Cargo.lock has {', '.join(sorted(locked))}, and Cargo.toml {wanted}; cargo check writes it anew"
        )
    if 'dynamic = ["version"]' not in text("pyproject.toml"):
        found.append("pyproject.toml has a version of its own")
    cited = re.search(r"^version: (\S+)$", text("CITATION.cff"), re.MULTILINE)
    if cited is None or cited[1] != wanted:
        found.append(f"CITATION.cff has {cited and cited[1]}, and Cargo.toml {wanted}")
    if f'"patata {wanted}"' not in text("packaging/data/share/man/man1/patata.1"):
        found.append(f"the man page is not that of {wanted}")
    on_top, day = heading()
    if on_top != wanted:
        found.append(f"CHANGELOG.md has {on_top} on top, and Cargo.toml {wanted}")
    if tag is not None:
        if tag != f"v{wanted}":
            found.append(f"the tag is {tag}, and Cargo.toml has {wanted}")
        if not re.fullmatch(r"\d{4}-\d\d-\d\d", day):
            found.append(f"CHANGELOG.md calls {on_top} {day}; give it its day, as (2026-12-01)")
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tag", help="the tag of a release")
    parser.add_argument("--notes", action="store_true", help="print what the changelog says of the version")
    arguments = parser.parse_args()
    if arguments.notes:
        return print(notes(), end="")
    found = faults(arguments.tag)
    print(*(found or [f"everything says {version()}"]), sep="\n")
    return sys.exit(bool(found))


if __name__ == "__main__":
    main()
