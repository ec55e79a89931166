"""All exceptions: those that are raised, and those that a response carries in ``response.error``."""

from __future__ import annotations

import builtins
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import Any

    from patata._patata import Response
    from patata.receipt import Receipt

DOCUMENTATION = "https://oalfonso-o.github.io/patata/"
"""Where the documentation is, which has a page for each class of this module."""


class PatataError(Exception):
    """The base of all exceptions of this package."""

    @property
    def help_url(self) -> str:
        """The page of the documentation that says what this error means, and what to do.

        A class of yours that is made of one of these has the page of that.

        >>> ConnectError().help_url
        'https://oalfonso-o.github.io/patata/errors/ConnectError.html'
        """
        documented = next(kind for kind in type(self).__mro__ if kind.__module__ == __name__)
        return f"{DOCUMENTATION}errors/{documented.__name__}.html"


class ClientAlreadyInUseError(PatataError):
    """Kept for programs that catch it. One client may be used by several calls at once now."""


class EndedEarly(PatataError):
    """A call has ended before its input.

    Attributes
    ----------
    receipt
        The accounts of the call, which say what was not sent, and what was sent and has no outcome. ``None``
        where there was no call.
    table
        Of a ``fetch()``, the results that there were, in the kind of its table. ``None`` for other calls.
    """

    receipt: Receipt | None = None
    table: Any = None


class ClientClosedError(EndedEarly):
    """The client was closed before all responses were taken, or is used after it was closed."""


class CallCancelledError(EndedEarly):
    """The call was ended by ``cancel()`` of what ``http()`` returned, before all responses were taken."""


class TooManyFollowUps(EndedEarly):
    """Responses have led to more requests than may wait, ``queue_max_size``, and there is no ``run_folder``.

    The call has done what it had taken, all responses of which have been yielded before this is raised. Or a
    request that was submitted has found no room, and was not taken.

    Attributes
    ----------
    requests
        All requests that were found and not sent: another call can send them.
    receipt
        The accounts of the call.
    """

    def __init__(self, message: str = "", requests: list[Any] | None = None) -> None:
        super().__init__(message)
        self.requests = requests or []

    def __reduce__(self) -> tuple[type[TooManyFollowUps], tuple[str, list[Any]], dict[str, Any]]:
        return type(self), (str(self), self.requests), self.__dict__


class FrameError(PatataError, ValueError):
    """What was given to ``fetch()`` is no table that requests can be made of, or one that cannot be read to
    its end.
    """


class ForkedError(PatataError):
    """A call that was begun before a fork is used in the child. Begin another one there."""


class TooManyFailures(EndedEarly):
    """So much failed that the call ended by itself: more than ``max_failures``, or a status of ``abort_on``.

    All responses that were there have been yielded before it is raised; what was not done was cancelled.

    Attributes
    ----------
    failures, requests
        How many failed, of how many that were done.
    reasons
        How many failed of which reason: ``{"status 404": 6, "connect error": 1}``.
    examples
        The first failures, each with its URL.
    receipt
        The accounts of the call, which say what was not sent, and what was sent and has no outcome.

    Examples
    --------
    >>> from patata import Patata
    >>> from patata.testing import Server
    >>> with Server() as server, Patata(verbose=False, abort_on={401, 403}) as client:
    ...     try:
    ...         list(client.http("get", [(1, server.url + "/status/403")]))
    ...     except TooManyFailures as stop:
    ...         print(stop.failures, stop.requests, stop.reasons)
    1 1 {'status 403': 1}
    """

    def __init__(
        self,
        message: str = "",
        failures: int = 0,
        requests: int = 0,
        reasons: dict[str, int] | None = None,
        examples: list[str] | None = None,
    ) -> None:
        super().__init__(message)
        self.failures = failures
        self.requests = requests
        self.reasons = reasons or {}
        self.examples = examples or []

    def __reduce__(
        self,
    ) -> tuple[type[TooManyFailures], tuple[str, int, int, dict[str, int], list[str]], dict[str, Any]]:
        arguments = (str(self), self.failures, self.requests, self.reasons, self.examples)
        return type(self), arguments, self.__dict__


class DeadlineExceededError(EndedEarly, builtins.TimeoutError):
    """The ``deadline`` of the call passed before all of its input had been taken.

    All responses have been yielded before it is raised, those that failed at the deadline among them. Its
    ``receipt`` says which of them were not sent.
    """


class CannotStartError(EndedEarly, RuntimeError):
    """No thread could be started for a call: memory, threads or files have run out. Nothing was sent."""


class CacheError(PatataError):
    """A folder cannot be used as a cache: it holds something else, or a cache of another version, or the disk
    fails.
    """


class RunFolderError(EndedEarly):
    """A run folder cannot be used, or can be used no longer. What was yielded before is safe in it."""


class NotARunFolderError(RunFolderError):
    """What was named is no run folder, or has other things in it."""


class RunFolderLockedError(RunFolderError):
    """Another call is at work in the folder, in this process or another one."""


class RunFolderSupersededError(RunFolderError):
    """The worker of a cluster belongs to a job that a later one with the same run folder has followed."""


class RunFolderExistsError(RunFolderError):
    """Another process has begun a run in the folder just now."""


class RunFolderFormatError(RunFolderError):
    """A later version of patata has written the folder."""


class RunFolderDamagedError(RunFolderError):
    """Something in the folder is not as it was left."""


class RunFolderChangedError(RunFolderError):
    """The run is given another input than the one that it was begun with."""


class RunFolderIOError(RunFolderError, OSError):
    """The disk, or the system, has refused something: the disk is full, say. The call ends with it.

    All responses that are safe were yielded before. Once there is room, the same call goes on.
    """

    def __init__(self, message: str = "", errno: int | None = None) -> None:
        super().__init__(message)
        self.errno = errno

    def __reduce__(self) -> tuple[type[RunFolderIOError], tuple[str, int | None]]:
        return type(self), (str(self), self.errno)


class UnwritableResponseError(RunFolderError, TypeError):
    """What callbacks have made of a response cannot be written to a run folder, as JSON has no such thing.

    The call takes no more input, does what it has taken, yields all of it, and raises this. The folder has
    what the server had sent, as a failed request.
    """


class InternalPatataError(PatataError):
    """Something that cannot happen did. Please report it."""


class InvalidMethodError(PatataError, ValueError):
    """The method is not a token that HTTP allows."""


class InvalidVerboseLevelError(PatataError, ValueError):
    """The verbose level is not one of 0, 1 and 2."""


class CallbackError(PatataError):
    """A callback raised, or what it made of the response cannot be brought back from its process.

    It is in ``response.error``, unless the request itself had failed before. A call does not raise it. What
    the callback raised is ``response.data``, and the ``__cause__`` of this.

    Attributes
    ----------
    status_code
        What the server had answered: that of the response is 500 now.
    """

    def __init__(
        self, message: str = "", cause: BaseException | None = None, status_code: int | None = None
    ) -> None:
        super().__init__(message)
        self.__cause__ = cause
        self.status_code = status_code

    def __reduce__(self) -> tuple[type[CallbackError], tuple[Any, ...]]:
        return type(self), (str(self), self.__cause__, self.status_code)


class FollowError(CallbackError):
    """A ``follow`` function raised, or has led to what is no request.

    It is in ``response.error``, unless the request itself had failed before; status and data of the response
    are as they came. What the function raised is the ``__cause__``; one that raises an error of this class
    has it there as it is.
    """


class CallbackProcessError(CallbackError):
    """The process that was to call the callbacks on this response has died."""


class PageError(FollowError):
    """A chain of pages cannot go on, though it is not at its end: raised by what ``patata.pages`` gives.

    It is in the ``response.error`` of the page. Where the request for that had failed, the error of the
    request stays there, and says which page it is.

    Attributes
    ----------
    page
        Which page of the chain it is, beginning with 1.
    url
        The URL that has answered, or has failed to.
    """

    def __init__(
        self,
        message: str = "",
        page: int = 1,
        url: str = "",
        cause: BaseException | None = None,
        status_code: int | None = None,
    ) -> None:
        super().__init__(message, cause, status_code)
        self.page = page
        self.url = url

    def __reduce__(self) -> tuple[type[PageError], tuple[Any, ...]]:
        return type(self), (str(self), self.page, self.url, self.__cause__, self.status_code)


class RepeatedPageError(PageError):
    """A page leads to one that was asked for before, or is the same as the one before it: without end."""


class OtherOriginError(PageError):
    """A page leads to another origin, which would get the credentials that are meant for the first one."""


class PagesFailedError(PatataError):
    """Of some pages there were no items: raised by ``patata.pages.items`` after the items of all others.

    Attributes
    ----------
    responses
        What came instead, of the first hundred.
    """

    def __init__(self, message: str = "", responses: list[Response] | None = None) -> None:
        super().__init__(message)
        self.responses = responses or []

    def __reduce__(self) -> tuple[type[PagesFailedError], tuple[str, list[Response]]]:
        return type(self), (str(self), self.responses)


class StatusError(PatataError):
    """A response has a status of 400 or above: raised by ``response.raise_for_status()``.

    ``response`` is the response.
    """

    def __init__(self, response: Response) -> None:
        # Seldom needed, and it takes its time to be imported.
        from http import HTTPStatus

        code = response.status_code
        try:
            phrase = " " + HTTPStatus(code).phrase
        except ValueError:
            phrase = ""
        super().__init__(f"{code}{phrase} for {response.url or f'response {response.id_!r}'}")
        self.response = response

    def __reduce__(self) -> tuple[type[StatusError], tuple[Response]]:
        return type(self), (self.response,)


class RequestError(PatataError):
    """Why a request has no response: what ``response.error`` is, and ``response.raise_for_status()`` raises.

    A call itself raises none, save :class:`InvalidRequestError` for an item of its input that is no request.

    ``request_sent`` is ``False`` where not one byte of the request can have reached the server.
    """

    def __init__(self, detail: str = "", request_sent: bool = False) -> None:
        super().__init__(detail)
        self.request_sent = request_sent

    def __reduce__(self) -> tuple[type[RequestError], tuple[str, bool]]:
        return type(self), (str(self), self.request_sent)


class InvalidRequestError(RequestError, ValueError, TypeError):
    """The request is unusable, which was found before any I/O.

    Raised where an item of the input is no request at all: a ``ValueError``, as the older package
    raised, and a ``TypeError``, as it is about types.
    """


class ConnectError(RequestError, ConnectionError):
    """No connection came about."""


class HostUnavailableError(ConnectError):
    """The request was not sent, as its host has not answered for long: see ``host_timeout``."""


class RobotsError(RequestError):
    """The request was not sent, as the ``robots.txt`` of its host forbids it, or cannot be read."""


class BudgetError(RequestError):
    """The request was not sent, as the budget that it shares with other processes was lost."""


class NotCachedError(RequestError):
    """The request was not sent, as only what a cache has stored is wanted (``cache_mode="offline"``), and it
    has nothing for it."""


class ResolveError(ConnectError):
    """The host's name has no address."""


class ProxyError(ConnectError):
    """The proxy could not be reached, or opened no way to the server."""


class TLSError(ConnectError):
    """The TLS handshake failed, or the server ended the TLS connection right after it."""


class CertificateError(TLSError):
    """The server's certificate was not accepted."""


class CertificateExpiredError(CertificateError):
    """The server's certificate has expired."""


class CertificateHostnameError(CertificateError):
    """The server's certificate is for other hosts."""


class SelfSignedCertificateError(CertificateError):
    """The server's certificate is signed by nobody but itself."""


class UntrustedCertificateError(CertificateError):
    """The server's certificate is signed by an authority that is not trusted."""


class RequestTimeoutError(RequestError, builtins.TimeoutError):
    """An attempt took longer than its time-out allows."""


class ConnectTimeoutError(RequestTimeoutError, ConnectError):
    """Opening the connection took longer than its time-out allows."""


class ProtocolError(RequestError):
    """The server broke HTTP, or closed the connection without an answer."""


class RedirectError(RequestError):
    """A redirect could not be followed: too many of them, or no usable target."""


class BodyError(RequestError):
    """The response's body broke off, or its framing was wrong."""


class DecodeError(RequestError):
    """The response's body is not what its ``Content-Encoding`` says."""


class TooLargeError(RequestError):
    """The response is larger than the limits allow."""


class OutOfMemoryError(RequestError, MemoryError):
    """This process has no memory left for the response's body."""


class SaveError(RequestError, OSError):
    """The response's body could not be written to its file (``stream_to``)."""


class RetryIfError(RequestError):
    """The ``retry_if`` function raised when it was asked about the response."""


class CancelledError(RequestError):
    """The call ended before the request was done."""


def describe(error: BaseException) -> dict[str, str]:
    """What a failed response has as ``data``, in the place of an answer.

    >>> describe(ConnectError("Cannot connect to localhost:1"))["exception_detail"]
    'Cannot connect to localhost:1'
    """
    if error.__traceback__ is None and isinstance(error, RequestError):
        # The engine made it, and did not raise it in Python, so there are no frames to tell of.
        name = f"{type(error).__module__}.{type(error).__qualname__}"
        kin = " (a TimeoutError)" if isinstance(error, builtins.TimeoutError) else ""
        trace = f"{name}: {error}{kin}\n"
    else:
        import traceback

        trace = "".join(traceback.format_exception(error))
    return {
        "exception_detail": str(error),
        "exception_traceback": trace,
        "exception_class": str(type(error)),
    }
