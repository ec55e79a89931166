"""What a table is, whichever library it is of, and how results are given back in the same kind."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any, NamedTuple

from patata._engines import engine_of
from patata.exceptions import FrameError

HERE = "daft"
"""The engine whose tables are taken here as well: on one machine they are as those of any library."""


class Kind(NamedTuple):
    """A table that is given, and what becomes of its results.

    Attributes
    ----------
    source
        What has ``__arrow_c_stream__``, or the path of a file.
    back
        Makes the results, a :class:`patata.frames.Table`, or for a stream a :class:`patata.frames.Batches`,
        what is given back.
    is_stream
        Whether results are given back as they come, as the table may be larger than memory.
    keep
        The columns of the input that results have for ``back``, where those are not the ones that were asked
        for.
    """

    source: Any
    back: Callable[[Any], Any]
    is_stream: bool = False
    keep: list[str] | None = None


def kind_of(data: Any, keep: list[str] | None, is_ordered: bool) -> Kind:
    """The kind of a table, of which some columns are to be kept, or all; in its order, or not.

    Raises
    ------
    FrameError
        Where it is none, or one that cannot be fetched here; it says what can.
    """
    if isinstance(data, (str, os.PathLike)):
        return Kind(os.fspath(data), as_it_is, is_stream=True)
    if (engine := engine_of(data)) not in (None, HERE):
        raise FrameError(
            f"{name_of(data)} is a table of a cluster: patata.{engine}.fetch() has its workers send the "
            "requests, and patata.fetch() would bring it to this machine"
        )
    for base in type(data).__mro__:
        package = base.__module__.partition(".")[0]
        if package == "pandas" and (kind := _pandas(data, base.__name__, keep, is_ordered)):
            return kind
        if package == "narwhals" and (kind := _narwhals(data, base.__name__, keep, is_ordered)):
            return kind
        if package in KINDS and (kind := KINDS[package](data, base.__name__)):
            return kind
    if hasattr(data, "__arrow_c_stream__") or hasattr(data, "__arrow_c_array__"):
        return Kind(data, as_it_is)
    raise FrameError(
        f"{name_of(data)} is no table: give a data frame of Polars or pandas, a table of pyarrow, a relation "
        "of DuckDB, whatever else has __arrow_c_stream__, or the path of a file"
    )


def name_of(data: object) -> str:
    """The name of its type."""
    package = type(data).__module__.partition(".")[0]
    return type(data).__qualname__ if package == "builtins" else f"{package}.{type(data).__qualname__}"


def as_it_is(results: Any) -> Any:
    """Results as they are."""
    return results


def _polars(data: Any, name: str) -> Kind | None:
    import polars

    if name == "DataFrame":
        return Kind(data, polars.DataFrame)
    if name == "LazyFrame":
        return Kind(_Collected(data), lambda results: polars.DataFrame(results).lazy())
    if name == "Series":
        raise FrameError("a Series of Polars is a column: give a table of it, series.to_frame()")
    return None


class _Collected:
    """A ``LazyFrame`` that is collected once, a batch at a time, when its rows are asked for."""

    def __init__(self, frame: Any) -> None:
        self._frame = frame

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        return self._frame.collect(engine="streaming").__arrow_c_stream__(requested_schema)


def _pyarrow(data: Any, name: str) -> Kind | None:
    import pyarrow

    if name == "Table":
        return Kind(data, pyarrow.table)
    if name == "RecordBatch":
        return Kind(data, lambda results: _one_batch(pyarrow.table(results)))
    if name == "RecordBatchReader":
        return Kind(data, pyarrow.RecordBatchReader.from_stream, is_stream=True)
    if name == "Dataset":
        return Kind(data.scanner().to_reader(), pyarrow.RecordBatchReader.from_stream, is_stream=True)
    if name == "Scanner":
        return Kind(data.to_reader(), pyarrow.RecordBatchReader.from_stream, is_stream=True)
    return None


def _one_batch(results: Any) -> Any:
    import pyarrow

    batches = results.combine_chunks().to_batches()
    return batches[0] if batches else pyarrow.RecordBatch.from_pylist([], schema=results.schema)


def _duckdb(data: Any, name: str) -> Kind | None:
    if name != "DuckDBPyRelation":
        return None

    def back(results: Any) -> Any:
        """A relation on the connection of the one that was given, which may be asked again and again."""
        import pyarrow

        # DuckDB finds it by the name of the variable, and keeps it.
        fetched = pyarrow.table(results)  # noqa: F841
        return data.query("fetched_from", "select * from fetched")

    return Kind(data.to_arrow_table(), back)


def _daft(data: Any, name: str) -> Kind | None:
    if name != "DataFrame":
        return None
    import daft
    import pyarrow

    return Kind(data.to_arrow(), lambda results: daft.from_arrow(pyarrow.table(results)))


def _nanoarrow(data: Any, name: str) -> Kind | None:
    if name != "ArrayStream":
        return None
    import nanoarrow

    return Kind(data, nanoarrow.ArrayStream, is_stream=True)


def _arro3(data: Any, name: str) -> Kind | None:
    from arro3 import core

    if name == "Table":
        return Kind(data, core.Table.from_arrow)
    if name == "RecordBatch":
        return Kind(data, lambda results: core.Table.from_arrow(results).combine_chunks().to_batches()[0])
    if name == "RecordBatchReader":
        return Kind(data, core.RecordBatchReader.from_arrow, is_stream=True)
    return None


def _pandas(data: Any, name: str, keep: list[str] | None, is_ordered: bool) -> Kind | None:
    if name == "Series":
        raise FrameError("a Series of pandas is a column: give a table of it, series.to_frame()")
    if name != "DataFrame":
        return None
    from patata._frames.beside import Beside

    beside = Beside(data, keep, is_ordered)
    return Kind(beside.source, beside.back, keep=beside.keep)


def _narwhals(data: Any, name: str, keep: list[str] | None, is_ordered: bool) -> Kind | None:
    if name not in ("DataFrame", "LazyFrame"):
        return None
    import narwhals

    kind = kind_of(narwhals.to_native(data), keep, is_ordered)
    return kind._replace(back=lambda results: narwhals.from_native(kind.back(results)))


KINDS: dict[str, Callable[[Any, str], Kind | None]] = {
    "polars": _polars,
    "pyarrow": _pyarrow,
    "duckdb": _duckdb,
    "_duckdb": _duckdb,
    "daft": _daft,
    "nanoarrow": _nanoarrow,
    "arro3": _arro3,
}
"""By the package that a type is of: the kind of a table, given it and the name of its type."""
