"""What a fetch is to do, as the driver makes it, checks it and gives it to its workers."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from patata import _options, _patata
from patata._clusters import safety
from patata._clusters.folder import begun
from patata._clusters.holder import Shared, shared
from patata._clusters.options import split
from patata._frames import options as tables
from patata.budget import BudgetHandle
from patata.client import Patata

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True)
class Plan:
    """What each worker is told. It can be pickled, with functions in it by cloudpickle."""

    url: str
    table: dict[str, Any]
    """What is asked of the table, whole: each worker's ``fetch`` takes it."""
    client: dict[str, Any]
    """The options of each worker's client."""
    budget: BudgetHandle | None
    is_served: bool
    """Whether the budget is held by the driver, and so ends with it."""
    run_folder: Any
    part_session: int
    """By which the run folder knows this fetch."""
    session: str
    """By which what belongs to this fetch is told from what belongs to another one of the same rows."""

    @property
    def has_keys(self) -> bool:
        """Whether requests are to have keys by which servers know them again."""
        return bool(self.client.get("idempotency_key"))

    @property
    def needs_identity(self) -> bool:
        """Whether rows must be known again when a task is run again."""
        return self.has_keys or self.run_folder is not None

    def may_harm(self, columns: list[str]) -> bool:
        """Whether a request may do something that is done twice when it is sent twice."""
        return safety.may_harm(self.table, columns)

    def output(self, schema: pa.Schema) -> pa.Schema:
        """The columns of the results, for a frame of such columns.

        Raises
        ------
        FrameError
            Where there is no URL column, or whatever else is wrong with the columns. Nothing was sent.
        ValueError
            Where a column says methods that are not safe to send again.
        """
        import pyarrow as pa

        table = tables.of_url(tables.split(self.table)[0], self.url)
        method = table.pop("method")
        planned = pa.schema(_patata.plan_table(method, schema, table))
        safety.check_method(self.table, schema.names, self.needs_identity)
        return planned


def planned(
    url: str,
    options: Mapping[str, Any],
    reachable: Callable[[], str | None],
    has_parts: bool = True,
) -> tuple[Plan, Shared]:
    """Checks the options, starts the budget, and makes the plan.

    ``reachable`` gives the address of this process as workers know it, and is asked only if it is wanted.
    ``has_parts`` says that the run folder, if any, has a part for each worker.
    """
    given = split(options)
    told, _ = tables.split(given.table)
    tables.of_url(told, url)
    table = {name: told[name] for name in tables.TABLE}
    # Options that cannot be used are told here, and not by workers.
    with Patata(**given.client):
        pass
    folder, _ = _options.run_folder({"run_folder": given.run_folder})
    has_identity = bool(given.client.get("idempotency_key")) or folder is not None
    safety.check_method(table, [], has_identity)
    is_asked = given.limits and given.budget is None and given.budget_address is None
    budget = shared(given.limits, given.budget, given.budget_address, reachable() if is_asked else None)
    part_session = begun(folder, table["method"], given.client) if folder is not None and has_parts else 0
    session = uuid.uuid4().hex
    plan = Plan(url, table, given.client, budget.handle, budget.is_served, folder, part_session, session)
    return plan, budget
