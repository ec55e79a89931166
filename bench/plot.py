"""Draws the results of the contest and of the programs, in a light and a dark picture each."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from html import escape
from typing import Any

import harness

WIDTH = 860
LEFT = 130
"""Where bars begin."""
BAR, GAP = 14, 6
COLUMNS = 3

NAMES = {"patata_two": "patata, 2 workers", "patata_old": "patata 3.6.0", "rusty_req": "rusty-req"}


@dataclass(frozen=True)
class Theme:
    name: str
    background: str
    text: str
    faint: str
    ours: str
    theirs: str
    limit: str


THEMES = [
    Theme("light", "#ffffff", "#1f2328", "#656d76", "#d9822b", "#b8c4d0", "#57a773"),
    Theme("dark", "#0d1117", "#e6edf3", "#8d96a0", "#f0a04b", "#3d4a58", "#57a773"),
]


@dataclass(frozen=True)
class Bar:
    name: str
    value: float
    kind: str
    """ours, theirs, or limit"""


def bars(result: dict[str, Any], figure: str) -> list[Bar]:
    """Those that did the work, the shortest first."""
    found = []
    for peer, entry in result["peers"].items():
        did_all = entry["rounds"] and all(one["right"] == one["count"] for one in entry["rounds"])
        if did_all and peer != "patata_two":
            found.append(Bar(NAMES.get(peer, peer), entry[figure], "ours" if peer == "patata" else "theirs"))
    limit = result["limit"]
    if limit and figure == "cpu_microseconds":
        found.append(Bar(limit["name"], limit["cpu_microseconds"], "limit"))
    return sorted(found, key=lambda bar: bar.value)


def number(value: float) -> str:
    """With as many digits as are of interest."""
    return f"{value:,.0f}" if value >= 100 else f"{value:,.1f}" if value >= 1 else f"{value:.2f}"


def drawn(theme: Theme, shown: list[Bar], left: float, top: float, width: float, label: float) -> list[str]:
    """Bars in a linear scale that ends at the longest; those that would leave it are cut, and say so."""
    longest = min(max(bar.value for bar in shown), 12 * min(bar.value for bar in shown))
    room = width - label - 62
    lines = []
    for index, bar in enumerate(shown):
        y = top + index * (BAR + GAP)
        length = max(2.0, min(bar.value / longest, 1.0) * room)
        colour = {"ours": theme.ours, "theirs": theme.theirs, "limit": theme.limit}[bar.kind]
        weight = "600" if bar.kind == "ours" else "400"
        lines += [
            text(theme.text, left + label - 8, y + BAR - 3, bar.name, anchor="end", weight=weight),
            f'<rect x="{left + label:.1f}" y="{y:.1f}" width="{length:.1f}" height="{BAR}" rx="2" '
            f'fill="{colour}"/>',
        ]
        value = number(bar.value) + (" ⟶" if bar.value > longest else "")
        lines.append(text(theme.faint, left + label + length + 6, y + BAR - 3, value, weight=weight))
    return lines


def text(
    colour: str, x: float, y: float, words: str, size: int = 12, anchor: str = "start", weight: str = "400"
) -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" fill="{colour}" font-size="{size}" font-weight="{weight}" '
        f'text-anchor="{anchor}">{escape(words)}</text>'
    )


def picture(theme: Theme, results: list[dict[str, Any]], machine: str) -> str:
    """The first scenario large, the others as small ones below it."""
    first, *others = results
    shown = bars(first, "cpu_microseconds")
    lines = [
        text(theme.text, 20, 32, "CPU time of one small GET from Python, µs", size=16, weight="600"),
        *drawn(theme, shown, 20, 50, WIDTH - 40, LEFT),
    ]
    top = 50 + len(shown) * (BAR + GAP) + 34
    cell = (WIDTH - 40) / COLUMNS
    for begin in range(0, len(others), COLUMNS):
        row = others[begin : begin + COLUMNS]
        height = 0.0
        for column, result in enumerate(row):
            figure, unit = FIGURES.get(result["name"], ("cpu_microseconds", "CPU µs"))
            small = bars(result, figure)[:8]
            left = 20 + column * cell
            lines.append(text(theme.text, left, top, f"{result['title']}, {unit}", weight="600"))
            lines += drawn(theme, small, left, top + 12, cell - 10, 86)
            height = max(height, len(small) * (BAR + GAP) + 44)
        top += height
    return framed(theme, "patata beside its peers", lines, top, machine)


def picture_of_programs(theme: Theme, result: dict[str, Any], machine: str) -> str:
    """The program beside others that send requests."""
    kinds = {"patata": "ours", "wrk": "limit"}
    taken = result["figures"]["cpu_microseconds"]
    shown = [Bar(name, value, kinds.get(name, "theirs")) for name, value in taken.items()]
    lines = [
        text(
            theme.text, 20, 32, "CPU time of one small GET from the command line, µs", size=16, weight="600"
        ),
        *drawn(theme, sorted(shown, key=lambda bar: bar.value), 20, 50, WIDTH - 40, LEFT + 30),
    ]
    return framed(theme, "patata beside other programs", lines, 50 + len(shown) * (BAR + GAP) + 20, machine)


def framed(theme: Theme, title: str, lines: list[str], bottom: float, machine: str) -> str:
    body = "\n".join([*lines, text(theme.faint, 20, bottom, machine, size=11)])
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{bottom + 16:.0f}" '
        f'viewBox="0 0 {WIDTH} {bottom + 16:.0f}" font-family="system-ui, sans-serif" role="img">\n'
        f"<title>{title}</title>\n"
        f'<rect width="100%" height="100%" fill="{theme.background}"/>\n'
        f"{body}\n</svg>\n"
    )


FIGURES = {
    "latency_2000": ("wall_microseconds", "µs each"),
    "latency_8000": ("peak_megabytes", "MB"),
    "callback": ("wall_microseconds", "µs each"),
    "startup": ("start_seconds", "seconds"),
}
"""What is drawn of a scenario, where that is not CPU time."""


def main() -> None:
    draw("contest", lambda theme, measured, machine: picture(theme, measured["scenarios"], machine))
    draw("programs", picture_of_programs)


def draw(name: str, drawer: Callable[[Theme, dict[str, Any], str], str]) -> None:
    """Draws what was measured under this name, in each theme."""
    source = harness.RESULTS / f"{name}.json"
    if not source.exists():
        sys.exit(f"{source} is missing; make bench measures it")
    measured = json.loads(source.read_text())
    machine = measured["machine"]
    told = f"{machine['cpu']}, {machine['cores']} cores, {measured['date'][:10]}; shorter is better"
    for theme in THEMES:
        path = harness.RESULTS / f"{name}-{theme.name}.svg"
        path.write_text(drawer(theme, measured, told))
        print(path.relative_to(harness.REPOSITORY))


if __name__ == "__main__":
    main()
