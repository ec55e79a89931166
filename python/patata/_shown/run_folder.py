"""A run folder as notebooks show it: where it is, what has become of its requests, and what is in it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from patata._shown import figures
from patata._shown.block import block, emphasized, row, soft
from patata._shown.receipt import sum_of, times_of
from patata._shown.texts import escaped, exception_text


def html_of(path: Path, read: Callable[[], tuple[bool, Any]]) -> str:
    """The block of a folder. ``read`` gives whether a process is at work in it, and its accounts."""
    title = escaped(f"Run folder {path}")
    try:
        if not path.exists():
            return block(title, soft("is not there; a call that is given it begins a run"))
        is_running, receipt = read()
    except Exception as error:
        # One that is none, or is gone meanwhile, or cannot be read: that is what there is to be told.
        return block(title, emphasized(escaped(exception_text(error)), "bad"))
    return block(title, _state(is_running), [row("Requests", sum_of(*_sum(receipt))), *_rows(path, receipt)])


def _state(is_running: bool) -> str:
    if is_running:
        return emphasized("a process is at work in it", "busy")
    return soft("no process is at work in it")


def _sum(receipt: Any) -> tuple[int, Mapping[str, int]]:
    return receipt.submitted, {"ok": receipt.ok, "failed": receipt.failed, "unknown": receipt.unknown}


def _rows(path: Path, receipt: Any) -> list[str]:
    rows = []
    if reasons := receipt.reasons():
        told = ", ".join(f"{reason}: {figures.count(number)}" for reason, number in reasons.items())
        rows.append(row("Failed", escaped(told)))
    latency = receipt.latency
    if latency.max:
        rows.append(row("Latency", times_of(latency._asdict())))
    rows.append(
        row("Received", f"{figures.size(receipt.bytes)} in {figures.count(receipt.attempts)} attempts")
    )
    rows.append(row("Rows", escaped(_rows_in(path / "out"))))
    if (path / "report.html").exists():
        rows.append(row("Report", escaped(str(path / "report.html"))))
    return rows


def _rows_in(out: Path) -> str:
    """The files of rows, and how large they are."""
    try:
        sizes = [each.stat().st_size for each in out.iterdir()]
    except OSError:
        # The folder of a cluster's job has them elsewhere, and another process may rename one just now.
        return str(out)
    files = "1 file" if len(sizes) == 1 else f"{figures.count(len(sizes))} files"
    return f"{files}, {figures.size(sum(sizes))}, in {out}"
