"""Fetches on Spark: a ``DataFrame`` with a column of URLs in, a ``DataFrame`` with the responses out.

``pip install "patata[spark]"`` brings what is needed, but for Java.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any

from patata._clusters import safety
from patata._clusters.holder import Shared
from patata._clusters.options import ClusterOptions
from patata._clusters.plan import Plan, planned
from patata._clusters.worker import lent
from patata._engines import check_frame, needed
from patata._options import Unpack

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import DataFrame, SparkSession
    from pyspark.sql.types import StructType


def fetch(df: DataFrame, url: str = "url", **options: Unpack[ClusterOptions]) -> DataFrame:
    """Sends a request for each row, once, and gives the rows with their responses, cached on the executors.

    Actions on the result send nothing again: without a run folder its lineage is cut (``localCheckpoint``),
    so that what is lost with an executor is an error and not a second request; with one it is persisted, and
    what is lost is read from the folder.

    Parameters
    ----------
    df
        A ``DataFrame``, also of Spark Connect. Each of its partitions is fetched by one task.
    url
        The column of URLs, or a template over columns: ``"https://host/users/{user_id}"``. Default:
        ``"url"``.
    options
        Any of :class:`patata.frames.ClientFetchOptions`, but for those that tell of one process's call, which
        are refused. ``rate``, ``concurrency`` and ``budgets`` hold for all workers together; the other ones
        are for each worker's client. ``body`` is ``"text"`` by default, and ``"json"`` needs ``schema``.
        ``budget_address="IP:PORT"`` says where this process listens for the workers, where they do not reach
        it by the address that Spark knows it by.

    Raises
    ------
    ModuleNotFoundError
        Where Spark is not installed.
    ConnectionError
        Where there is no cluster.
    TypeError
        For a frame of another kind.
    ValueError
        Before the first request: for an option that cannot be used or does not hold on a cluster, for columns
        that are missing (a :class:`patata.FrameError`), and for a method that is not idempotent without
        ``run_folder`` or ``idempotency_key``. With ``spark.speculation`` every method needs one of these, as
        Spark then runs slow tasks twice.

    Examples
    --------
    >>> from pyspark.sql import SparkSession
    >>> from patata.testing import Server
    >>> spark = SparkSession.builder.getOrCreate()
    >>> with Server() as server:
    ...     df = spark.createDataFrame([(server.url,)] * 100, ["url"])
    ...     fetched = fetch(df, rate="1000/s", schema={"message": "string"})
    ...     fetched.count(), fetched.first().body.message, server.requests
    (100, 'Hello world!', 100)
    """
    needed("spark")
    check_frame("spark", df)
    session = _running(df.sparkSession)
    fetching, budget = _planned(session, url, options)
    with budget:
        fetched = df.mapInArrow(fetching, fetching.schema(df))
        return _materialised(fetched, fetching.plan)


def mapper(url: str = "url", **options: Unpack[ClusterOptions]) -> Fetch:
    """A function for ``df.mapInArrow``, for who builds the pipeline.

    ``df.mapInArrow(fetching, fetching.schema(df))``: Spark wants to be told the columns of the result. Such a
    frame is lazy: each action sends the requests, and so does each side of a join of it with itself, and a
    sort beside what it is written by. Write it, or call ``localCheckpoint()``, before anything else. This
    process holds the budget of ``rate``, ``concurrency`` and ``budgets``, until the function is let go of.

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
    >>> from pyspark.sql import SparkSession
    >>> from patata.testing import Server
    >>> spark = SparkSession.builder.getOrCreate()
    >>> with Server() as server:
    ...     df = spark.createDataFrame([(server.url,)] * 100, ["url"])
    ...     fetching = mapper(keep=[])
    ...     lazy = df.mapInArrow(fetching, fetching.schema(df))
    ...     {row.status for row in lazy.collect()}
    {200}
    """
    sql = needed("spark")
    session = sql.SparkSession.getActiveSession()
    if session is None:
        raise ConnectionError("there is no Spark session: SparkSession.builder.getOrCreate() makes one")
    return _planned(_running(session), url, options)[0]


class Fetch:
    """A function for ``df.mapInArrow(fetching, fetching.schema(df))``."""

    def __init__(self, plan: Plan, budget: Shared | None) -> None:
        self.plan = plan
        self._budget = budget
        """Held for as long as this is, and not on workers."""

    def schema(self, df: DataFrame) -> StructType:
        """The columns of the results, which ``mapInArrow`` wants to be told."""
        from pyspark.sql.pandas.types import from_arrow_schema, to_arrow_schema

        return from_arrow_schema(self.plan.output(to_arrow_schema(df.schema)))

    def __call__(self, batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """Fetches the batches of one partition."""
        from pyspark import TaskContext

        task = TaskContext.get()
        with lent(self.plan) as worker:
            yield from worker.stream(iter(batches), "" if task is None else str(task.partitionId()))

    def __reduce__(self) -> tuple[Callable[..., Fetch], tuple[Plan, None]]:
        return Fetch, (self.plan, None)


def _planned(session: SparkSession, url: str, options: Any) -> tuple[Fetch, Shared]:
    plan, budget = planned(url, options, lambda: _driver(session))
    if str(session.conf.get("spark.speculation", "false")).lower() == "true":
        safety.check_speculation("Spark", "spark.speculation", plan.needs_identity)
    return Fetch(plan, budget), budget


def _materialised(fetched: DataFrame, plan: Plan) -> DataFrame:
    """The rows as they are now, so that no action on them sends anything.

    A block of what is cached that is lost is computed anew. With a run folder that sends nothing, as it is
    read from there. Without one the lineage is cut: who asks for a lost block gets an error, and nothing is
    sent.
    """
    from pyspark import StorageLevel

    if plan.run_folder is None:
        return fetched.localCheckpoint(eager=True, storageLevel=StorageLevel.DISK_ONLY)
    cached = fetched.persist(StorageLevel.DISK_ONLY)
    cached.count()
    return cached


def _running(session: SparkSession) -> SparkSession:
    """The session, where it has not ended."""
    context = getattr(session, "_sc", None)
    if context is not None and context._jsc is None:
        raise ConnectionError(
            "there is no Spark: the session of this DataFrame has ended; read the data in another one"
        )
    return session


def _driver(session: SparkSession) -> str | None:
    """The address of this process as executors know it, where it is the driver and not a client of it."""
    context = getattr(session, "_sc", None)
    if context is None:
        return None
    return socket.gethostbyname(context.getConf().get("spark.driver.host", "127.0.0.1"))
