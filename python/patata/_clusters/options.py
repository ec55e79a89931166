"""The options on a cluster: what they say of the table, of each worker, and of all workers together."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from patata._frames.options import TABLE, ClientFetchOptions


class ClusterOptions(ClientFetchOptions, total=False):
    """What ``fetch`` and ``mapper`` of each engine take, beside their own parameters."""

    budget_address: str


class Given(NamedTuple):
    """The options, by whom they are for."""

    table: dict[str, Any]
    """For each worker's ``fetch``."""
    client: dict[str, Any]
    """For each worker's client."""
    limits: dict[str, Any]
    """For the budget of all workers together."""
    budget: Any
    """The one that was named instead."""
    budget_address: str | None
    run_folder: Any


LIMITS = ("rate", "concurrency", "budgets")
"""What holds for all workers together."""

OF_EACH = "it would hold for each worker by itself, and so be multiplied by their number; {} holds for all"
OF_ONE = "it tells of one process's call, and a cluster has many; {}"

REFUSED = {
    "rate_per_host": OF_EACH.format("rate"),
    "budgets_per_host": OF_EACH.format("budgets"),
    "concurrency_per_host": OF_EACH.format("concurrency"),
    "deadline": OF_ONE.format("cancel the job by the engine's own means"),
    "max_failures": OF_ONE.format("count the rows that have an error afterwards"),
    "abort_on": OF_ONE.format("count the rows of that status afterwards"),
    "progress": OF_ONE.format("the engine shows how far the job is"),
    "ordered": "rows keep their order within a partition",
    "lazy": "fetch() runs at once; mapper() is for pipelines that run later",
    "stream_to": 'files would be left on the disks of workers; say body="binary"',
    "seed": "all workers would make the same random choices",
}
"""Options that mean nothing on a cluster, or something else than they say, and what to do instead."""


def split(options: Mapping[str, Any]) -> Given:
    """Parts the options, and finds those that do not hold on a cluster.

    Raises
    ------
    ValueError
        For one of these; it says what to do instead.
    """
    for name, value in options.items():
        if name in REFUSED and value not in (None, False):
            raise ValueError(f"{name} is no option on a cluster: {REFUSED[name]}")
    given = {name: value for name, value in options.items() if name not in REFUSED}
    limits = {name: given.pop(name) for name in LIMITS if given.get(name) is not None}
    if limits.get("rate") == "auto":
        raise ValueError(
            'rate="auto" is no option on a cluster: each worker would pace itself as if it were alone; '
            'say a rate, like rate="100/s", which holds for all workers together'
        )
    if limits.get("concurrency") == "auto":
        # Each worker finds out by itself how many a host bears: they share it, like strangers.
        given["concurrency"] = limits.pop("concurrency")
    table = with_body({name: given.pop(name) for name in TABLE if name in given})
    apart = {name: given.pop(name, None) for name in ("budget", "budget_address", "run_folder")}
    return Given(table, {"num_workers": 1, "verbose": False, **given}, limits, **apart)


def with_body(table: dict[str, Any]) -> dict[str, Any]:
    """The options of the table with the type of bodies said, which must be the same on all workers."""
    has_schema = table.get("schema") is not None
    body = table.setdefault("body", "json" if has_schema else "text")
    if body == "json" and not has_schema:
        raise ValueError(
            'body="json" needs schema= on a cluster: each worker would infer a type of its own from its '
            'first rows; say schema={"name": "string", ...}, or body="text"'
        )
    return table
