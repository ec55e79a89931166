"""The results of a table that may be larger than memory: taken as they come."""

from __future__ import annotations

from collections.abc import Iterator
from types import TracebackType
from typing import Any, Protocol

from patata._call_state import Progress
from patata._patata import Table
from patata.receipt import Receipt


class UnderWay(Protocol):
    """The fetch whose results they are."""

    def exported(self, requested_schema: object) -> object: ...
    def schema(self) -> object: ...
    def tables(self) -> Iterator[Table]: ...
    def write(self, path: Any) -> int: ...
    def receipt(self) -> Receipt: ...
    def progress(self) -> Progress: ...
    def close(self) -> None: ...


class Batches:
    """The results of a fetch as they come: a stream of Arrow's, which can be taken once.

    It is what a fetch of a file gives back. Any library of tables takes it: ``polars.DataFrame(batches)``,
    ``pyarrow.RecordBatchReader.from_stream(batches)``, ``connection.from_arrow(...)``; :meth:`write` writes
    it to a file; and iterating over it gives a :class:`Table` at a time. Nothing is sent before it is asked
    for rows, requests are sent as rows are taken, and memory stays flat. Rows come in batches of 8,192, or of
    what there is after a second. Leaving its ``with`` block, or :meth:`close`, ends it.

    Examples
    --------
    >>> import tempfile, pathlib, patata
    >>> from patata.testing import Server
    >>> folder = tempfile.TemporaryDirectory()
    >>> file = pathlib.Path(folder.name, "urls.csv")
    >>> with Server() as server:
    ...     _ = file.write_text("url\\n" + f"{server.url}\\n" * 1_000)
    ...     with patata.fetch(file, body="text") as batches:
    ...         sum(table.num_rows for table in batches), batches.receipt.ok
    (1000, 1000)
    >>> folder.cleanup()
    """

    def __init__(self, fetch: UnderWay) -> None:
        self._fetch = fetch

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        return self._fetch.exported(requested_schema)

    def __arrow_c_schema__(self) -> object:
        return self._fetch.schema()

    def __iter__(self) -> Iterator[Table]:
        """Gives the results, a table at a time.

        Raises
        ------
        TooManyFailures, DeadlineExceededError, RunFolderError, FrameError
            After the last table, for what has ended it early.
        """
        return self._fetch.tables()

    def write(self, path: Any) -> int:
        """Writes the results to a file, and gives how many rows they are.

        The file is there once it is whole.

        Parameters
        ----------
        path
            Its name ends in ``.parquet``, ``.csv``, ``.tsv``, ``.jsonl`` or ``.ndjson``, which says how it is
            written. What is nested stands in a CSV as JSON.

        Raises
        ------
        FrameError
            For another ending, and for columns that such a file cannot have.
        OSError
            For what the disk refuses.
        """
        return self._fetch.write(path)

    @property
    def receipt(self) -> Receipt:
        """The accounts so far; once it has ended, the final ones."""
        return self._fetch.receipt()

    def progress(self) -> Progress:
        """How far it has come."""
        return self._fetch.progress()

    def close(self) -> None:
        """Ends it. What was not done is cancelled."""
        self._fetch.close()

    def __enter__(self) -> Batches:
        return self

    def __exit__(
        self,
        exception_type: type[BaseException] | None,
        exception: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()
