"""Fetches on Ray: a ``Dataset`` with a column of URLs in, a ``Dataset`` with the responses out.

``pip install "patata[ray]"`` brings what is needed.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from patata._clusters import rows
from patata._clusters.holder import Shared
from patata._clusters.options import ClusterOptions
from patata._clusters.plan import Plan, planned
from patata._clusters.worker import Worker
from patata._engines import check_frame, needed
from patata._options import Unpack

if TYPE_CHECKING:
    import pyarrow as pa
    import ray.data

PLACE = b"patata.place"
"""Where the schema of a block says which one it is of those that are equal."""


def fetch(
    ds: ray.data.Dataset,
    url: str = "url",
    *,
    actors: int | None = None,
    **options: Unpack[ClusterOptions],
) -> ray.data.MaterializedDataset:
    """Sends a request for each row, once, and gives the rows with their responses, materialised.

    It is spread over actors of half a CPU each, each of which is busy with up to four blocks at once. What is
    asked of the result afterwards sends nothing again.

    Parameters
    ----------
    ds
        A ``Dataset``. Each of its blocks is fetched by one actor. Split tables rather than to call
        ``repartition``, which can wait for ever where there are few CPUs.
    url
        The column of URLs, or a template over columns: ``"https://host/users/{user_id}"``. Default:
        ``"url"``.
    actors
        How many actors send. Default: as many as the cluster has CPUs.
    options
        Any of :class:`patata.frames.ClientFetchOptions`, but for those that tell of one process's call, which
        are refused. ``rate``, ``concurrency`` and ``budgets`` hold for all workers together; the other ones
        are for each worker's client. ``body`` is ``"text"`` by default, and ``"json"`` needs ``schema``.
        ``budget_address="IP:PORT"`` says where this process listens for the workers, where they do not reach
        it by the address that Ray knows it by.

    Raises
    ------
    ModuleNotFoundError
        Where Ray is not installed.
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
    >>> import pyarrow as pa, ray.data
    >>> from patata.testing import Server
    >>> with Server() as server:
    ...     ds = ray.data.from_arrow(pa.table({"url": [server.url] * 100}))
    ...     fetched = fetch(ds, rate="1000/s", schema={"message": "string"})
    ...     fetched.count(), fetched.take(1)[0]["body"], server.requests
    (100, {'message': 'Hello world!'}, 100)
    """
    ray = _cluster()
    check_frame("ray", ds)
    schema = ds.schema()
    plan, budget = planned(url, options, ray.util.get_node_ip_address)
    with budget:
        if schema is not None:
            plan.output(_arrow_schema(schema))
        if plan.needs_identity:
            ds = _told_apart(ds)
        size = actors or max(1, math.floor(ray.cluster_resources().get("CPU", 1)))
        fetched = ds.map_batches(
            _fetching(plan, budget),
            batch_format="pyarrow",
            batch_size=None,
            compute=ray.data.ActorPoolStrategy(
                size=size, max_concurrent_calls_per_actor=4, enable_true_multi_threading=True
            ),
            num_cpus=0.5,
        )
        return fetched.materialize()


def mapper(url: str = "url", **options: Unpack[ClusterOptions]) -> type:
    """A class for ``ds.map_batches``, for who builds the pipeline.

    Such a pipeline is lazy: it sends its requests whenever Ray runs it, and again each time, also for
    ``schema()``. End it with ``materialize()``, or let it write. The arguments of ``map_batches`` are
    ``batch_format="pyarrow"`` and ``batch_size=None``, which are needed; ``compute``, a pool of actors; and
    ``num_cpus``, as actors mostly wait. This process holds the budget of ``rate``, ``concurrency`` and
    ``budgets``, until the class is let go of.

    Parameters
    ----------
    url, options
        As of :func:`fetch`.

    Raises
    ------
    ModuleNotFoundError, ConnectionError, ValueError
        As :func:`fetch`. What is wrong with columns fails the tasks, before they send anything.

    Examples
    --------
    >>> import pyarrow as pa, ray.data
    >>> from patata.testing import Server
    >>> with Server() as server:
    ...     ds = ray.data.from_arrow(pa.table({"url": [server.url] * 100}))
    ...     pool = ray.data.ActorPoolStrategy(
    ...         size=2, max_concurrent_calls_per_actor=4, enable_true_multi_threading=True
    ...     )
    ...     fetching = mapper(rate="1000/s")
    ...     lazy = ds.map_batches(
    ...         fetching, batch_format="pyarrow", batch_size=None, compute=pool, num_cpus=0.5
    ...     )
    ...     lazy.materialize().count()
    100
    """
    ray = _cluster()
    plan, budget = planned(url, options, ray.util.get_node_ip_address)
    return _fetching(plan, budget)


def _fetching(plan: Plan, budget: Shared) -> type:
    """A class whose objects are made in actors. What it is pickled with does not hold the budget."""

    class Fetch:
        held = budget

        def __init__(self) -> None:
            self._worker = Worker(plan)

        def __call__(self, batch: pa.Table) -> Iterator[pa.Table]:
            place = (batch.schema.metadata or {}).get(PLACE, b"").decode()
            yield self._worker.fetch(batch, place, is_number=False)

    return Fetch


def _told_apart(ds: ray.data.Dataset) -> ray.data.Dataset:
    """The same rows, in blocks that say which one they are of those with equal rows.

    Ray does not tell where a block stands, and may run the task of one again: without this, nobody knows
    whether that is what happens, or whether there are two such blocks.
    """
    import ray

    blocks = ds.materialize().to_arrow_refs()
    name, mark = ray.remote(_name), ray.remote(_marked)
    seen: dict[str, int] = {}
    marked = []
    for block, digest in zip(blocks, ray.get([name.remote(block) for block in blocks]), strict=True):
        count = seen[digest] = seen.get(digest, -1) + 1
        marked.append(mark.remote(block, str(count)) if count else block)
    return ray.data.from_arrow_refs(marked) if marked else ds


def _name(block: pa.Table) -> str:
    return rows.name(rows.digests(block), "")


def _marked(block: pa.Table, place: str) -> pa.Table:
    return block.replace_schema_metadata({**(block.schema.metadata or {}), PLACE: place})


def _cluster() -> Any:
    """Ray, with a cluster."""
    needed("ray")
    import ray

    if not ray.is_initialized():
        raise ConnectionError("there is no Ray cluster: call ray.init(), or ray.init(address=...), first")
    return ray


def _arrow_schema(schema: ray.data.Schema) -> pa.Schema:
    import pyarrow as pa

    return pa.schema(list(zip(schema.names, schema.types, strict=True)))
