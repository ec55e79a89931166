"""The extension module: what is made in Rust."""

from collections.abc import Iterable, Iterator
from typing import Any, final

from typing_extensions import Self, disjoint_base

__all__ = [
    "Control",
    "Request",
    "Response",
    "Server",
    "Stream",
    "__version__",
    "_forked",
    "default_num_workers",
]

__version__: str

def default_num_workers() -> int:
    """The cores this process may use: CPU affinity and cgroup limits count."""

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
        What to send as JSON, made of dict, list, tuple, str, int, float, bool and None. Default:
        ``None``, which sends nothing.

    Raises
    ------
    InvalidRequestError
        If ``url`` is no ``str``. A text that is no URL is found later, and ends as this request's
        response.

    Examples
    --------
    >>> Request(id_=1, url="http://localhost:12345/")
    Request(id_=1, url='http://localhost:12345/', data=None)
    """

    __match_args__: tuple[str, str, str]
    id_: Any
    url: str
    data: Any
    def __new__(cls, id_: Any, url: str, data: Any = None) -> Self: ...
    def dict(self) -> dict[str, Any]:
        """The three fields by name.

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
class Control:
    """Wakes or ends a :class:`Stream` from another thread."""

    def wake(self) -> None:
        """Ends a wait that is under way."""

    def cancel(self) -> None:
        """Ends the run."""

@final
class Stream:
    """A run: responses to an iterable of requests, as they come."""

    def __new__(cls, method: str, requests: Iterable[Any], options: dict[str, Any]) -> Self: ...
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
