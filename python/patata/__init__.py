"""Any iterable of HTTP requests in, a stream of responses out.

>>> from patata import Patata, Request
>>> from patata.testing import Server
>>> with Server() as server, Patata(verbose=False) as client:
...     requests = [Request(id_=1, url=server.url + "/")]
...     for response in client.http("get", requests):
...         print(response)
id_=1 status_code=200 data={'message': 'Hello world!'}
"""

from typing import TYPE_CHECKING, Any

from patata._call_state import Progress
from patata._options import ClientOptions, Options, RequestOptions
from patata._patata import MAX_RESPONSE_HEADERS, __version__
from patata.budget import Budget, BudgetHandle
from patata.cache import Cache
from patata.client import Patata
from patata.exceptions import (
    CacheError,
    CallCancelledError,
    ClientAlreadyInUseError,
    ClientClosedError,
    DeadlineExceededError,
    FrameError,
    InternalPatataError,
    InvalidMethodError,
    InvalidRequestError,
    InvalidVerboseLevelError,
    PatataError,
    RequestError,
    RunFolderError,
    StatusError,
    TooManyFailures,
)
from patata.models import Request, Response
from patata.receipt import Receipt
from patata.responses import AsyncResponses, Responses

if TYPE_CHECKING:
    from patata import crawl, pages
    from patata.aio import AsyncPatata
    from patata.frames import fetch
    from patata.run_folder import RunFolder
    from patata.telemetry import Telemetry

__all__ = [
    "MAX_RESPONSE_HEADERS",
    "AsyncPatata",
    "AsyncResponses",
    "Budget",
    "BudgetHandle",
    "Cache",
    "CacheError",
    "CallCancelledError",
    "ClientAlreadyInUseError",
    "ClientClosedError",
    "ClientOptions",
    "DeadlineExceededError",
    "FrameError",
    "InternalPatataError",
    "InvalidMethodError",
    "InvalidRequestError",
    "InvalidVerboseLevelError",
    "Options",
    "Patata",
    "PatataError",
    "Progress",
    "Receipt",
    "Request",
    "RequestError",
    "RequestOptions",
    "Response",
    "Responses",
    "RunFolder",
    "RunFolderError",
    "StatusError",
    "Telemetry",
    "TooManyFailures",
    "__version__",
    "crawl",
    "fetch",
    "pages",
]


def __getattr__(name: str) -> Any:
    # What takes its time to be imported is waited for only by programs that use it.
    if name == "AsyncPatata":
        from patata.aio import AsyncPatata

        return AsyncPatata
    if name == "fetch":
        from patata.frames import fetch

        return fetch
    if name == "Telemetry":
        from patata.telemetry import Telemetry

        return Telemetry
    if name == "RunFolder":
        from patata.run_folder import RunFolder

        return RunFolder
    if name in ("crawl", "pages"):
        from importlib import import_module

        return import_module(f"patata.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
