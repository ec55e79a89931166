"""Run folders: calls that outlive their process, and what is known of them afterwards."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Literal, Protocol

from patata import _patata
from patata.exceptions import RunFolderError
from patata.models import Request, Response
from patata.receipt import Receipt

StrPath = str | os.PathLike[str]

KEPT = 1_000
"""The most ids that a receipt has."""

CHOICES: dict[str, tuple[Any, ...]] = {
    "unknown": ("keep", "resend"),
    "format": ("jsonl", "csv", "parquet"),
    "compression": (None, "zstd", "gzip"),
}
"""What may be said of some options."""

TOLD = (
    "concurrency",
    "concurrency_per_host",
    "rate",
    "rate_per_host",
    "retries",
    "timeout",
    "total_timeout",
    "deadline",
    "max_failures",
    "abort_on",
    "ordered",
    "idempotency_key",
    "http_version",
)
"""The options that the folder tells of. The others may be secret."""


class ArrowStream(Protocol):
    """What can be read as a table of Arrow, as often as one likes."""

    def __arrow_c_schema__(self) -> object:
        """Its schema."""
        ...

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        """Its batches."""
        ...


class RunFolder:
    """A folder that a call is written down in: given as ``run_folder`` to :meth:`Patata.http`, or read.

    ``run_folder="run/"`` is the same as ``run_folder=RunFolder("run/")``. What it has can be read at any
    time, also while a process is at work in it, and by anyone: ``out/`` has the rows of the responses, and
    ``report.html`` tells of the run.

    The folder of a cluster's job has a part for each of its workers, in ``parts/``. It is read as one run:
    each request counts once, as done, else as failed, else as unknown. Where a job is run again with its
    input cut otherwise, requests are known again by their ids, or by all that they say where they have none:
    give ids where equal requests are meant twice.

    Parameters
    ----------
    path
        The folder. A call begins a run where it is empty or not there, and else goes on with the one that is.
    unknown
        What is done with requests that are not idempotent, that an earlier process has sent, and whose
        outcome nobody knows: ``"keep"`` leaves them alone, and :meth:`unknown` has them; ``"resend"`` sends
        them again, so that what they ask for may be done twice. With ``idempotency_key=True`` they are sent
        again too, with the key of the first time. Default: ``"keep"``.
    format
        How the parts in ``out/`` are written: ``"jsonl"``, ``"csv"`` or ``"parquet"``. This and what follows
        is said once, by the call that begins the run. Default: ``"jsonl"``.
    compression
        By what they are compressed: ``"zstd"``, ``"gzip"``, or ``None``. Parquet always is. Default:
        ``None``, which is ``"zstd"`` for Parquet.
    part_rows
        How many rows a part has. Default: 100,000.
    columns
        The columns of CSV and Parquet: members of the rows, or those of bodies as ``"body.name"``. Default:
        all.
    schema
        The types of bodies in Parquet: by member, as ``{"name": "string", "tags": "list<string>"}``, or one
        type, as ``"list<int64>"``. What does not fit is null, and the column ``body_error`` says why.
        Default: none, and bodies are texts.
    headers
        Whether the rows have the responses' headers. Default: ``False``.

    Raises
    ------
    ValueError
        For a value that cannot be used; it names the parameter.

    Examples
    --------
    >>> import tempfile
    >>> from patata import Patata, RunFolder
    >>> from patata.testing import Server
    >>> folder = tempfile.TemporaryDirectory()
    >>> with Server() as server, Patata(verbose=False) as client:
    ...     requests = [(id_, server.url) for id_ in range(100)]
    ...     for response in client.http("get", requests[:60], run_folder=folder.name):
    ...         pass
    ...     responses = list(client.http("get", requests, run_folder=folder.name))
    ...     len(responses), client.receipt.ok, client.receipt.skipped
    (40, 40, 60)
    >>> run = RunFolder(folder.name)
    >>> sorted(response.id_ for response in run.responses()) == list(range(100))
    True
    >>> run.receipt.ok, run.failed(), run.unknown()
    (100, [], [])
    >>> folder.cleanup()
    """

    def __init__(
        self,
        path: StrPath,
        *,
        unknown: Literal["keep", "resend"] = "keep",
        format: Literal["jsonl", "csv", "parquet"] = "jsonl",
        compression: Literal["zstd", "gzip"] | None = None,
        part_rows: int = 100_000,
        columns: Iterable[str] = (),
        schema: Mapping[str, str] | str | None = None,
        headers: bool = False,
    ) -> None:
        given = {"unknown": unknown, "format": format, "compression": compression}
        for name, choices in CHOICES.items():
            if given[name] not in choices:
                raise ValueError(
                    f"{name} must be one of {', '.join(map(repr, choices))}, got {given[name]!r}"
                )
        if not isinstance(part_rows, int) or isinstance(part_rows, bool) or part_rows < 1:
            raise ValueError(f"part_rows must be a positive integer, got {part_rows!r}")
        names = columns if isinstance(columns, str) else list(columns)
        if isinstance(names, str) or not all(isinstance(column, str) for column in names):
            raise ValueError(f"columns must be a list of names, got {columns!r}")
        if names and format == "jsonl":
            raise ValueError(
                f'columns are those of CSV and Parquet: say format="csv" or "parquet" too, got {columns!r}'
            )
        if schema is not None and format != "parquet":
            raise ValueError(f'schema is that of Parquet: say format="parquet" too, got {schema!r}')
        self.path = Path(path)
        self._output = {
            **given,
            "part_rows": part_rows,
            "columns": names,
            "schema": None if schema is None else _type_text(schema),
            "headers": bool(headers),
        }
        try:
            _patata.OpenedFolder.check(self._output)
        except ValueError as error:
            given_too = f", schema={schema!r}" if schema is not None else ""
            raise ValueError(f"columns={names!r}{given_too}: {error}") from None

    def __fspath__(self) -> str:
        return os.fspath(self.path)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({os.fspath(self.path)!r})"

    def _repr_html_(self) -> str:
        """What notebooks show: its accounts, or why it has none."""
        # Most programs are no notebooks.
        from patata._shown.run_folder import html_of

        return html_of(self.path, self._shown)

    def _shown(self) -> tuple[bool, Receipt]:
        """Whether a process is at work in it, and its accounts without ids, for which all would be read."""
        reader = self._reader()
        return reader.is_running, Receipt.of({**_NONE, **reader.receipt(), "outstanding": 0})

    def responses(self) -> Iterator[Response]:
        """The responses of every process, in the order in which they were written; read as they are taken.

        Each has what its row has: ``id_``, ``status_code``, the body, ``url``, ``attempts``, ``elapsed``,
        ``path``, ``error``, and headers where the run was told to keep these. ``data`` is parsed when it is
        first read. A body that is a single JSON string comes back as a text that is no JSON. A call that is
        at work adds to it, and what is written after the iterator was made is not there.

        Raises
        ------
        NotARunFolderError
            Where the folder is none, and where its rows are CSV, or Parquet of chosen columns.
        RunFolderError
            What the disk refuses, also while it is iterated over.
        """
        return self._reader().responses()

    def to_arrow(self, *, schema: str | Mapping[str, str] | None = None) -> ArrowStream:
        """All rows as a table, for whatever reads Arrow: ``pyarrow.table(x)``, ``polars.DataFrame(x)``,
        ``pandas.DataFrame.from_arrow(x)``, ``duckdb.from_arrow(pyarrow.table(x))``.

        Its columns are ``id`` (a text), ``index``, ``status``, ``body``, ``error``, ``error_kind``,
        ``attempts``, ``elapsed_ms`` and ``url``. It is read in batches as it is taken, anew each time, in the
        order of :meth:`responses`. No other package is needed for it.

        Parameters
        ----------
        schema
            The type that the JSON of bodies is read as: one such as ``"list<string>"``, or one for each
            member, as ``{"name": "string", "tags": "list<string>"}``. What does not fit is null, and
            ``error`` says why. Default: ``body`` is a text.

        Raises
        ------
        ValueError
            For a schema that is none.
        RunFolderError
            Once it is read: as :meth:`responses`.

        Examples
        --------
        >>> import tempfile
        >>> from patata import Patata, RunFolder
        >>> from patata.testing import Server
        >>> folder = tempfile.TemporaryDirectory()
        >>> with Server() as server, Patata(verbose=False) as client:
        ...     for response in client.http("get", [("a", server.url)], run_folder=folder.name):
        ...         pass
        >>> table = RunFolder(folder.name).to_arrow(schema={"message": "string"})
        >>> hasattr(table, "__arrow_c_stream__")
        True
        >>> folder.cleanup()
        """
        return _patata.FolderTable(self.path, dict(schema) if isinstance(schema, Mapping) else schema)

    def failed(self) -> list[Request]:
        """The requests that have failed, ready for :meth:`Patata.http` and another folder.

        What is secret is not in the folder, and so not in them: credentials in headers are to be given anew.

        Raises
        ------
        RunFolderError
            Where the folder is none, what the disk refuses, and where a body cannot be given again: it was
            read from a file or an iterator.
        """
        return _requests(self._reader().failed())

    def unknown(self) -> list[Request]:
        """The requests that were sent and whose outcome nobody knows: the server may have done what they ask
        for.

        They are as :meth:`failed` has them. After a process was killed, they are complete once another one
        has gone on with the run. While one is at work, those in flight may be among them.

        Raises
        ------
        RunFolderError
            As :meth:`failed`.
        """
        return _requests(self._reader().unknown())

    def retry(self, *, statuses: Iterable[int] = (), kinds: Iterable[str] = (), unknown: bool = False) -> int:
        """Has the next call with this folder send requests again. Gives how many.

        Without statuses and kinds, those are all that have failed.

        Parameters
        ----------
        statuses
            Of the failed ones, those that were answered with one of these. Default: none.
        kinds
            Of the failed ones, those with an error of one of these kinds, as the rows name them:
            ``"timeout"``, say. Default: none.
        unknown
            Whether those are sent again too whose outcome nobody knows. What they ask for may be done twice.
            Default: ``False``.

        Raises
        ------
        RunFolderLockedError
            Where a process is at work in the folder.
        RunFolderError
            Where the folder is none, and what the disk refuses.
        """
        chosen = list(statuses), list(kinds)
        return _patata.FolderReader.retry(self.path, *chosen, not any(chosen), unknown)

    @property
    def receipt(self) -> Receipt:
        """The accounts of all processes together.

        ``ok``, ``failed`` and ``unknown`` are what is safe now; ``cancelled`` is the same as ``unknown``, as
        what was not sent is not in the folder. Attempts, bytes and latency may be those of a second ago,
        where a process is at work, or was killed.

        Raises
        ------
        RunFolderError
            Where the folder is none, and what the disk refuses.
        """
        accounts = {**_NONE, **self._reader().receipt(), "outstanding": 0}
        unknown = [request.id_ for request in self.unknown()[:KEPT]] if accounts["unknown"] else []
        return Receipt.of({**accounts, "unknown_ids": unknown})

    def report(self) -> Path:
        """Writes ``report.html`` as of now, which the end of each call does too. Gives its path.

        Raises
        ------
        RunFolderError
            Where the folder is none, and what the disk refuses.
        OSError
            Where the report cannot be written.
        """
        text = self._reader().report()
        path = self.path / "report.html"
        # Another process may write it just now, or another thread.
        temporary = self.path / f".report-{os.getpid()}-{threading.get_ident()}.tmp"
        temporary.write_text(text, encoding="utf-8")
        temporary.replace(path)
        return path

    @property
    def is_running(self) -> bool:
        """Whether a process is at work in the folder."""
        return self._reader().is_running

    def _reader(self) -> _patata.FolderReader:
        return _patata.FolderReader(self.path)

    def _opened(
        self, method: str, settings: Mapping[str, Any], limits: Mapping[str, Any], is_called_back: bool
    ) -> _patata.OpenedFolder:
        """Begins the run, or goes on with it, for a call with these options. May take its time."""
        return _patata.OpenedFolder(self._told(method, settings, limits, is_called_back))

    def _begun_session(self, method: str, settings: Mapping[str, Any], limits: Mapping[str, Any]) -> int:
        """Begins a session of a run with many writers, for a job with these options. Gives its number."""
        return _patata.OpenedFolder.begin_session(self._told(method, settings, limits, False))

    def _opened_part(
        self,
        part: str,
        session: int,
        wait: float,
        method: str,
        settings: Mapping[str, Any],
        limits: Mapping[str, Any],
    ) -> _patata.OpenedFolder:
        """The part of a worker, which is opened by the table that takes it.

        Another worker that is at work at it is waited for for so many seconds.
        """
        told = self._told(method, settings, limits, False)
        return _patata.OpenedFolder({**told, "part": part, "session": session, "wait": wait})

    def _told(
        self, method: str, settings: Mapping[str, Any], limits: Mapping[str, Any], is_called_back: bool
    ) -> dict[str, Any]:
        """What the folder is told of a call."""
        concurrency = settings.get("concurrency", limits.get("concurrency"))
        if concurrency is None:
            concurrency = 100 * settings["num_workers"]
        return {
            **self._output,
            "path": self.path,
            "is_called_back": is_called_back,
            "idempotency_key": settings.get("idempotency_key", False),
            "options": _told(method, {**limits, **settings}),
            "rate": [*limits.get("rate", ()), *settings.get("rate", ())],
            "rate_per_host": [*limits.get("rate_per_host", ()), *settings.get("rate_per_host", ())],
            "concurrency": concurrency if isinstance(concurrency, int) else None,
            "concurrency_per_host": settings.get("concurrency_per_host", limits.get("concurrency_per_host")),
        }


_NONE: dict[str, Any] = {
    "retries_denied": 0,
    "unsent": 0,
    "unsent_ids": [],
    "unknown_ids": [],
}
"""What a folder does not tell of."""


def run_folder_of(given: StrPath) -> RunFolder:
    """The folder that the option names."""
    return given if isinstance(given, RunFolder) else RunFolder(given)


def _type_text(schema: Mapping[str, str] | str) -> str:
    """The type of bodies as a text."""
    if isinstance(schema, str):
        return schema
    if not isinstance(schema, Mapping) or not all(
        isinstance(text, str) for pair in schema.items() for text in pair
    ):
        raise ValueError(f'schema must be names and types, as {{"name": "string"}}, got {schema!r}')
    if any('"' in name for name in schema):
        raise ValueError(f"schema has a name with a quotation mark, which no type can have, got {schema!r}")
    members = ", ".join(f'"{name}": {text}' for name, text in schema.items())
    return f"struct<{members}>"


def _told(method: str, options: Mapping[str, Any]) -> str:
    """The options that the folder tells of, as JSON."""
    import json

    told = {name: options[name] for name in TOLD if options.get(name) is not None}
    return json.dumps({"method": method.upper(), **told}, default=str)


def _requests(lines: Iterable[bytes]) -> list[Request]:
    """The requests that lines of JSON stand for."""
    import json
    from base64 import b64decode

    requests = []
    for line in lines:
        row = json.loads(line)
        row.pop("index", None)
        id_, url = row.pop("id", None), row.pop("url")
        if "content" in row:
            content = row["content"]
            if content is None:
                raise RunFolderError(
                    f"the body of request {id_!r} was read from a file or an iterator, and is not in the "
                    "folder: give that request anew"
                )
            row["content"] = b64decode(content["base64"]) if isinstance(content, dict) else content
        requests.append(Request(id_, url, **row))
    return requests
