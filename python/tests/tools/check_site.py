"""Looks through the built site: links lead somewhere, nothing is loaded from elsewhere, errors have pages.

    python python/tests/tools/check_site.py SITE

It fails with a line for each fault. Links to other hosts are not followed.
"""

from __future__ import annotations

import ast
import re
import sys
import zlib
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

ROOT = Path(__file__).parents[3]

LOADED = {
    "script": ["src"],
    "img": ["src", "srcset"],
    "source": ["src", "srcset"],
    "iframe": ["src"],
    "video": ["src", "poster"],
    "audio": ["src"],
    "object": ["data"],
    "embed": ["src"],
    "use": ["href"],
}
"""What a browser loads by itself, besides what ``link`` says."""

NOT_LOADED = {"canonical", "next", "prev", "alternate", "license", "author"}
"""Relations of ``link`` that nothing is loaded for."""


class Page(HTMLParser):
    """What a page has: its anchors, its links, and what it loads."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.anchors: set[str] = {"", "__top"}
        self.links: list[str] = []
        self.loaded: list[str] = []
        self._is_style = False
        self.feed(text)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attributes}
        self.anchors |= {given[name] for name in ("id", "name") if name in given}
        self._is_style = tag == "style"
        self.loaded += in_css(given.get("style", ""))
        if tag == "a" and "href" in given:
            self.links.append(given["href"])
        elif tag == "link" and not set(given.get("rel", "").split()) & NOT_LOADED:
            self.loaded.append(given.get("href", ""))
        for name in LOADED.get(tag, []):
            if name in given:
                self.loaded += [part.split()[0] for part in given[name].split(",") if part.split()]

    def handle_data(self, data: str) -> None:
        if self._is_style:
            self.loaded += in_css(data)

    def handle_endtag(self, tag: str) -> None:
        self._is_style = self._is_style and tag != "style"


def in_css(text: str) -> list[str]:
    """What a style sheet loads."""
    text = re.sub(r"/\*.*?\*/", "", text, flags=re.DOTALL)
    return re.findall(r"url\([\"']?([^\"')]+)", text) + re.findall(r"@import [\"']([^\"']+)", text)


def is_elsewhere(address: str) -> bool:
    """Whether it is on another host, or nothing that is asked for."""
    return bool(urlsplit(address).scheme or address.startswith("//"))


class Site:
    """All pages of the site."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder.resolve()
        self.pages = {
            path: Page(path.read_text(encoding="utf-8")) for path in sorted(self.folder.rglob("*.html"))
        }

    def faults(self) -> list[str]:
        """What is wrong, a line each."""
        found = [fault for path, page in self.pages.items() for fault in self._of_page(path, page)]
        for path in sorted(self.folder.rglob("*.css")):
            for address in in_css(path.read_text(encoding="utf-8")):
                found += self._of_loaded(path, address)
        return found + self._of_errors() + self._of_names()

    def _of_page(self, path: Path, page: Page) -> list[str]:
        faults = [fault for address in page.loaded for fault in self._of_loaded(path, address)]
        for address in page.links:
            if not is_elsewhere(address):
                faults += self._of_link(path, address)
        return faults

    def _of_loaded(self, path: Path, address: str) -> list[str]:
        if address.startswith(("data:", "#")):
            return []
        if is_elsewhere(address):
            return [f"{self._name(path)} loads {address}"]
        target = self._target(path, address)
        return [] if target.is_file() else [f"{self._name(path)} loads {address}, which is not there"]

    def _of_link(self, path: Path, address: str) -> list[str]:
        target = self._target(path, address)
        if not target.is_file():
            return [f"{self._name(path)} links to {address}, which is not there"]
        anchor = unquote(urlsplit(address).fragment)
        if target in self.pages and anchor not in self.pages[target].anchors:
            return [f"{self._name(path)} links to {address}, which has no such anchor"]
        return []

    def _target(self, path: Path, address: str) -> Path:
        """The file that an address means. The page for what is not there has those of a server."""
        way = unquote(urlsplit(address).path)
        if way.startswith("/"):
            way = way.removeprefix("/patata/") if path.name == "404.html" else way
            target = self.folder / way.lstrip("/") if path.name == "404.html" else Path(way)
        else:
            target = path.parent / way if way else path
        target = target.resolve()
        return target / "index.html" if target.is_dir() else target

    def _of_errors(self) -> list[str]:
        tree = ast.parse((ROOT / "python/patata/exceptions.py").read_text(encoding="utf-8"))
        names = [node.name for node in tree.body if isinstance(node, ast.ClassDef)]
        pages = [f"errors/{name}.html" for name in names]
        return [f"there is no {page}" for page in pages if self.folder / page not in self.pages]

    def _of_names(self) -> list[str]:
        """What the package has by its name has to be in the reference."""
        inventory = self.folder / "objects.inv"
        listed = (
            zlib.decompress(inventory.read_bytes().split(b"\n", 4)[4]).decode() if inventory.exists() else ""
        )
        documented = {line.split()[0].rpartition(".")[2] for line in listed.splitlines()}
        tree = ast.parse((ROOT / "python/patata/__init__.py").read_text(encoding="utf-8"))
        named = next(
            ast.literal_eval(node.value)
            for node in tree.body
            if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__"
        )
        modules = {"crawl", "pages", "__version__"}
        return [f"the reference has no {name}" for name in named if name not in documented | modules]

    def _name(self, path: Path) -> str:
        return str(path.relative_to(self.folder))


def main() -> int:
    """Tells of all faults."""
    if len(sys.argv) != 2:
        sys.exit(f"usage: {sys.argv[0]} SITE")
    site = Site(Path(sys.argv[1]))
    if not site.pages:
        sys.exit(f"{sys.argv[1]} has no pages")
    faults = site.faults()
    print(
        "\n".join(faults)
        or f"{len(site.pages)} pages: all links lead somewhere, and nothing is loaded from elsewhere"
    )
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
