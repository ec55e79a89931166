"""Tables of requests in, tables of responses out: for data frames of any kind, and for files.

>>> import pyarrow as pa
>>> import patata
>>> from patata.testing import Server
>>> with Server() as server:
...     table = pa.table({"user": [1, 2, 3]})
...     url = server.url + "/?user={user}"
...     fetched = patata.fetch(table, url, keep=["user"], schema={"message": "string"})
...     fetched.column_names, fetched["status"].to_pylist()
(['user', 'status', 'body', 'error', 'error_kind', 'attempts', 'elapsed_ms'], [200, 200, 200])
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from patata._frames.options import ClientFetchOptions, FetchOptions, TableOptions
from patata._frames.stream import Batches
from patata._options import ClientOnlyOptions, HttpOptions, Unpack, documented
from patata._patata import Table
from patata.client import Patata

__all__ = ["Batches", "ClientFetchOptions", "FetchOptions", "Table", "TableOptions", "fetch"]

OF_CLIENT = frozenset(ClientOnlyOptions.__annotations__)
"""The options that are the client's alone."""


def client_and_call(options: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Options of a client alone, which logs nothing unless it is told to, and those of a call."""
    of_client: dict[str, Any] = {"verbose_level": 0}
    of_call: dict[str, Any] = {}
    for name, value in options.items():
        (of_client if name in OF_CLIENT else of_call)[name] = value
    return of_client, of_call


@documented(Parameters=TableOptions, Other_Parameters=HttpOptions)
def fetch(data: Any, url: str = "url", **options: Unpack[ClientFetchOptions]) -> Any:
    """Sends a request for each row of a table, and gives the rows back with their responses.

    A row that fails is no exception: its ``error`` says what went wrong. Columns of requests are taken by
    their names: ``url``, ``id``, ``method``, ``headers``, ``params``, ``json``, ``form``, ``content``,
    ``timeout``, ``cost``. The results have the columns of the input and ``status``, ``body``, ``error``,
    ``error_kind``, ``attempts``, ``elapsed_ms``, in the order of the input unless ``ordered=False``.

    The requests are sent once, before it returns; a frame of Polars, pandas, pyarrow, DuckDB, Daft, narwhals
    or arro3 comes back as one of the same kind, a ``LazyFrame`` as one that is lazy over what has been
    fetched. What may be larger than memory (a file, a ``RecordBatchReader`` or a ``Dataset`` of pyarrow's)
    comes back as a stream, whose requests are sent as it is read: see :class:`Batches`. What else has
    ``__arrow_c_stream__`` comes back as a :class:`Table`, which has it too.

    Parameters
    ----------
    data
        A table of any of these kinds, or the path of a Parquet, CSV or JSONL file.
    url
        The column of URLs, or a template over columns: ``"https://host/users/{user_id}"``. Values are
        percent-encoded; ``{+column}`` stands for part of a URL that is already, and ``{user.id}`` for a
        member of a struct. Default: ``"url"``.
    options
        Any of :class:`FetchOptions`, and of those of a client alone (:class:`patata.Patata`);
        ``verbose_level`` is 0 here. Functions of the user's (``auth``, ``cost``, ``settle``, ``retry_if``)
        are shown each row as a :class:`patata.Request`.

    Raises
    ------
    FrameError
        For what is no table, and for columns that are missing or of a type that cannot be used: before the
        first request. For an input that breaks off, when that has been answered which came before.
    ValueError, TypeError
        For an option that cannot be used.
    TooManyFailures, DeadlineExceededError
        If ``max_failures``, ``abort_on`` or the ``deadline`` ended it; what was done is the exception's
        ``table``.
    RunFolderError
        If the ``run_folder`` cannot be used, or the disk refuses something.

    Examples
    --------
    >>> import polars as pl
    >>> from patata.testing import Server
    >>> with Server() as server:
    ...     frame = pl.DataFrame({"url": [server.url, server.url + "/status/404"]})
    ...     fetched = fetch(frame, keep=[], schema={"message": "string"})
    ...     fetched.select("status", pl.col("body").struct.unnest())
    shape: (2, 2)
    ┌────────┬──────────────┐
    │ status ┆ message      │
    │ ---    ┆ ---          │
    │ i16    ┆ str          │
    ╞════════╪══════════════╡
    │ 200    ┆ Hello world! │
    │ 404    ┆ null         │
    └────────┴──────────────┘
    """
    of_client, of_call = client_and_call(options)
    client = Patata(**of_client)
    try:
        return client.fetch(data, url, **of_call)
    finally:
        # A stream goes on.
        client._engine.rest()
