"""The items of pages in batches of Arrow's, by a schema as tables have it."""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator, Iterator
from itertools import islice
from typing import Any

from patata import _patata
from patata._frames.options import of_url, split
from patata._installed import installed
from patata.exceptions import PagesFailedError

ROWS = 8_192
"""How many items a batch has."""


class Batching:
    """Makes batches of items that are objects, with the columns that a schema says."""

    def __init__(self, given: Any) -> None:
        self._pyarrow = installed("pyarrow", "frames")
        self.schema = _schema(self._pyarrow, given)
        self._count = 0

    def batch(self, items: list[Any]) -> Any:
        """The batch of the next items."""
        first, self._count = self._count, self._count + len(items)
        try:
            return self._pyarrow.RecordBatch.from_pylist(items, schema=self.schema)
        except (self._pyarrow.ArrowException, AttributeError, TypeError) as error:
            message = f"the items {first:,} to {self._count - 1:,} do not fit the schema: {error}"
            raise PagesFailedError(message) from error


def batches(items: Iterator[Any], given: Any) -> Any:
    """A ``pyarrow.RecordBatchReader`` of items."""
    batching = Batching(given)

    def read() -> Iterator[Any]:
        while rows := list(islice(items, ROWS)):
            yield batching.batch(rows)

    pyarrow = installed("pyarrow", "frames")
    return pyarrow.RecordBatchReader.from_batches(batching.schema, read())


def batches_async(items: AsyncIterable[Any], given: Any) -> AsyncIterator[Any]:
    """The batches themselves of items that come asynchronously."""
    batching = Batching(given)

    async def read() -> AsyncIterator[Any]:
        rows: list[Any] = []
        async for item in items:
            rows.append(item)
            if len(rows) == ROWS:
                yield batching.batch(rows)
                rows = []
        if rows:
            yield batching.batch(rows)

    return read()


def _schema(pyarrow: Any, given: Any) -> Any:
    """The schema that ``fetch`` would give bodies that are lists of one such object."""
    table, _ = split({"schema": given})
    empty = pyarrow.table({"url": pyarrow.array([], pyarrow.string())})
    planned = _patata.plan_table("GET", empty.schema, of_url(table, "url"))
    kind = pyarrow.table(planned).schema.field("body").type
    if not pyarrow.types.is_struct(kind):
        raise ValueError(f"schema must say the members of items, as {{'name': 'string'}}, got {given!r}")
    return pyarrow.schema([kind.field(index) for index in range(kind.num_fields)])
