"""A receipt as notebooks show it: the sum, and a line for each thing that is to be told."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from typing import Any

from patata._shown import figures
from patata._shown.block import block, emphasized, row, soft
from patata._shown.texts import cut, escaped, limited, named

IDS = 5
"""The most ids that are shown of each kind."""

IN_THE_SUM = ("Ok", "Failed", "Cancelled", "Skipped")
"""The lines whose figures are in the sum. What they say besides is shown."""

SHOWN = 4_000
"""The most characters of a receipt as text."""

MEANINGS = {"ok": "good", "failed": "bad", "cancelled": "fair"}
"""What the terms of the sum mean, where they are not zero."""


def block_of(
    submitted: int,
    ended: Mapping[str, int],
    lines: Iterable[tuple[str, str]],
    latency: Mapping[str, float],
    ids: Mapping[str, Sequence[Any]],
) -> str:
    """The block of a receipt: its sum, the lines of the log but for times, these, and some ids."""
    rows = [row(name, told) for name, value in lines if (told := _line(name, value))]
    if latency["max"]:
        rows.append(row("Latency", times_of(latency)))
    rows += [row(f"{kind}, ids", escaped(_some(of_kind))) for kind, of_kind in ids.items() if of_kind]
    return block("Receipt", sum_of(submitted, ended), rows)


def times_of(latency: Mapping[str, float]) -> str:
    """Times in units that are easily read."""
    return ", ".join(f"{name} {figures.milliseconds(time)}" for name, time in latency.items())


def sum_of(submitted: int, ended: Mapping[str, int]) -> str:
    """``submitted = ok + failed + cancelled + skipped``, with the terms that matter coloured."""
    terms = []
    for name, number in ended.items():
        told = f"{figures.count(number)} {name}"
        if not number:
            terms.append(soft(told))
        elif name in MEANINGS:
            terms.append(emphasized(told, MEANINGS[name]))
        else:
            terms.append(told)
    under_way = submitted - sum(ended.values())
    if under_way > 0:
        terms.append(emphasized(f"{figures.count(under_way)} under way", "busy"))
    return f"{figures.count(submitted)} submitted = {' + '.join(terms)}"


def pretty(name: str, fields: Mapping[str, Any]) -> str:
    """The ``repr`` of a receipt, of which no more is made than can be read."""
    told = ", ".join(f"{field}={limited(value, SHOWN // 4)}" for field, value in fields.items())
    return cut(f"{name}({told})", SHOWN)


def _line(name: str, value: str) -> str:
    """The HTML of a line of the log; empty where the sum has said all of it."""
    if name in IN_THE_SUM:
        _, bracket, detail = value.partition(" (")
        return escaped(detail.removesuffix(")")) if bracket else ""
    if value.isdecimal():
        return figures.size(int(value)) if name == "Bytes" else figures.count(int(value))
    return escaped(value)


def _some(ids: Sequence[Any]) -> str:
    told = ", ".join(cut(named(each), 60) for each in islice(ids, IDS))
    return f"{told}, and {figures.count(len(ids) - IDS)} more" if len(ids) > IDS else told
