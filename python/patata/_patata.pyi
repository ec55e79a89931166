"""The extension module: what is made in Rust."""

from collections.abc import Iterable, Iterator
from typing import Any, final

from typing_extensions import Self, disjoint_base

__all__ = [
    "Client",
    "Control",
    "Request",
    "Response",
    "Server",
    "Stream",
    "__version__",
    "_forked",
    "check_options",
    "default_num_workers",
]

__version__: str

def default_num_workers() -> int:
    """The cores this process may use: CPU affinity and cgroup limits count."""

def check_options(options: dict[str, Any]) -> None:
    """Finds what is wrong with the options of a run, before there is one."""

def _forked() -> None:
    """Says that this process is the child of a fork."""

@disjoint_base
class Request:
    """One request.

    Parameters
    ----------
    id_
        Any object; the response has the same one.
    url
        An absolute ``http://`` or ``https://`` URL. User name and password in it are sent as basic
        authentication.
    data
        What to send as JSON: dict, list, tuple, str, int, float, bool, None, and dataclasses, datetimes,
        UUIDs, Decimals and Enums in them. Default: ``None``, which sends nothing.
    method
        Default (as for all that follow: ``None``): the run's.
    headers
        A mapping or pairs; a list as value sends a header several times. They replace the client's
        headers of the same names; ``None`` as value leaves such a header out.
    params
        Query parameters, a mapping or pairs, put behind those of the URL; a list as value repeats a
        name. They replace the client's parameters of the same names.
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

    Raises
    ------
    InvalidRequestError
        If ``url`` is no ``str``, or of ``data``, ``json``, ``form``, ``content`` and ``files`` two are
        given that cannot be sent together, or the method or the time-out cannot be used. A text that is
        no URL and a file that cannot be read are found later, and end as this request's response.

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
        The JSON of the body, parsed when it is first read; ``{}`` where the body is empty or no JSON. A
        failure is described by ``exception_detail``, ``exception_traceback`` and ``exception_class``.

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
    """Why there is no response; ``None`` for every response that came, a 500 included."""
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
    def _state(self) -> tuple[Any, Any, Any, bytes | None, Exception | None]: ...
    @classmethod
    def _restore(
        cls,
        id_: Any,
        status_code: int,
        data: Any,
        body: bytes | None,
        error: Exception | None,
    ) -> Self: ...

@final
class Client:
    """The options of all runs of a client, and what these share: the trust store, TLS sessions."""

    def __new__(cls, options: dict[str, Any]) -> Self: ...

@final
class Control:
    """Wakes or ends a :class:`Stream` from another thread."""

    def wake(self) -> None:
        """Ends a wait that is under way."""

    def cancel(self) -> None:
        """Ends the run."""

@final
class Stream:
    """A run: responses to an iterable of requests, as they come."""

    def __new__(
        cls, method: str, requests: Iterable[Any], client: Client, options: dict[str, Any]
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

    def receipt(self) -> dict[str, int]:
        """How many requests were submitted, and how many of them ended as what."""

    def close(self) -> None:
        """Ends the run: sockets are closed, threads are joined."""

@final
class Server:
    """A small HTTP server on a port of this machine."""

    def __new__(cls, threads: int = 1, port: int = 0) -> Self: ...
    @property
    def url(self) -> str: ...
    @property
    def requests(self) -> int: ...
    @property
    def connections(self) -> int: ...
    def stop(self) -> None: ...
