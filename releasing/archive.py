"""Builds the program for a target, and packs it with completions, man page, licences and a checksum."""

from __future__ import annotations

import argparse
import gzip
import hashlib
import io
import subprocess
import tarfile
import time
import zipfile
from pathlib import Path

import tools
import versions
from wheel import LINUX, host

DATA = tools.REPOSITORY / "packaging" / "data" / "share"
TEXTS = ("README.md", "CHANGELOG.md", "LICENSE", "LICENSE-MIT", "LICENSE-APACHE")


def build(target: str) -> Path:
    """Builds the program as it is released. Gives its path."""
    # Those for Linux need nothing of the system that they run on: musl is inside.
    command = ["zigbuild" if target in LINUX else "build", "--release", "--locked", "-p", "patata-cli"]
    surroundings = {**tools.surroundings(), "CARGO_PROFILE_RELEASE_STRIP": "symbols"}
    tools.run("cargo", *command, "--target", target, cwd=tools.REPOSITORY, env=surroundings)
    name = "patata.exe" if "windows" in target else "patata"
    return tools.REPOSITORY / "target" / target / "release" / name


def contents(program: Path, folder: str) -> dict[str, tuple[bytes, int]]:
    """All that an archive holds: names, contents and modes."""
    files = {f"{folder}/{program.name}": (program.read_bytes(), 0o755)}
    for name in TEXTS:
        files[f"{folder}/{name}"] = ((tools.REPOSITORY / name).read_bytes(), 0o644)
    for path in sorted(DATA.rglob("*")):
        if path.is_file():
            files[f"{folder}/share/{path.relative_to(DATA).as_posix()}"] = (path.read_bytes(), 0o644)
    return files


def changed() -> int:
    """When the commit was made, so that the same commit gives the same archive."""
    told = subprocess.run(
        ["git", "log", "-1", "--format=%ct"], cwd=tools.REPOSITORY, capture_output=True, text=True, check=True
    )
    return int(told.stdout)


def pack_tar(path: Path, files: dict[str, tuple[bytes, int]]) -> None:
    """A ``.tar.gz`` in which nothing tells who packed it, and when."""
    with (
        path.open("wb") as raw,
        gzip.GzipFile("", "wb", 9, raw, changed()) as packed,
        tarfile.open(fileobj=packed, mode="w") as archive,
    ):
        for name, (content, mode) in files.items():
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode, entry.mtime = len(content), mode, changed()
            archive.addfile(entry, io.BytesIO(content))


def pack_zip(path: Path, files: dict[str, tuple[bytes, int]]) -> None:
    """The same as a ``.zip``."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name, (content, mode) in files.items():
            entry = zipfile.ZipInfo(name, time.gmtime(changed())[:6])
            entry.compress_type, entry.external_attr = zipfile.ZIP_DEFLATED, mode << 16
            archive.writestr(entry, content)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--target", help="what it is built for; default: this machine's kind")
    parser.add_argument("--out", type=Path, default=tools.REPOSITORY / "dist", help="where it is put")
    arguments = parser.parse_args()
    target = arguments.target or host()
    folder = f"patata-{versions.version()}-{target}"
    is_zip = "windows" in target
    files = contents(build(target), folder)
    arguments.out.mkdir(parents=True, exist_ok=True)
    path = arguments.out / f"{folder}{'.zip' if is_zip else '.tar.gz'}"
    (pack_zip if is_zip else pack_tar)(path, files)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    path.with_name(f"{path.name}.sha256").write_text(
        f"{digest}  {path.name}\n", encoding="utf-8", newline="\n"
    )
    print(f"{path.name}: {path.stat().st_size / 1e6:.2f} MB, sha256 {digest}")


if __name__ == "__main__":
    main()
