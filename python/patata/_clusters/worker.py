"""What runs on workers: a client for each fetch that a process has a part in, and tables through it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import chain
from typing import TYPE_CHECKING, Any

from patata._clusters import rows
from patata._clusters.folder import part_of
from patata._clusters.plan import Plan
from patata.client import Patata
from patata.exceptions import PatataError

if TYPE_CHECKING:
    import pyarrow as pa


class BudgetEnded(PatataError):
    """The driver that held the budget has ended, or cannot be reached: the task fails, and not its rows."""


class Worker:
    """A client, and what is done with tables."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        budget: dict[str, Any] = {} if plan.budget is None else {"budget": plan.budget}
        self._client = Patata(**plan.client, **budget)
        self._kind = f"{plan.table['prefix']}error_kind"

    def fetch(self, table: pa.Table, place: str = "", is_number: bool = True) -> pa.Table:
        """The table with the results of its rows.

        ``place`` tells rows from equal ones in another part of the frame: it is the same when the task is run
        again. Where it is no number of its part in the frame, the part's other rows tell it from others too.
        """
        plan, options = self._plan, dict(self._plan.table)
        # The driver has not seen the columns of every pipeline.
        plan.output(table.schema)
        if plan.run_folder is not None:
            name = rows.name(rows.digests(table), place)
            options["run_folder"] = part_of(plan.run_folder, name, plan.part_session)
        elif plan.has_keys and plan.may_harm(table.column_names):
            columns = options["columns"]
            options["keep"] = table.column_names if options["keep"] is None else options["keep"]
            digests = rows.digests(table)
            keys = rows.keys(digests, place if is_number else rows.name(digests, place), plan.session)
            table = rows.with_keys(table, keys, columns.get("headers", "headers"))
            options["columns"] = {**columns, "headers": rows.HEADERS}
        results = self._client.fetch(table, plan.url, **options)
        self._check(results.column(self._kind))
        return results

    def stream(self, batches: Iterator[pa.RecordBatch], place: str) -> Iterator[pa.RecordBatch]:
        """The same for a part of the frame that comes in batches, of which the results come as they are
        there.

        Where rows must be known again, all of the part is read first.
        """
        import pyarrow as pa

        first = next(batches, None)
        if first is None:
            return
        batches = chain([first], batches)
        if self._plan.needs_identity:
            yield from self.fetch(pa.Table.from_batches(batches), place).to_batches()
            return
        self._plan.output(first.schema)
        reader = pa.RecordBatchReader.from_batches(first.schema, batches)
        for batch in self._client.fetch(reader, self._plan.url, **self._plan.table):
            self._check(batch.column(self._kind))
            yield batch

    def whole(self, table: pa.Table) -> pa.Table:
        """The same for all of a frame, where it is on one machine anyway: one run, with one folder."""
        options = {**self._plan.table, "run_folder": self._plan.run_folder}
        results = self._client.fetch(table, self._plan.url, **options)
        self._check(results.column(self._kind))
        return results

    def _check(self, kinds: Any) -> None:
        """Fails the task where the driver's budget is gone: a row's error would stay in the frame."""
        if self._plan.is_served:
            import pyarrow.compute as pc

            if pc.any(pc.equal(kinds, "budget")).as_py():
                raise BudgetEnded(
                    "the budget that the driver held for this fetch cannot be reached: the fetch has ended, "
                    "or its driver has; fetch anew, with run_folder= to go on where it stopped"
                )

    def close(self) -> None:
        """Ends the client, and gives back what it has of the budget."""
        self._client.close()


_lock = threading.Lock()
_lent: dict[str, tuple[Worker, int]] = {}
"""The workers of this process by the sessions of their plans, and how many tasks have each."""


@contextmanager
def lent(plan: Plan) -> Iterator[Worker]:
    """The worker of a plan in this process, shared by the tasks that run at the same time."""
    with _lock:
        worker, users = _lent.get(plan.session) or (Worker(plan), 0)
        _lent[plan.session] = worker, users + 1
    try:
        yield worker
    finally:
        with _lock:
            worker, users = _lent.pop(plan.session)
            if users > 1:
                _lent[plan.session] = worker, users - 1
        if users == 1:
            worker.close()
