"""What the site has beyond its Markdown: pages and pictures from outside docs/, and links that hold in both.

Every page can be read in the repository too, so links are written as they hold there. Here, those that leave
docs/ lead to the page that the site has of it, or to the repository where it has none.
"""

from __future__ import annotations

import posixpath
import re
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File

ROOT = Path(__file__).parents[2]
REPOSITORY = "https://github.com/oalfonso-o/patata/blob/main/"

OUTSIDE = [
    "bench/README.md",
    *(
        f"bench/results/{name}-{scheme}.svg"
        for name in ("contest", "programs")
        for scheme in ("light", "dark")
    ),
    "SECURITY.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "ARCHITECTURE.md",
]
"""What the site has of the repository outside docs/, at the same paths."""

LINK = re.compile(r'(\]\(|\bhref="|\bsrc="|\bsrcset=")([^)"#\s]+)')
PICTURE = re.compile(
    r'<picture>\s*<source[^>]*srcset="([^"]+)"[^>]*>\s*<img alt="([^"]*)" src="([^"]+)">\s*</picture>'
)
FENCE = re.compile(r"^ *(```+).*?^ *\1 *$", re.DOTALL | re.MULTILINE)


def on_config(config: Any) -> Any:
    """The navigation lists a page for each error."""
    pages = sorted(path.name for path in (ROOT / "docs/errors").glob("*.md"))
    first = [name for name in ("index.md", "exit-codes.md") if name in pages]
    for section in config.nav:
        if "Errors" in section:
            section["Errors"] = [
                f"errors/{name}" for name in first + [name for name in pages if name not in first]
            ]
    return config


def on_files(files: Any, config: Any) -> Any:
    """Adds what is outside docs/."""
    for path in OUTSIDE:
        files.append(File.generated(config, path, abs_src_path=str(ROOT / path)))
    return files


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Pictures in the theme's way of light and dark, and links that hold in the site."""
    path = page.file.src_uri
    here = path if path in OUTSIDE else f"docs/{path}"
    markdown = PICTURE.sub(_both_schemes, markdown)
    parts = []
    end = 0
    for fence in FENCE.finditer(markdown):
        parts += [_with_links(markdown[end : fence.start()], here), fence[0]]
        end = fence.end()
    return "".join([*parts, _with_links(markdown[end:], here)])


def _both_schemes(picture: re.Match[str]) -> str:
    dark, text, light = picture.groups()
    return f"![{text}]({light}#only-light)\n![{text}]({dark}#only-dark)"


def _with_links(text: str, here: str) -> str:
    return LINK.sub(lambda link: link[1] + _target(link[2], here), text)


def _target(target: str, here: str) -> str:
    """Where a link of a file of the repository leads to in the site."""
    if re.match(r"[a-z+]+:", target) or target.startswith("/"):
        return target
    path = posixpath.normpath(posixpath.join(posixpath.dirname(here), target))
    if path.startswith("docs/"):
        wanted = path.removeprefix("docs/")
    elif path in OUTSIDE:
        wanted = path
    elif path == "README.md":
        wanted = "index.md"
    else:
        return REPOSITORY + path
    return posixpath.relpath(wanted, posixpath.dirname(here.removeprefix("docs/")) or ".")
