"""Requests from DuckDB's SQL: a function that is called once a chunk of rows, not once a row.

>>> import duckdb
>>> import patata.duckdb
>>> from patata.testing import Server
>>> with Server() as server, duckdb.connect() as connection:
...     client = patata.duckdb.register(connection, schema={"message": "string"}, rate="1000/s")
...     _ = connection.execute("create table links as select ? as link from range(3)", [server.url])
...     rows = connection.sql("select f.status, f.body.message from (select fetch_url(link) as f from links)")
...     rows.fetchall()
[(200, 'Hello world!'), (200, 'Hello world!'), (200, 'Hello world!')]
"""

from __future__ import annotations

from collections.abc import Iterable
from inspect import Parameter, Signature
from typing import Any

from patata import _patata
from patata._frames.options import PARTS, ClientFetchOptions, of_url, split
from patata._installed import installed
from patata._options import Unpack
from patata.client import Patata
from patata.exceptions import FrameError
from patata.frames import client_and_call

__all__ = ["register"]

duckdb = installed("duckdb", "frames")

NAMES = ("fetch_url", "fetch")
"""What the function is called. ``fetch`` is a word of SQL's, and has to be quoted: ``"fetch"(url)``."""


def register(
    connection: Any,
    name: str | None = None,
    parameters: Iterable[str] = ("url",),
    **options: Unpack[ClientFetchOptions],
) -> Patata:
    """Adds a function to a connection that sends a request for each row and gives a struct of what came back.

    ``select fetch_url(link) from links`` has a struct for each row: ``status``, ``body``, ``error``,
    ``error_kind``, ``attempts``, ``elapsed_ms``, and ``url`` and ``headers`` where these are asked for. A row
    that fails is no exception. The function is called once for each chunk of some 2,000 rows, whose requests
    are sent at once. DuckDB calls it for the rows that a query needs it for, each time that the query runs:
    ``create table … as`` keeps what came back.

    Parameters
    ----------
    connection
        A connection of DuckDB's.
    name
        What the function is called. Default: ``fetch_url``, and ``fetch`` too, which SQL wants in quotes.
    parameters
        What its arguments are, texts all of them: ``("url", "json")`` for ``fetch_url(link, payload)``.
        Default: ``("url",)``.
    options
        Any of those of :func:`patata.fetch`. ``body`` is ``"text"`` unless there is a ``schema``: SQL wants
        to know the types beforehand.

    Returns
    -------
    The client that sends the requests, whose limits hold for all calls of the function. ``client.receipt``
    has the accounts of the last chunk.

    Raises
    ------
    FrameError, ValueError, TypeError
        For options and parameters that cannot be used.
    ImportError
        Where pyarrow is not installed, which DuckDB hands over rows with.
    """
    pyarrow = installed("pyarrow", "frames")
    columns = _parameters(parameters)
    of_client, of_call = client_and_call(options)
    of_call.setdefault("body", "json" if of_call.get("schema") is not None else "text")
    of_call.update(keep=[], ordered=True)
    table, _ = split(of_call)
    empty = pyarrow.table({column: pyarrow.array([], pyarrow.string()) for column in columns})
    planned = _patata.plan_table(table["method"], empty.schema, of_url(table, "url"))
    if planned is None:
        raise FrameError("the type of bodies has to be known beforehand: give schema, or body='text'")
    results = connection.from_arrow(pyarrow.table(planned))
    kind = duckdb.struct_type(dict(zip(results.columns, results.types, strict=True)))
    client = Patata(**of_client)

    def fetched(*arguments: Any) -> Any:
        """The structs of a chunk of rows."""
        chunk = pyarrow.table(dict(zip(columns, arguments, strict=True)))
        return client.fetch(chunk, **of_call).to_struct_array().combine_chunks()

    # DuckDB counts the arguments.
    kinds = [Parameter(column, Parameter.POSITIONAL_ONLY) for column in columns]
    fetched.__signature__ = Signature(kinds)  # type: ignore[attr-defined]
    for called in NAMES if name is None else (name,):
        connection.create_function(
            called,
            fetched,
            ["VARCHAR"] * len(columns),
            kind,
            type="arrow",
            null_handling="special",
            side_effects=True,
        )
    return client


def _parameters(given: Iterable[str]) -> list[str]:
    columns = list(given)
    if "url" not in columns or len(set(columns)) < len(columns):
        raise ValueError(f"parameters must have 'url' among them, and none twice, got {given!r}")
    for column in columns:
        if column not in PARTS:
            raise ValueError(f"parameters: requests have no part {column!r}; they have {', '.join(PARTS)}")
    return columns
