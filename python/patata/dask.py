"""Fetches on Dask: a ``DataFrame`` with a column of URLs in, a ``DataFrame`` with the responses out.

``pip install "patata[dask]"`` brings what is needed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from patata._clusters.holder import Shared, towards
from patata._clusters.options import ClusterOptions
from patata._clusters.plan import Plan, planned
from patata._clusters.worker import lent
from patata._engines import check_frame, needed
from patata._options import Unpack
from patata.exceptions import PatataError

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa
    from dask.dataframe import DataFrame
    from distributed import Client


def fetch(ddf: DataFrame, url: str = "url", **options: Unpack[ClusterOptions]) -> DataFrame:
    """Sends a request for each row, once, and gives the rows with their responses, persisted on the workers.

    Divisions and index stay as they are. The columns of the results have types of Arrow, so that each
    partition has the same ones, with nulls where a request has failed. What is asked of the result afterwards
    sends nothing again.

    Parameters
    ----------
    ddf
        A ``dask.dataframe.DataFrame``. Each of its partitions is fetched by one task.
    url
        The column of URLs, or a template over columns: ``"https://host/users/{user_id}"``. Default:
        ``"url"``.
    options
        Any of :class:`patata.frames.ClientFetchOptions`, but for those that tell of one process's call, which
        are refused. ``rate``, ``concurrency`` and ``budgets`` hold for all workers together; the other ones
        are for each worker's client. ``body`` is ``"text"`` by default, and ``"json"`` needs ``schema``.
        ``budget_address="IP:PORT"`` says where this process listens for the workers, where they do not reach
        it by the address that Dask knows it by.

    Raises
    ------
    ModuleNotFoundError
        Where Dask is not installed.
    ConnectionError
        Where there is no cluster.
    TypeError
        For a frame of another kind.
    ValueError
        Before the first request: for an option that cannot be used or does not hold on a cluster, for columns
        that are missing (a :class:`patata.FrameError`), and for a method that is not idempotent without
        ``run_folder`` or ``idempotency_key``.

    Examples
    --------
    >>> import dask.dataframe as dd, pandas as pd
    >>> from patata.testing import Server
    >>> with Server() as server:
    ...     ddf = dd.from_pandas(pd.DataFrame({"url": [server.url] * 100}), npartitions=4)
    ...     fetched = fetch(ddf, rate="1000/s", schema={"message": "string"})
    ...     len(fetched), fetched.body.head(1)[0], server.requests
    (100, {'message': 'Hello world!'}, 100)
    """
    needed("dask")
    check_frame("dask", ddf)
    fetching, budget = _planned(url, options, is_once=True)
    with budget:
        return fetching.persisted(ddf.map_partitions(fetching, meta=fetching.meta(ddf)))


def mapper(url: str = "url", **options: Unpack[ClusterOptions]) -> Fetch:
    """A function for ``ddf.map_partitions``, for who builds the pipeline.

    ``ddf.map_partitions(fetching, meta=fetching.meta(ddf))``: without ``meta`` Dask would call it to find out
    the columns. Such a frame is lazy: each ``compute()`` sends the requests, and ``set_index`` sends them
    twice. Call ``persist()``, or write it, before anything else. This process holds the budget of ``rate``,
    ``concurrency`` and ``budgets``, until the function is let go of.

    Parameters
    ----------
    url, options
        As of :func:`fetch`.

    Raises
    ------
    ModuleNotFoundError, ConnectionError, ValueError
        As :func:`fetch`.

    Examples
    --------
    >>> import dask.dataframe as dd, pandas as pd
    >>> from patata.testing import Server
    >>> with Server() as server:
    ...     ddf = dd.from_pandas(pd.DataFrame({"url": [server.url] * 100}), npartitions=4)
    ...     fetching = mapper(keep=[])
    ...     set(ddf.map_partitions(fetching, meta=fetching.meta(ddf)).compute().status)
    {200}
    """
    needed("dask")
    return _planned(url, options, is_once=False)[0]


class ResultLost(PatataError):
    """Rows of a fetch that has ended were lost with a worker."""


class Fetch:
    """A function for ``ddf.map_partitions(fetching, meta=fetching.meta(ddf))``."""

    def __init__(self, plan: Plan, budget: Shared | None, is_once: bool) -> None:
        self.plan = plan
        self._budget = budget
        """Held for as long as this is, and not on workers."""
        self._is_once = is_once
        # Other columns stay in pandas, as they are.
        self._own = replace(plan, table={**plan.table, "keep": []})

    def meta(self, ddf: DataFrame) -> pd.DataFrame:
        """The columns of the results, without rows, which ``map_partitions`` wants to be told."""
        frame = ddf._meta
        self.plan.output(_schema(frame))
        return self._beside(frame, self._own.output(_schema(frame)).empty_table())

    def __call__(self, frame: pd.DataFrame, partition_info: Any = None) -> pd.DataFrame:
        """Fetches one partition."""
        self._check_open()
        place = str(partition_info["number"]) if partition_info else ""
        with lent(self._own) as worker:
            return self._beside(frame, worker.fetch(_table(frame), place))

    def _beside(self, frame: pd.DataFrame, results: pa.Table) -> pd.DataFrame:
        """The kept columns and those of the results, which have types with nulls: each partition has them."""
        import pandas as pd

        keep = self.plan.table.get("keep")
        kept = frame if keep is None else frame[list(keep)]
        made = results.to_pandas(types_mapper=pd.ArrowDtype)
        return pd.concat([kept, made.set_index(frame.index)], axis=1)

    def persisted(self, ddf: DataFrame) -> DataFrame:
        """The rows, kept by the workers, once all are there."""
        from distributed import default_client, futures_of, wait

        kept = ddf.persist()
        futures = futures_of(kept)
        wait(futures)
        for future in futures:
            if future.status != "finished":
                future.result()
        default_client().set_metadata(self._ended, True)
        return kept

    def _check_open(self) -> None:
        """Fails where a partition is asked for again as it was lost after all were there.

        Dask then computes it anew. With a run folder that sends nothing, as it is read from there.
        """
        if self._is_once and self.plan.run_folder is None:
            from distributed import get_client

            if get_client().get_metadata(self._ended, None):
                raise ResultLost(
                    "a worker was lost with rows of a fetch that had ended, which are not fetched again: "
                    "fetch anew, with run_folder= to have them read from there"
                )

    @property
    def _ended(self) -> list[str]:
        """Where the scheduler notes that all rows of the fetch are there."""
        return ["patata", self.plan.session]

    def __dask_tokenize__(self) -> str:
        return self.plan.session

    def __reduce__(self) -> tuple[Callable[..., Fetch], tuple[Plan, None, bool]]:
        return Fetch, (self.plan, None, self._is_once)


def _planned(url: str, options: Any, is_once: bool) -> tuple[Fetch, Shared]:
    client = _cluster()
    plan, budget = planned(url, options, lambda: _driver(client))
    return Fetch(plan, budget, is_once), budget


def _cluster() -> Client:
    """The client of a cluster."""
    needed("dask")
    import distributed

    try:
        client = distributed.default_client()
    except ValueError:
        client = None
    if client is None or client.status != "running":
        raise ConnectionError(
            "there is no Dask cluster: make a client of one first, distributed.Client(ADDRESS), or "
            "distributed.Client() for this machine"
        )
    return client


def _driver(client: Client) -> str:
    """The address of this process as the scheduler's machine knows it."""
    from distributed.comm import get_address_host_port

    return towards(*get_address_host_port(client.scheduler.address))


def _table(frame: pd.DataFrame) -> pa.Table:
    import pyarrow as pa

    return pa.Table.from_pandas(frame, preserve_index=False).replace_schema_metadata()


def _schema(frame: pd.DataFrame) -> pa.Schema:
    import pyarrow as pa

    return pa.Schema.from_pandas(frame, preserve_index=False).remove_metadata()
