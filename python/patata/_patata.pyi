"""The extension module: what is made in Rust."""

from collections.abc import (
    AsyncGenerator,
    Callable,
    Coroutine,
    Generator,
    Iterable,
    Iterator,
    Mapping,
    Sequence,
)
from datetime import timedelta
from pathlib import Path
from typing import Any, final

from typing_extensions import Self, disjoint_base

from patata._headers import Headers

__all__ = [
    "MAX_RESPONSE_HEADERS",
    "AsyncGeneratorProxy",
    "BudgetHolder",
    "Cache",
    "Client",
    "Control",
    "Durations",
    "FaultServer",
    "FolderReader",
    "FolderRows",
    "FolderTable",
    "FollowUps",
    "GeneratorProxy",
    "LlmServer",
    "OpenedFolder",
    "PushStream",
    "Recorder",
    "Request",
    "Response",
    "Ringer",
    "Server",
    "Stream",
    "Table",
    "TableStream",
    "TableWriter",
    "Wakeup",
    "__version__",
    "_await_readers",
    "_forked",
    "_shown",
    "budget_handle",
    "budget_status",
    "budget_terms",
    "check_options",
    "default_num_workers",
    "is_request",
    "plan_table",
    "program",
]

MAX_RESPONSE_HEADERS: int
"""The most headers of a response; more, or more than 64 KiB of them, are a ``TooLargeError``."""

__version__: str

def default_num_workers() -> int:
    """The cores this process may use: CPU affinity and cgroup limits count."""

def program(arguments: list[str]) -> int:
    """Does what the arguments of the program ``patata`` say, its name first.

    Gives what its process should end with.
    """

def check_options(options: dict[str, Any]) -> None:
    """Checks the options of a run before there is one. Raises ``ValueError`` for what cannot be used."""

def is_request(item: object) -> bool:
    """Whether an item of an input is of a kind that a request is made of."""

def _await_readers() -> None:
    """Waits a moment for those threads of the engine that are in the user's code, as the interpreter ends."""

def _shown(value: object) -> str:
    """An object in a few words and without secrets: numbers, texts without credentials, of containers what
    is no secret, of all else the type. It never raises."""

def _forked() -> None:
    """Tells the engine that this process is the child of a fork."""

@disjoint_base
class Request:
    """One request.

    Parameters
    ----------
    id_
        Any object; the response has the same one.
    url
        An absolute ``http://`` or ``https://`` URL. User name and password in it are sent as basic
        authentication. Spaces around it are left out, and those within are encoded.
    data
        What to send as JSON. Default: ``None``, which sends nothing. It is made of dicts and other
        mappings, lists, tuples, str, int, float, bool and None; instances of dataclasses (objects with
        their fields); datetimes, dates, times (in ISO format) and UUIDs (texts); Decimals (numbers with
        all their digits); Enums (their values); scalars of numpy. Keys are texts or what has a text: str,
        int, float, bool, None, date, time, UUID, Decimal, or an Enum of these. Anything else, numbers that
        are not finite, and what is nested more than 200 deep end as this request's response, and the error
        says where it is: ``data["a"][3]``.
    method
        Default (as for all that follow: ``None``): the run's.
    headers
        A mapping or pairs; a list as value sends a header several times. They replace the client's
        headers of the same names; ``None`` as value leaves such a header out.
    params
        Query parameters, a mapping or pairs, put behind those of the URL; a list as value repeats a
        name. Values are texts, numbers, bools, dates and times (in ISO format), UUIDs, or Enums of these.
        They replace the client's parameters of the same names.
    json
        Another name for ``data``.
    form
        A mapping or pairs, sent as HTML forms are; a list as value repeats a name.
    content
        The body itself: bytes, a str, a ``pathlib.Path``, a binary file object, or an iterable of bytes.
        Paths, files and iterables are read while they are sent, no faster than the server takes them.
        What can be read only once is not sent again in a retry.
    files
        A mapping or pairs from field names to files, sent as ``multipart/form-data`` together with
        ``form``. A file is a ``pathlib.Path``, bytes, a binary file object, ``(file name, one of
        these)``, or ``(file name, one of these, media type)``.
    timeout
        Seconds that one attempt may take.
    cost
        What it costs of units that there are ``budgets`` of, by unit: ``{"tokens": 1200}``. It goes before
        the run's ``cost``.

    Raises
    ------
    InvalidRequestError
        If ``url`` is no ``str``, or of ``data``, ``json``, ``form``, ``content`` and ``files`` two are
        given that cannot be sent together, or the method, the time-out or the cost cannot be used. A text
        that is no URL and a file that cannot be read are found later, and end as this request's response.

    Examples
    --------
    >>> Request(id_=1, url="http://localhost:12345/")
    Request(id_=1, url='http://localhost:12345/', data=None)
    >>> Request(2, "http://localhost/", method="PUT", headers={"X-Key": "k"}, json=[1]).method
    'PUT'
    """

    __match_args__: tuple[str, str, str]
    id_: Any
    url: str
    data: Any
    method: str | None
    headers: Any
    params: Any
    json: Any
    form: Any
    content: Any
    files: Any
    timeout: float | None
    cost: Mapping[str, float] | None
    def __new__(
        cls,
        id_: Any,
        url: str,
        data: Any = None,
        *,
        method: str | None = None,
        headers: Any = None,
        params: Any = None,
        json: Any = None,
        form: Any = None,
        content: Any = None,
        files: Any = None,
        timeout: float | None = None,
        cost: Mapping[str, float] | None = None,
    ) -> Self: ...
    def dict(self) -> dict[str, Any]:
        """The first three fields by name, and those of the others that were given.

        >>> Request(1, "http://localhost/").dict()
        {'id_': 1, 'url': 'http://localhost/', 'data': None}
        """

    def __eq__(self, other: object, /) -> bool: ...
    def __ne__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...
    def __reduce__(self) -> tuple[Any, ...]: ...

@disjoint_base
class Response:
    """What came back for one request, or the failure that came instead.

    Unpacks as ``id_, data``.

    Parameters
    ----------
    id_
        The request's own object.
    status_code
        The status; 500 also where there is no response, see ``error``.
    data
        The JSON of the body, parsed when it is first read; ``{}`` where the body is empty or no JSON, which
        :meth:`json` raises for and :attr:`text` shows. A failure is described by ``exception_detail``,
        ``exception_traceback`` and ``exception_class``.

    Examples
    --------
    >>> response = Response(id_=1, status_code=200, data={"message": "Hello world!"})
    >>> response
    Response(id_=1, status_code=200, data={'message': 'Hello world!'})
    >>> id_, data = response
    >>> data["message"]
    'Hello world!'
    """

    __match_args__: tuple[str, str, str]
    id_: Any
    status_code: int
    data: Any
    error: Exception | None
    """Why there is no response; ``None`` for every response that came, a 500 included. A ``CallbackError``
    where one came and a callback failed on it."""
    @property
    def ok(self) -> bool:
        """Whether a response came, with a status below 400."""

    @property
    def request(self) -> Request | None:
        """The request that it answers: the object from the input, or one that is made of a tuple from there.

        ``None`` for a response that was made by hand, and in callback processes and whatever else has got it
        pickled.
        """

    @property
    def headers(self) -> Headers:
        """The headers of the response, names in any case; those of the last one after redirects."""

    @property
    def content(self) -> bytes:
        """The body, content-encodings undone. Empty where it was saved to a file, and for a failure."""

    @property
    def text(self) -> str:
        """The body as text: by its byte order mark, its declared charset, or as UTF-8."""

    @property
    def url(self) -> str:
        """The URL that answered, after redirects, or that failed; without credentials.

        Empty where there is none, as in a response that was made by hand.
        """

    @property
    def http_version(self) -> str | None:
        """``"1.0"``, ``"1.1"`` or ``"2"``; ``None`` for a failure."""

    @property
    def path(self) -> Path | None:
        """The file that has the body, where ``stream_to`` said so and the status is 2xx."""

    @property
    def attempts(self) -> int:
        """How many attempts were begun; 0 where the request could not be sent at all."""

    @property
    def depth(self) -> int:
        """How many responses have led to its request, one to the next (``follow``): 0 for the input's."""

    @property
    def from_cache(self) -> bool:
        """Whether it was not received for its request: ``cache_status`` is anything but ``"sent"``."""

    @property
    def cache_status(self) -> str:
        """How it came: ``"sent"`` where it was received for its request; ``"hit"`` out of the ``cache``,
        ``"revalidated"`` where the server has said that it is still good, ``"stale"`` where the server has
        failed; ``"shared"`` where an equal request was sent (``distinct``); ``"unchanged"`` where its file
        was left alone
        (``if_changed``)."""

    @property
    def retry_denied(self) -> bool:
        """Whether it would have been tried again, had ``retry_budget`` had room for it."""

    @property
    def elapsed(self) -> timedelta:
        """From the start of the first attempt to the end of the last, waits between them included."""

    @property
    def budget(self) -> str | None:
        """The budget that it had to wait for, of several the one it waited for longest: ``"tokens"``,
        ``"tokens per host"``, ``"requests of the shared budget"``. ``None`` where it waited for none.

        Examples
        --------
        >>> from patata import Patata
        >>> from patata.testing import Server
        >>> with Server() as server, Patata(verbose=False, budgets={"requests": "20/s"}) as client:
        ...     [response.budget for response in client.http("get", [(1, server.url), (2, server.url)])]
        [None, 'requests']
        """

    @property
    def budget_wait(self) -> timedelta:
        """How long that budget kept it from being sent: it was next, and nothing else was in its way. What it
        has waited for others before it does not count. ``elapsed`` begins only afterwards."""

    def json(self) -> Any:
        """The body's JSON, parsed anew, where ``data`` would be ``{}`` if it is none. One that was made by
        hand has no body, and gives its data.

        Raises
        ------
        ValueError
            For a body that is no JSON.
        RequestError, CallbackError
            The ``error`` of a failure.

        Examples
        --------
        >>> Response(1, 200, {"a": 1}).json()
        {'a': 1}
        """

    def raise_for_status(self) -> Self:
        """The response itself, if it is ``ok``.

        Raises
        ------
        StatusError
            For a status of 400 and above.
        RequestError, CallbackError
            The ``error`` of a failure.

        Examples
        --------
        >>> Response(1, 404, {}).raise_for_status()
        Traceback (most recent call last):
        patata.exceptions.StatusError: 404 Not Found for response 1
        """

    def __new__(cls, id_: Any, status_code: int, data: Any) -> Self: ...
    def dict(self) -> dict[str, Any]:
        """The three fields by name.

        >>> Response(1, 200, None).dict()
        {'id_': 1, 'status_code': 200, 'data': None}
        """

    def __iter__(self) -> Iterator[Any]: ...
    def __eq__(self, other: object, /) -> bool: ...
    def __ne__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...
    def __reduce__(self) -> tuple[Any, ...]: ...
    def _repr_html_(self) -> str:
        """What notebooks show: the status, and of error, headers and body as much as can be read."""

    def _repr_pretty_(self, printer: Any, is_cycle: bool) -> None:
        """What IPython shows as text: the ``repr``, cut short where that would be a flood."""

    def _glimpse(self, limit: int) -> tuple[bytes, str, int, Any]:
        """What the body begins with, as bytes and as text; how long it is; and the data, where somebody has
        read or assigned them."""

    def _adopt(self, original: Response) -> None:
        """Makes it answer the same request as another response, of which another process made it."""

    def _answering(self, original: Response) -> Self:
        """What a callback returned for another response, as the answer to the same request: itself or a
        copy."""

    def _state(
        self,
    ) -> tuple[Any, Any, Any, bytes, Exception | None, bytes | None, tuple[Any, ...]]: ...
    @classmethod
    def _restore(
        cls,
        id_: Any,
        status_code: int,
        data: Any,
        body: bytes,
        error: Exception | None,
        received: bytes | None,
        effort: tuple[Any, ...],
    ) -> Self: ...

@final
class Client:
    """A client's engine, with the options of its calls, which share event loops, connections and limits."""

    def __new__(cls, options: dict[str, Any]) -> Self: ...
    def with_options(self, options: dict[str, Any]) -> Client:
        """The same engine for one call, with options of its own. Raises for what cannot be used."""

    def rest(self) -> None:
        """Ends threads and closes connections now, unless there is a call."""

@final
class Control:
    """Wakes or ends a :class:`Stream` or :class:`PushStream` from another thread."""

    def wake(self) -> None:
        """Ends a wait that is under way."""

    def progress(self) -> tuple[int, int, int, int, str, list[str], str | None, str | None]:
        """How far the run has come: requests taken, done, failed, in flight; what limits it:
        ``rate``, ``budget``, ``concurrency``, ``server``, ``input`` or ``consumer``; hosts that do not
        answer; the server's own limit, where that holds it back; and the budget that limits it, where it is
        one.
        """

    def set(
        self,
        concurrency: int | None = None,
        rates: list[str] | None = None,
        budgets: list[tuple[str, str]] | None = None,
    ) -> None:
        """Gives the run other limits of its own: in requests (0 for none), as texts, and as pairs of a unit
        and a rate. ``None`` stays.

        Raises ``ValueError`` for one that cannot be used, and once the run has ended.
        """

    def cancel(self) -> None:
        """Ends the run."""

@final
class FollowUps:
    """Requests that join a call while it is under way. Any thread may add some."""

    def __new__(
        cls,
        most: int,
        follows: bool = False,
        max_depth: int | None = None,
        max_requests: int | None = None,
        is_open: bool = False,
        is_recorded: bool = False,
    ) -> Self: ...
    @property
    def is_used(self) -> bool:
        """Whether requests have joined the call, or may."""

    @property
    def followed(self) -> int:
        """How many were taken of those that have joined."""

    @property
    def left_out(self) -> int:
        """How many were found and left out, as there were as many requests as there may be."""

    def submit(self, item: Any) -> None:
        """Adds a request, from any thread."""

    def close_input(self) -> None:
        """Says that nothing more is submitted, of a call that is open for it."""

    def end(self) -> None:
        """Says that the call has ended."""

    def wants(self, response: Response) -> bool:
        """Whether the user's function is to be asked what a response leads to."""

    def found(self, response: Response, said: Any = None) -> None:
        """Takes what the user's function has said of a response, or nothing; once for each."""

    def take_left(self) -> list[Any] | None:
        """What was found where there was no room for all of it; ``None`` where there was."""

@final
class Stream:
    """A run: responses to an iterable of requests, as they come."""

    def __new__(
        cls,
        method: str,
        requests: Iterable[Any],
        client: Client,
        options: dict[str, Any],
        folder: OpenedFolder | None = None,
        follow_ups: FollowUps | None = None,
    ) -> Self: ...
    def __iter__(self) -> Self: ...
    def __next__(self) -> Response: ...
    def next_batch(self, limit: int, timeout: float, held: int) -> list[Response] | None:
        """At most ``limit`` responses: those that are there, or else the first to come within
        ``timeout`` seconds. ``None`` at the end.

        ``held`` is how many responses of earlier batches are still worked on; they count against
        ``queue_max_size``.
        """

    def control(self) -> Control:
        """A handle for other threads."""

    def receipt(self) -> dict[str, Any] | None:
        """How many requests were submitted, and how many of them ended as what.

        ``None`` while the user's code runs in here, which may be what asks.
        """

    def counts(self) -> tuple[int, int, int] | None:
        """How many requests were taken, are done, and have failed; ``None`` likewise, and once it has ended.

        Its control is told only now and then.
        """

    def close(self) -> None:
        """Ends the run, and with it the connections that are busy with its requests.

        A run folder is sealed, and what the disk refuses then is raised.
        """

    def record(self, responses: list[Response]) -> Exception | None:
        """Records what callbacks have made of responses, where there is a run folder.

        Returns the exception for the first that cannot be written down.
        """

    def safe(self) -> list[Response]:
        """Of the responses that were recorded, those that are safe.

        Raises what the disk has refused, once all that is safe was taken.
        """

    @property
    def waiting(self) -> int:
        """How many responses wait until they are safe."""

    def await_safe(self) -> None:
        """Waits until more is safe, or a moment. For when the run has ended."""

    def close_input(self) -> None:
        """Takes nothing more of the input. What was taken is done."""

@final
@final
class Table:
    """Results in Arrow's layout, which any library of tables takes without a copy.

    ``polars.DataFrame(table)``, ``pyarrow.table(table)``, ``pandas.DataFrame.from_arrow(table)``.
    """

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object: ...
    def __arrow_c_schema__(self) -> object: ...
    @property
    def column_names(self) -> list[str]:
        """The names of its columns."""

    @property
    def num_rows(self) -> int:
        """How many rows it has."""

    def __len__(self) -> int: ...

@final
class TableStream:
    """The requests of a table, and the table of their results. Each method may be called from any thread."""

    def __new__(
        cls,
        method: str,
        data: Any,
        client: Client,
        options: dict[str, Any],
        table: dict[str, Any],
        folder: Callable[[], OpenedFolder] | None = None,
    ) -> Self: ...
    def control(self) -> Control:
        """A handle for other threads."""

    def step(self) -> bool:
        """Goes on for a moment. ``False`` at the end. Raises what has ended it early, once."""

    def take(self, flush: bool = False) -> Table | None:
        """The batches that are complete and were not taken yet; ``None`` as long as their columns are not
        known.
        """

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object: ...
    def __arrow_c_schema__(self) -> object: ...
    def receipt(self) -> dict[str, Any] | None:
        """How many requests were submitted, and how many of them ended as what.

        ``None`` while it is stepped.
        """

    def counts(self) -> tuple[int, int, int] | None:
        """How many requests were taken, are done, and have failed; ``None`` likewise, and once it is over."""

    def close(self) -> None:
        """Ends it, and with it the connections that are busy with its requests."""

@final
class TableWriter:
    """A file that tables are written to. Without :meth:`finish` nothing is left of it."""

    def __new__(cls, path: Any) -> Self: ...
    def write(self, table: Table) -> None:
        """Appends the rows of a table."""

    def finish(self) -> int:
        """Makes the file whole and gives it its name. Gives how many rows it has."""

def plan_table(method: str, schema: Any, table: dict[str, Any]) -> Table | None:
    """The columns of the results of a table with this schema, as a table without rows.

    ``None`` where what comes back has to tell them. Raises ``FrameError`` for what cannot be.
    """

@final
class PushStream:
    """A run that waits for nothing: requests are pushed, and responses taken once they are there."""

    def __new__(
        cls,
        method: str,
        client: Client,
        options: dict[str, Any],
        ringer: Ringer,
        folder: OpenedFolder | None = None,
        follow_ups: FollowUps | None = None,
    ) -> Self: ...
    def room(self) -> int:
        """How many requests should be pushed now; 0 while there are responses to take."""

    def push(self, items: Iterator[Any], limit: int, seconds: float) -> int | None:
        """Pushes at most ``limit`` items of an iterator, for about ``seconds`` at most.

        Returns how many more of the limit there may be, which is not 0 where the time was up; ``None``
        where the iterator has ended. Raises what the iterator raises, and for an item that is no request.
        What an earlier process has done does not count.
        """

    def give_up(self, items: Iterator[Any]) -> None:
        """Puts items that came out of the input after the run had ended early into the accounts."""

    def close_input(self) -> None:
        """Tells that nothing more will be pushed."""

    def push_joined(self, seconds: float) -> bool:
        """Pushes what has joined the call, for about ``seconds`` at most, and ends the input once none can.

        Gives whether it stopped only because the time was up.
        """

    def take(self, limit: int) -> list[Response] | None:
        """Of the responses that are there, at most ``limit``; ``None`` at the end."""

    def hold(self, responses: int) -> None:
        """Tells how many responses that were taken are still worked on.

        They count against ``queue_max_size``.
        """

    def record(self, responses: list[Response]) -> Exception | None:
        """Records what callbacks have made of responses, where there is a run folder.

        Returns the exception for the first that cannot be written down.
        """

    def safe(self, limit: int) -> list[Response]:
        """Of the responses that were recorded, at most ``limit`` that are safe.

        Raises what the disk has refused, once all that is safe was taken.
        """

    @property
    def waiting(self) -> int:
        """How many responses wait until they are safe."""

    def take_no_more(self) -> None:
        """Takes nothing more of the input, which has not ended. What was taken is done."""

    def finish(self) -> None:
        """Closes it. A run folder is sealed, and what the disk refuses then is raised. May take a moment."""

    def arm(self) -> bool:
        """Has the ringer ring, once, when there is something to take or more room.

        ``False`` where something has happened since the last look, so that another look is due.
        """

    def control(self) -> Control | None:
        """A handle for other threads; ``None`` once the stream is closed, and in the child of a fork."""

    def receipt(self) -> dict[str, Any] | None:
        """How many requests were submitted, and how many of them ended as what.

        ``None`` while the user's code runs in here, which may be what asks.
        """

    def counts(self) -> tuple[int, int, int] | None:
        """How many requests were taken, are done, and have failed; ``None`` likewise, and once it has ended.

        Its control is told only now and then.
        """

    def close(self) -> None:
        """Ends the run, and with it the connections that are busy with its requests.

        May take a moment.
        """

@final
class OpenedFolder:
    """A run folder whose lock this process has, for a :class:`Stream` or :class:`PushStream`, or a table; or
    the part of a worker, for a table."""

    def __new__(cls, folder: dict[str, Any]) -> Self:
        """Goes on with the run of a folder, or begins it. May take its time.

        A part (``part``, ``session`` and ``wait`` are there) is opened by who takes it."""

    @staticmethod
    def begin_session(folder: dict[str, Any]) -> int:
        """Begins a session of a run with many writers, whose number its workers are given."""

    @staticmethod
    def check(folder: dict[str, Any]) -> None:
        """Checks how responses are to be written, before there is a folder. Raises ``ValueError``."""

@final
class FolderReader:
    """A run folder that is read."""

    def __new__(cls, path: Path) -> Self: ...
    def responses(self) -> FolderRows:
        """The responses, in the order in which they were written."""

    def failed(self) -> list[bytes]:
        """The requests that have failed, as lines of JSON."""

    def unknown(self) -> list[bytes]:
        """The requests of which nobody knows whether they were done, likewise."""

    def report(self) -> str:
        """The report as it is now, as HTML."""

    def receipt(self) -> dict[str, Any]:
        """The accounts."""

    @property
    def is_running(self) -> bool:
        """Whether a process is at work in it."""

    @staticmethod
    def retry(path: Path, statuses: list[int], kinds: list[str], failed: bool, unknown: bool) -> int:
        """Marks requests, to be sent again by who goes on with it. Gives how many."""

@final
class FolderTable:
    """The rows of a run folder as a table."""

    def __new__(cls, path: Path, schema: str | dict[str, str] | None) -> Self: ...
    def __arrow_c_schema__(self) -> object: ...
    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object: ...

@final
class FolderRows:
    """The responses of all rows of a run folder."""

    def __iter__(self) -> Self: ...
    def __next__(self) -> Response: ...

@disjoint_base
class GeneratorProxy:
    """Passes on what is asked of a generator, at no more cost than without it."""

    def __new__(cls, inner: Generator[Response], /, *_others: object) -> Self: ...
    def __iter__(self) -> Self: ...
    def __next__(self) -> Response: ...
    def send(self, value: None, /) -> Response: ...
    def throw(self, *raised: Any) -> Response: ...
    def close(self) -> None: ...

@disjoint_base
class AsyncGeneratorProxy:
    """The same for an asynchronous generator."""

    def __new__(cls, inner: AsyncGenerator[Response], /, *_others: object) -> Self: ...
    def __aiter__(self) -> Self: ...
    def __anext__(self) -> Coroutine[Any, Any, Response]: ...
    def asend(self, value: None, /) -> Coroutine[Any, Any, Response]: ...
    def athrow(self, *raised: Any) -> Coroutine[Any, Any, Response]: ...
    def aclose(self) -> Coroutine[Any, Any, None]: ...

@final
class Ringer:
    """One of those whom a :class:`Wakeup` is rung for."""

    @property
    def number(self) -> int:
        """By which its wake-up says that it was rung for it."""

    def ring(self) -> None:
        """Wakes who listens. Any thread may call it."""

@final
class Recorder:
    """Keeps what exchanges came to, until it is drained."""

    def __new__(cls) -> Self: ...
    def drain_durations(self) -> list[tuple[dict[str, Any], Durations]]:
        """The durations since it was last asked, in lists of what is alike."""

    def drain_spans(
        self,
    ) -> tuple[list[tuple[int, int, int, str, int, int, dict[str, Any], str | None]], int]:
        """The spans that have ended since it was last asked, and how many found no room."""

@final
class Durations:
    """How long exchanges took that are alike, in seconds."""

    def __len__(self) -> int: ...
    def values(self) -> list[float]:
        """One by one."""

    def in_buckets(self, bounds: Sequence[float]) -> tuple[list[int], float, float, float]:
        """How many fall into each bucket, their sum, the least and the longest."""

@final
class Wakeup:
    """Wakes an event loop that watches a file descriptor, or a thread that waits: any thread may ring it."""

    def __new__(cls) -> Self: ...
    def ringer(self) -> Ringer:
        """Another one whom it may be rung for."""
    def fileno(self) -> int:
        """The descriptor that becomes readable when it is rung, until it is cleared.

        Raises ``NotImplementedError`` where the system has no such thing.
        """

    def clear(self) -> list[int]:
        """Makes it ready for the next ring, and says which ringers it was rung for.

        What they rang for must be looked at afterwards.
        """

    def wait(self) -> list[int] | None:
        """Waits until it is rung, and clears it. ``None`` once it is closed."""

    def close(self) -> None:
        """Ends the wait of a thread, for good."""

@final
class FaultServer:
    """A server that does what servers should not."""

    def __new__(cls, seed: int = 0) -> Self: ...
    @staticmethod
    def faults() -> dict[str, str]: ...
    @property
    def url(self) -> str: ...
    def url_of(self, fault: str) -> str: ...
    def tls_url_of(self, fault: str) -> str: ...
    @property
    def authority_pem(self) -> str: ...
    @property
    def requests(self) -> int: ...
    @property
    def connections(self) -> int: ...
    def stop(self) -> None: ...

@final
class LlmServer:
    """A language model's API, OpenAI's and Anthropic's, on a port of this machine."""

    def __new__(
        cls,
        requests_per_minute: int,
        tokens_per_minute: int,
        input_tokens_per_minute: int | None = None,
        output_tokens_per_minute: int | None = None,
        latency: float = 0.0,
        port: int = 0,
    ) -> Self: ...
    @property
    def url(self) -> str: ...
    def counts(self) -> tuple[int, int, int]:
        """Requests, those of them that were refused, and the tokens of the others."""

    def stop(self) -> None: ...

@final
class Cache:
    """A private HTTP cache in a folder."""

    def __new__(cls, folder: str | None = None, max_size: int | None = None) -> Self: ...
    @property
    def folder(self) -> Path:
        """Where it is."""

@final
class BudgetHolder:
    """What holds a shared budget, on a thread of its own."""

    def __new__(
        cls,
        rates: list[tuple[str, str]],
        concurrency: int,
        address: str | None = None,
        secret: str | None = None,
        state: str | None = None,
    ) -> Self: ...
    @property
    def handle(self) -> str:
        """What opens the budget, with its secret."""

    def set(self, rates: list[tuple[str, str]], concurrency: int) -> None:
        """Allows something else from now on, of the same units. Raises ``ValueError`` for others."""

    def stop(self) -> None: ...

def budget_terms(rates: list[tuple[str, str]], concurrency: int) -> str:
    """Checks rates by unit, and tells them as they are understood."""

def budget_handle(text: str, weight: float | None = None) -> tuple[str, str]:
    """Checks a handle. Returns it, and what may be shown of it."""

def budget_status(text: str) -> str:
    """Who uses how much of a budget, as JSON."""

@final
class Server:
    """A small HTTP server on a port of this machine."""

    def __new__(cls, threads: int = 1, port: int = 0, tls: bool = False) -> Self: ...
    @staticmethod
    def authority_pem() -> str: ...
    @property
    def url(self) -> str: ...
    @property
    def requests(self) -> int: ...
    @property
    def connections(self) -> int: ...
    def stop(self) -> None: ...
