"""What must not be sent twice: methods that need a run folder or a key, as engines run tasks again."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

IDEMPOTENT = frozenset({"GET", "HEAD", "PUT", "DELETE", "OPTIONS", "TRACE"})
"""The methods of which doing it twice is doing it once (RFC 9110, 9.2.2)."""

REMEDY = (
    "say run_folder= (on storage that all workers see), by which a task that is run again knows what was "
    "sent, or idempotency_key=True, by which the server knows it"
)


def method_column(table: dict[str, Any]) -> str | None:
    """The column that says the method of each row, if the frame has it."""
    name: str | None = dict(table.get("columns") or {}).get("method", "method")
    return name


def may_harm(table: dict[str, Any], columns: Collection[str]) -> bool:
    """Whether a request of a frame with these columns may have an effect each time that it is sent."""
    return table["method"].upper() not in IDEMPOTENT or method_column(table) in columns


def check_method(table: dict[str, Any], columns: Collection[str], has_identity: bool) -> None:
    """Raises where a worker's death could have something done twice.

    ``columns`` are those of the frame, as far as they are known; ``has_identity`` says that there is a run
    folder or a key.
    """
    if has_identity or not may_harm(table, columns):
        return
    column = method_column(table)
    if column in columns:
        what = f"the column {column!r} says the method, and may say one that"
    else:
        what = f"{table['method']} is a method that"
    raise ValueError(
        f"{what} is not safe to send twice, and an engine runs the tasks of a worker that has died again: "
        f"{REMEDY}"
    )


def check_speculation(engine: str, setting: str, has_identity: bool) -> None:
    """Raises for an engine that runs tasks twice at the same time, whatever the method."""
    if not has_identity:
        raise ValueError(
            f"{engine} runs slow tasks twice at the same time ({setting} is on), so requests would be sent "
            f"twice: turn it off, or {REMEDY}"
        )
