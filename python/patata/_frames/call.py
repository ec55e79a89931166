"""A fetch: what is given is understood, the requests are sent, the results are given back."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, MutableSet
from contextlib import contextmanager
from functools import partial
from typing import Any

from patata import _options, _patata
from patata._base import Client, close_after
from patata._call_state import CANCELLED, CallState, Progress
from patata._frames.kinds import kind_of
from patata._frames.options import of_url, split
from patata._frames.stream import Batches
from patata._patata import Table
from patata._progress import Shown, started_bar
from patata.exceptions import CallCancelledError, EndedEarly
from patata.receipt import Accounts, Receipt, tell


class Fetch:
    """One fetch of a client's.

    Making one finds what is wrong with the options and the table. Nothing is sent before :meth:`result`, or
    for a stream before its first rows are asked for.
    """

    def __init__(
        self, client: Client, calls: MutableSet[Any], data: Any, url: object, options: Mapping[str, Any]
    ) -> None:
        self._client = client
        self._calls = calls
        """What the client ends when it is closed."""
        table, others = split(options)
        table = of_url(table, url)
        method = table.pop("method")
        if "ordered" not in others and "ordered" not in client._call_options:
            others["ordered"] = True
        folder, call = client._folder(others)
        call = dict(call)
        retries, timeout = (call.pop(name, _options.OF_CLIENT) for name in ("retries", "timeout"))
        # The rows are read by the engine, so there is no input that could stall.
        engine, self._settings = client._prepared((), retries, timeout, call)
        # A client's option says it, too.
        table["include_path"] = self._settings.get("stream_to") is not None
        self._log = client._begin(method)
        self._kind = kind_of(data, table["keep"], self._settings.get("ordered", False))
        if self._kind.keep is not None:
            # The columns that are kept are put beside the results by the kind.
            _patata.plan_table(method, self._kind.source.schema, table)
            table["keep"] = self._kind.keep
        opened = None
        if folder is not None:
            opened = partial(folder._opened, method, self._settings, client._limits, False)
        self._told, self._settings = client._told_of(self._settings, f"patata fetch {method.upper()}")
        self._ended_by: BaseException | None = None
        self._stream = _patata.TableStream(method, self._kind.source, engine, self._settings, table, opened)
        self._control, self._accounts = self._stream.control(), Accounts(self._stream)
        self._state = CallState()
        self._state.start(self._control, self._accounts)
        self._bar: Shown | None = None
        self._logged = 0

    @property
    def is_stream(self) -> bool:
        """Whether results are given back as they come."""
        return self._kind.is_stream

    def result(self) -> Any:
        """Sends the requests, and gives the results in the kind of the table, or as a stream."""
        if self._kind.is_stream:
            return self._kind.back(Batches(self))
        try:
            with self._under_way():
                while self._stream.step():
                    self._note_progress()
        except EndedEarly as stop:
            stop.table = self._back()
            raise
        return self._back()

    def _back(self) -> Any:
        return self._kind.back(self._stream.take())

    def tables(self) -> Iterator[Table]:
        """The results as they come. There is one table at least, which may have no rows."""
        with self._under_way():
            while self._stream.step():
                self._note_progress()
                if table := self._stream.take(flush=True):
                    yield table
            if (table := self._stream.take()) is not None:
                yield table

    def exported(self, requested_schema: object) -> object:
        """The results as they come, for whoever takes a stream of Arrow's."""
        self._note_open()
        return self._stream.__arrow_c_stream__(requested_schema)

    def schema(self) -> object:
        """The columns of the results, for which the first ones may have to be waited."""
        return self._stream.__arrow_c_schema__()

    def write(self, path: object) -> int:
        """Writes the results to a file as they come, and gives how many rows they are."""
        writer = _patata.TableWriter(path)
        for table in self.tables():
            writer.write(table)
        return writer.finish()

    def receipt(self) -> Receipt:
        """Its accounts so far, or the final ones."""
        receipt = self._state.receipt()
        assert receipt is not None
        return receipt

    def progress(self) -> Progress:
        """How far it has come."""
        return self._state.progress()

    def ended_by(self, error: BaseException) -> None:
        """Notes what it ends by, for who looks at its bar or its span. What is said first counts."""
        self._ended_by = self._ended_by or error
        if self._bar is not None:
            self._bar.ended_by(error)

    def cancel(self) -> None:
        """Ends it, from any thread."""
        self._control.cancel()

    def close(self) -> None:
        """Ends it, and lets go of what it has."""
        self._calls.discard(self._control)
        self._stream.close()
        self._state.end()
        if self._told is not None:
            self._told.end(self._accounts, self._ended_by)
            self._ended_by = None

    def _note_open(self) -> None:
        """Has the client's end be that of the fetch, whichever of the two comes first."""
        self._calls.add(self._control)
        if self._client._closed:
            self._control.cancel()

    def _note_progress(self) -> None:
        """Logs a line for each chunk that is done."""
        done, chunk = self._state.progress().done, self._client.input_chunk_size
        while done - self._logged >= chunk:
            self._log.count(chunk)
            self._logged += chunk

    @contextmanager
    def _under_way(self) -> Iterator[None]:
        """Logs it, shows how far it is, and ends it in order whatever happens."""
        accounts = self._accounts
        self._note_open()
        self._log.begin()
        try:
            if self._settings.get("progress"):
                self._bar = started_bar(self._state, self._kind.source, self._settings["progress"])
            yield
        except BaseException as error:
            self.ended_by(error)
            close_after(error, self.close)
            if self._state.has_caused(error):
                error = CallCancelledError(CANCELLED)
            if isinstance(error, Exception):
                self._log.end(accounts, error)
            raise tell(error, accounts) from None
        else:
            self._log.end(accounts)
        finally:
            self.close()
            self._client._accounts = accounts
            if self._bar is not None:
                self._bar.close()
