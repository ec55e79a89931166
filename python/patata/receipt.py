"""The accounts of a call: how many requests were taken, and what became of each."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple, Protocol, TypeVar

Error = TypeVar("Error", bound=BaseException | None)

NAMED = 5
"""The most hosts that the log names."""

TIMES = "Latency (s)"
"""The name of the log's line that tells of these."""


class Latency(NamedTuple):
    """How long requests took, in seconds, with all their attempts. Each figure is right to 1 %.

    ``p50``, ``p90`` and ``p99`` are the times within which so many in a hundred were done.
    """

    p50: float
    p90: float
    p99: float
    max: float


class Spent(NamedTuple):
    """What requests have cost in one unit: as it was estimated before they were sent, and as it was settled.

    What nobody has settled counts as it was estimated in both.
    """

    estimated: float
    settled: float


class Receipt(NamedTuple):
    """What became of the requests of one call.

    ``submitted == ok + failed + cancelled + skipped``, and ``failed`` is the sum of ``errors`` and
    ``failed_statuses``.

    Attributes
    ----------
    submitted
        How many requests were taken from the input.
    ok
        How many were answered with a status of success: below 400, or one of ``ok_statuses``.
    failed
        How many ended in an error, or were answered with another status.
    cancelled
        How many were given up because the call ended early.
    attempts
        How many attempts were begun for the requests that are done.
    retries_denied
        How many requests would have been tried again, had ``retry_budget`` had room for it.
    bytes
        The bytes of all bodies that were received, after decoding, without those that went to files.
    errors
        How many ended in which error, by the name of its class in ``patata.exceptions``.
    failed_statuses
        How many were answered with which status that is no success.
    latency
        How long requests took.
    unsent, unknown
        Of those that were cancelled, or failed by the ``deadline``: how many were not sent, and how many
        were sent and have no outcome, so that the server may have done what they ask for.
    unsent_ids, unknown_ids
        The ids of the first 1,000 of each.
    not_resent
        How many requests ``retries`` would have sent again, but for bodies that can be read only once:
        iterators, pipes.
    removed_parts, removed_parts_in
        How many files (``.patata-….part``) of processes that ended in the middle of a download this call
        has found and removed, and the folder of the last of them.
    unavailable_hosts
        How many requests were not sent as their host did not answer any more (``host_timeout``), by host, for
        the first 1,000 such hosts.
    skipped
        How many were not sent as an earlier process had done them (``run_folder``). Those that it has sent,
        nobody knows to what effect, are among ``cancelled`` and ``unknown``, unless leave was given to send
        them again.
    costs
        What the requests that are done have cost, by unit, where there are ``budgets``, or ``settle`` says
        it: its ``estimated`` and its ``settled`` amount.
    budget_waits
        For how many seconds each budget was what kept requests from being sent, by its name: ``"tokens"``,
        ``"tokens per host"``, ``"concurrency of the shared budget"``. That is the time in which a request
        was next at its host, and only that budget had too little left. Empty where none had to wait.
    followed
        How many of those submitted joined the call while it was under way: by ``follow``, or ``submit``.
    cache_hits, cache_revalidated, cache_misses
        With a ``cache``: how many requests it has answered; how many it has after the server was asked
        whether what is stored is still good, or had failed, and files that were left as they are
        (``if_changed``); and how many it could have answered, and has not.
    shared
        How many were answered with the response to an equal request (``distinct``).
    cache_trouble
        Why the cache has not kept something that it should have: a disk that is full, above all. ``None``
        where there was no trouble.
    left_out
        How many were found besides, and not taken, as there were as many as ``max_requests`` allows. With a
        ``run_folder`` they are in there, and the call that goes on with it takes them.

    Examples
    --------
    >>> from patata import Patata
    >>> from patata.testing import Server
    >>> with Server() as server, Patata(verbose=False) as client:
    ...     paths = ["/", "/status/404", "/"]
    ...     _ = list(client.http("get", ((path, server.url + path) for path in paths)))
    ...     client.receipt.submitted, client.receipt.ok, client.receipt.failed_statuses
    (3, 2, {404: 1})
    """

    submitted: int
    ok: int
    failed: int
    cancelled: int
    attempts: int
    retries_denied: int
    bytes: int
    errors: dict[str, int]
    failed_statuses: dict[int, int]
    latency: Latency
    unsent: int
    unknown: int
    unsent_ids: list[Any]
    unknown_ids: list[Any]
    not_resent: int = 0
    removed_parts: int = 0
    removed_parts_in: Path | None = None
    unavailable_hosts: dict[str, int] = {}  # noqa: RUF012 - it is never written to
    skipped: int = 0
    costs: dict[str, Spent] = {}  # noqa: RUF012 - it is never written to
    budget_waits: dict[str, float] = {}  # noqa: RUF012 - it is never written to
    followed: int = 0
    left_out: int = 0
    cache_hits: int = 0
    cache_revalidated: int = 0
    cache_misses: int = 0
    shared: int = 0
    cache_trouble: str | None = None

    @classmethod
    def of(cls, accounts: dict[str, Any], *, has_ended: bool = True) -> Receipt:
        """Made of the engine's accounts. What is under way counts as given up where the call has ended."""
        costs = {unit: Spent(*spent) for unit, spent in accounts.get("costs", {}).items()}
        fields = {**accounts, "latency": Latency(*accounts["latency"]), "costs": costs}
        outstanding = fields.pop("outstanding")
        if has_ended:
            fields["cancelled"] += outstanding
        return cls(**fields)

    def unfinished(self) -> str:
        """In words, what the call ended without; empty where it ended with all."""
        counts = ((self.unsent, "not sent"), (self.unknown, "sent with unknown outcome"))
        return ", ".join(f"{count} {what}" for count, what in counts if count)

    def _cache_lines(self) -> list[tuple[str, str]]:
        hits, revalidated, misses = self.cache_hits, self.cache_revalidated, self.cache_misses
        lines = []
        if hits or revalidated or misses:
            lines.append(
                ("From the cache", f"{hits} (and {revalidated} revalidated; {misses} were not there)")
            )
        if self.shared:
            lines.append(("Shared", f"{self.shared} (responses to equal requests)"))
        if self.cache_trouble is not None:
            lines.append(("Cache", self.cache_trouble))
        return lines

    def reasons(self) -> dict[str, int]:
        """Why requests have failed, and how many, by the names of errors and by statuses."""
        return {**self.errors, **{f"status {code}": count for code, count in self.failed_statuses.items()}}

    def lines(self) -> list[tuple[str, str]]:
        """The names and values that the log shows."""
        detail = ", ".join(f"{reason}: {count}" for reason, count in self.reasons().items())
        unfinished = self.unfinished()
        if self.unavailable_hosts:
            hosts = list(self.unavailable_hosts)
            detail += f"; no answer from {', '.join(hosts[:NAMED])}{', …' * (len(hosts) > NAMED)}"
        latency = self.latency
        times = f"p50 {latency.p50:.3f}, p90 {latency.p90:.3f}, p99 {latency.p99:.3f}, max {latency.max:.3f}"
        lines = [
            ("Ok", str(self.ok)),
            ("Failed", f"{self.failed} ({detail})" if detail else str(self.failed)),
            ("Cancelled", f"{self.cancelled} ({unfinished})" if unfinished else str(self.cancelled)),
            *([("Skipped", f"{self.skipped} (done by an earlier process)")] if self.skipped else []),
            *([("Followed", str(self.followed))] if self.followed else []),
            *([("Left out", f"{self.left_out} (max_requests)")] if self.left_out else []),
            *self._cache_lines(),
            ("Attempts", str(self.attempts)),
            ("Bytes", str(self.bytes)),
            (TIMES, times),
        ]
        for unit, spent in self.costs.items():
            lines.append((f"Cost in {unit}", f"{spent.settled:.15g} (estimated {spent.estimated:.15g})"))
        if self.budget_waits:
            waits = (f"{budget} {seconds:.3f}" for budget, seconds in self.budget_waits.items())
            lines.append(("Budget waits (s)", ", ".join(waits)))
        if self.not_resent:
            why = "bodies that can be read only once; give bytes, a path, a list or a seekable file"
            lines.append(("Not sent again", f"{self.not_resent} ({why})"))
        if self.removed_parts:
            where = f"unfinished downloads of an earlier process, in {self.removed_parts_in}"
            lines.append(("Removed", f"{self.removed_parts} ({where})"))
        return lines

    def _repr_html_(self) -> str:
        """What notebooks show: the sum, and the lines of the log."""
        # Most programs are no notebooks.
        from patata._shown.receipt import block_of

        lines = [line for line in self.lines() if line[0] != TIMES]
        times = self.latency._asdict()
        return block_of(self.submitted, self._ended(), lines, times, self._ids())

    def _repr_pretty_(self, printer: Any, _is_cycle: bool) -> None:
        """What IPython shows as text: the ``repr``, cut short where there are many ids."""
        from patata._shown.receipt import pretty

        printer.text(pretty(type(self).__name__, self._asdict()))

    def _ended(self) -> dict[str, int]:
        """The terms of the sum, by the names of the fields."""
        return {"ok": self.ok, "failed": self.failed, "cancelled": self.cancelled, "skipped": self.skipped}

    def _ids(self) -> dict[str, list[Any]]:
        """The ids of what the call ended without."""
        return {"Not sent": self.unsent_ids, "Outcome unknown": self.unknown_ids}


NOTHING = Receipt(0, 0, 0, 0, 0, 0, 0, {}, {}, Latency(0.0, 0.0, 0.0, 0.0), 0, 0, [], [])
"""That of a call that has not begun."""


class Run(Protocol):
    """The engine's side of a call."""

    def receipt(self) -> dict[str, Any] | None:
        """Its accounts."""
        ...

    def counts(self) -> tuple[int, int, int] | None:
        """How many requests were taken, are done, and have failed."""
        ...


class Counts(Protocol):
    """What is always known of a call under way."""

    @property
    def submitted(self) -> int:
        """How many requests were taken."""
        ...

    @property
    def done(self) -> int:
        """How many are done."""
        ...

    @property
    def failed(self) -> int:
        """How many of these failed."""
        ...


def _nothing() -> None:
    return None


class Accounts:
    """The accounts of a call, of which a receipt is only made for who asks: that takes its time."""

    __slots__ = ("_final", "_last", "_read", "adjust", "counts")

    def __init__(self, stream: Run) -> None:
        self._read = stream.receipt
        """Gives the engine's accounts; ``None`` while they are in use."""
        self.counts = stream.counts
        """Likewise gives what of them can be had at little cost."""
        self._last = NOTHING
        self._final: Receipt | None = None
        self.adjust: Callable[[Receipt], Receipt] | None = None
        """Adds what the engine does not know."""

    def so_far(self, counts: Callable[[], Counts]) -> Receipt:
        """Those of a call under way; where they are in use, those of the last time with the counts of now."""
        if self._final is not None:
            return self._final
        receipt = self._receipt(has_ended=False)
        if receipt is None:
            now = counts()
            ok = now.done - now.failed - self._last.skipped
            return self._last._replace(submitted=now.submitted, ok=max(ok, 0), failed=now.failed)
        self._last = receipt
        return receipt

    def at_end(self) -> Receipt:
        """Those of a call that ends: what is under way counts as given up."""
        return self._receipt(has_ended=True) or self._final or self._last

    def final(self) -> Receipt:
        """Those of a call that has ended."""
        if self._final is None:
            self._final = self.at_end()
            # What the call was held by goes, with the ids that both have.
            self._read = self.counts = _nothing
        return self._final

    def _receipt(self, *, has_ended: bool) -> Receipt | None:
        accounts = self._read()
        if accounts is None:
            return None
        receipt = Receipt.of(accounts, has_ended=has_ended)
        return receipt if self.adjust is None else self.adjust(receipt)


def tell(error: Error, accounts: Accounts) -> Error:
    """Puts the receipt of a call on the exception that it ended by, and into words what it ended without."""
    if error is None or isinstance(error, (GeneratorExit, StopIteration)):
        return error
    receipt = accounts.final()
    # Some exceptions cannot be changed.
    with suppress(AttributeError, TypeError):
        error.receipt = receipt  # type: ignore[attr-defined]
    if (unfinished := receipt.unfinished()) and hasattr(error, "add_note"):
        error.add_note(f"requests that the call ended without: {unfinished}; client.receipt has their ids")
    return error
