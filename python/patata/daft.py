"""Fetches on Daft: a ``DataFrame`` with a column of URLs in, a ``DataFrame`` with the responses out.

``pip install "patata[daft]"`` brings what is needed.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from patata._clusters.holder import Shared
from patata._clusters.options import ClusterOptions
from patata._clusters.plan import Plan, planned
from patata._clusters.worker import Worker, lent
from patata._engines import check_frame, needed
from patata._options import Unpack

if TYPE_CHECKING:
    import daft
    import pyarrow as pa

ROW = "__patata_row"
"""A column by which rows that are equal are told apart."""

BATCH = 1_000
"""Rows that a process is given at once."""


def fetch(
    df: daft.DataFrame,
    url: str = "url",
    *,
    processes: int | None = None,
    **options: Unpack[ClusterOptions],
) -> daft.DataFrame:
    """Sends a request for each row, once, and gives the rows with their responses, collected.

    Batches of 1,000 rows are fetched by processes beside this one; where Daft runs on Ray, on its nodes. What
    is asked of the result afterwards sends nothing again. Daft does nothing anew on one machine: where a
    process dies, the fetch fails. With ``run_folder`` this process sends all itself there, as
    :func:`patata.fetch` does.

    Parameters
    ----------
    df
        A ``daft.DataFrame``.
    url
        The column of URLs, or a template over columns: ``"https://host/users/{user_id}"``. Default:
        ``"url"``.
    processes
        How many processes send. Default: as many as there are cores.
    options
        Any of :class:`patata.frames.ClientFetchOptions`, but for those that tell of one process's call, which
        are refused. ``rate``, ``concurrency`` and ``budgets`` hold for all workers together; the other ones
        are for each worker's client. ``body`` is ``"text"`` by default, and ``"json"`` needs ``schema``.
        ``budget_address="IP:PORT"`` says where this process listens for the workers, where they do not reach
        it by the address that Daft knows it by.

    Raises
    ------
    ModuleNotFoundError
        Where Daft is not installed.
    TypeError
        For a frame of another kind.
    ValueError
        Before the first request: for an option that cannot be used or does not hold on a cluster, for columns
        that are missing (a :class:`patata.FrameError`), and for a method that is not idempotent without
        ``run_folder`` or ``idempotency_key``.

    Examples
    --------
    >>> import daft
    >>> from patata.testing import Server
    >>> with Server() as server:
    ...     df = daft.from_pydict({"url": [server.url] * 100})
    ...     fetched = fetch(df, rate="1000/s", schema={"message": "string"})
    ...     fetched.count_rows(), fetched.to_pylist()[0]["body"], server.requests
    (100, {'message': 'Hello world!'}, 100)
    """
    daft = needed("daft")
    check_frame("daft", df)
    is_here = options.get("run_folder") is not None and _runner() == "native"
    fetching, budget = _planned(url, processes, options, has_parts=not is_here)
    with budget:
        fetching.plan.output(df.schema().to_pyarrow_schema())
        if is_here:
            with lent(fetching.plan) as worker:
                return daft.from_arrow(worker.whole(df.to_arrow()))
        return fetching(df).collect()


def mapper(url: str = "url", *, processes: int | None = None, **options: Unpack[ClusterOptions]) -> Fetch:
    """A function for ``df.pipe``, for who builds the pipeline: it adds the results' columns.

    It makes a class with ``daft.cls(use_process=True, max_concurrency=processes)``, and calls its method of
    batches (``daft.method.batch(return_dtype=..., batch_size=1000, unnest=True)``) with a struct of all
    columns. Such a frame is lazy: it sends the requests each time that it is shown or written. Call
    ``collect()`` before anything else. This process holds the budget of ``rate``, ``concurrency`` and
    ``budgets``, until the function is let go of.

    Parameters
    ----------
    url, processes, options
        As of :func:`fetch`. With ``run_folder``, batches of which all rows are equal to those of another
        batch count as one: have a column that tells them apart.

    Raises
    ------
    ModuleNotFoundError, ValueError
        As :func:`fetch`.

    Examples
    --------
    >>> import daft
    >>> from patata.testing import Server
    >>> with Server() as server:
    ...     df = daft.from_pydict({"url": [server.url] * 100})
    ...     df.pipe(mapper(keep=[])).collect().to_pydict()["status"][:3]
    [200, 200, 200]
    """
    needed("daft")
    return _planned(url, processes, options)[0]


class Fetch:
    """A function for ``df.pipe(fetching)``: it adds the results' columns, by a function of batches."""

    def __init__(self, plan: Plan, budget: Shared, processes: int | None) -> None:
        self.plan = plan
        self._budget = budget
        """Held for as long as this is, and not in processes."""
        self._processes = processes or len(os.sched_getaffinity(0))

    def __call__(self, df: daft.DataFrame) -> daft.DataFrame:
        """The kept columns of a frame, and those of the results. Nothing is sent until it is collected."""
        import daft.functions

        own = replace(self.plan, table={**self.plan.table, "keep": []})
        schema = df.schema().to_pyarrow_schema()
        self.plan.output(schema)
        keep = self.plan.table.get("keep")
        kept = df.column_names if keep is None else list(keep)
        if self.plan.has_keys:
            df = df._add_monotonically_increasing_id(ROW)
        asked = daft.functions.to_struct(*(df[name] for name in df.column_names))
        fetched = _batch_function(own, own.output(schema), self._processes)
        return df.select(*(df[name] for name in kept), fetched(asked))


def _batch_function(plan: Plan, fields: pa.Schema, processes: int) -> Callable[..., daft.Expression]:
    """Daft's function of batches, in processes of their own."""
    import daft
    import pyarrow as pa

    kind = daft.DataType.from_arrow_type(pa.struct(list(fields)))

    class Fetching:
        """Made once in each process."""

        def __init__(self) -> None:
            self._worker = Worker(plan)

        def __call__(self, rows: daft.Series) -> Any:
            results = self._worker.fetch(pa.Table.from_struct_array(rows.to_arrow()))
            return results.to_struct_array().combine_chunks()

    in_batches = daft.method.batch(return_dtype=kind, batch_size=BATCH, unnest=True)
    Fetching.__call__ = in_batches(Fetching.__call__)  # type: ignore[method-assign]
    made: Callable[..., daft.Expression] = daft.cls(Fetching, use_process=True, max_concurrency=processes)()
    return made


def _runner() -> str:
    import daft

    return str(daft.get_or_create_runner().name)


def _planned(url: str, processes: int | None, options: Any, has_parts: bool = True) -> tuple[Fetch, Shared]:
    plan, budget = planned(url, options, _driver, has_parts)
    return Fetch(plan, budget, processes), budget


def _driver() -> str:
    if _runner() == "native":
        return "127.0.0.1"
    import ray

    return str(ray.util.get_node_ip_address())
