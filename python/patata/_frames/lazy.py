"""A lazy frame that sends requests when it is collected, each time that it is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from patata import _patata
from patata._base import Client
from patata._frames.call import Fetch
from patata._frames.kinds import name_of
from patata._frames.options import of_url, split
from patata.exceptions import FrameError


def lazily(client: Client, data: Any, url: object, options: Mapping[str, Any]) -> Any:
    """A ``LazyFrame`` of Polars over the results of one.

    Raises
    ------
    FrameError
        Where the data is no ``LazyFrame``, or the type of bodies is not known before they are there.
    """
    table, _ = split(options)
    table = of_url(table, url)
    if not name_of(data) == "polars.LazyFrame":
        raise FrameError(f"lazy=True is for a LazyFrame of Polars, got {name_of(data)}: leave it out")
    import polars
    from polars.io.plugins import register_io_source

    columns = polars.DataFrame(schema=data.collect_schema()).to_arrow().schema
    planned = _patata.plan_table(table["method"], columns, table)
    if planned is None:
        raise FrameError(
            "with lazy=True the type of bodies has to be known beforehand: give schema, or body='text'"
        )
    eager = {name: value for name, value in options.items() if name != "lazy"}

    def collected(
        with_columns: list[str] | None, predicate: Any, n_rows: int | None, _: int | None
    ) -> Iterator[Any]:
        """What Polars asks for: it says which columns and rows it wants."""
        rows = data if n_rows is None else data.head(n_rows)
        for part in Fetch(client, set(), rows, url, eager).tables():
            frame = polars.DataFrame(part)
            if predicate is not None:
                frame = frame.filter(predicate)
            yield frame if with_columns is None else frame.select(with_columns)

    return register_io_source(collected, schema=polars.DataFrame(planned).schema)
