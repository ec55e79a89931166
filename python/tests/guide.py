"""The pages of the documentation as what can be run: their blocks of code, with what each is to print.

A fenced block is run if its language is ``python`` or ``sh``; those of a page run one after another in
one folder, and those of Python in one module. What a page says of a block, by its place and its title:

``output`` behind a block
    What the block prints. ``…`` stands for anything in a line, and alone in a line for any lines. With the
    title "The log" it is what goes to standard error.
a title that is the name of a file
    The block is that file, and is not run by itself.
the titles "Before" and "After"
    Code for another library, which runs in the environment of the documentation, and ours. Each runs by
    itself, and both print the same.
``<!-- not run: WHY -->`` before a block
    It is an example that cannot be run here.
``<!-- tested with: THIS = THAT, ... -->`` anywhere
    What is written otherwise in tests, so that they end soon.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
RUN = ("python", "sh")
SHOWN = ("text", "json", "toml", "csv", "dockerfile", "html")
"""Languages of what is looked at only."""

FENCE = re.compile(r"^(?P<margin> *)(?P<fence>`{3,}) *(?P<language>[\w-]*)(?P<rest>.*)$")
NOT_RUN = re.compile(r"<!-- not run: (?P<reason>.+?) -->")
TESTED_WITH = re.compile(r"<!-- tested with: (.+?) -->")


class Block(NamedTuple):
    """A fenced block of a page."""

    page: Path
    line: int
    language: str
    title: str
    code: str
    not_run: str | None

    @property
    def is_file(self) -> bool:
        """Whether it is a file, by its title."""
        return re.fullmatch(r"[\w-]+\.\w+", self.title) is not None

    @property
    def is_run(self) -> bool:
        """Whether it runs by itself, among the others of its page."""
        return self.language in RUN and not (
            self.is_file or self.not_run or self.title in ("Before", "After")
        )


def pages() -> list[Path]:
    """The README, and all pages of the documentation."""
    return [ROOT / "README.md", *sorted(ROOT.glob("docs/**/*.md"))]


def blocks(page: Path) -> list[Block]:
    """The fenced blocks of a page."""
    found: list[Block] = []
    lines = page.read_text().splitlines()
    at = 0
    while at < len(lines):
        opening = FENCE.match(lines[at])
        if opening is None:
            at += 1
            continue
        end = next(i for i in range(at + 1, len(lines)) if lines[i].strip() == opening["fence"])
        margin = len(opening["margin"])
        code = "".join(line[margin:] + "\n" for line in lines[at + 1 : end])
        title = re.search(r'title="([^"]+)"', opening["rest"])
        found.append(
            Block(page, at + 1, opening["language"], title[1] if title else "", code, _not_run(lines, at))
        )
        at = end + 1
    return found


def _not_run(lines: list[str], at: int) -> str | None:
    """The reason for which the block that begins there is not run."""
    before = next((line for line in reversed(lines[:at]) if line.strip()), "")
    mark = NOT_RUN.fullmatch(before.strip())
    return mark["reason"] if mark else None


def in_tests(page: Path) -> list[tuple[str, str]]:
    """What the page's code has otherwise in tests."""
    pairs = [pair for mark in TESTED_WITH.findall(page.read_text()) for pair in mark.split(", ")]
    return [tuple(pair.split(" = ")) for pair in pairs]  # type: ignore[misc]


def pattern(output: str) -> str:
    """The expression that matches what a block is to print."""
    lines = [
        r"(?:.*\n)*?" if line.strip() == "…" else re.escape(line).replace("…", ".*") + r"\n"
        for line in output.splitlines()
    ]
    return "".join(lines)
