"""The log of a call: its start, its progress, its end, and at level 2 each failure."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any

from patata.models import Response
from patata.receipt import Accounts

FORMAT = "%(name)-20s%(levelname)-10s%(message)s"

logger = logging.getLogger("patata")


if TYPE_CHECKING:
    StreamHandler = logging.StreamHandler[Any]
else:
    # Python 3.10 takes no type in brackets here.
    StreamHandler = logging.StreamHandler


class _OwnHandler(StreamHandler):
    """The handler for applications that have configured no logging."""


def configure() -> None:
    """Adds a handler of our own where the application has set up no logging, so that the log can be seen.

    Once the application has set logging up, our handler is removed again.
    """
    own = [handler for handler in logger.handlers if isinstance(handler, _OwnHandler)]
    elsewhere = logging.getLogger().handlers or [h for h in logger.handlers if h not in own]
    if own and elsewhere:
        for handler in own:
            logger.removeHandler(handler)
    elif not own and not elsewhere:
        handler = _OwnHandler()
        handler.setFormatter(logging.Formatter(FORMAT))
        logger.addHandler(handler)
        if logger.level == logging.NOTSET:
            logger.setLevel(logging.INFO)


class CallLog:
    """The log of one call: its start, a line each ``chunk`` responses, failures at level 2, its end.

    At level 0 it logs nothing.
    """

    def __init__(self, parameters: dict[str, object], chunk: int, level: int) -> None:
        self._parameters = parameters
        self._chunk = chunk
        self._level = level
        self._passed = 0
        self._begun = time.monotonic()

    def begin(self) -> None:
        """Logs that the call begins, and with which parameters."""
        self._begun = time.monotonic()
        if self._level > 0:
            configure()
            logger.info("Start processing requests with Patata parameters:")
            for name, value in self._parameters.items():
                logger.info("  %-20s%s", f"{name}:", value)

    @property
    def left(self) -> int:
        """How many responses may be handed out up to the next line."""
        return self._chunk - self._passed % self._chunk

    def pass_on(self, responses: Sequence[Response]) -> None:
        """Logs and counts responses that are handed out next: at most as many as are ``left``."""
        if self._level > 1:
            for response in responses:
                log_failure(response)
        if responses:
            self.count(len(responses))

    def count(self, responses: int) -> None:
        """Counts responses that are handed out next. At the end of a chunk it logs how many were before."""
        if self._level > 0 and self._passed and self._passed % self._chunk == 0:
            logger.info("Total processed requests: %d...", self._passed)
        self._passed += responses

    def end(self, accounts: Accounts, stop: BaseException | None = None) -> None:
        """Logs that all is done, or that ``stop`` has ended the call early, with the receipt."""
        if self._level > 0:
            receipt = accounts.at_end()
            total = receipt.ok + receipt.failed
            elapsed = time.monotonic() - self._begun
            if stop is None:
                logger.info("All requests processed:")
            else:
                logger.error("Ended early by %s: %s", type(stop).__name__, stop)
            if receipt.retries_denied:
                logger.warning(
                    "%d requests were not tried again for the retry budget, which keeps an outage from being"
                    " amplified; retry_budget=None lifts it",
                    receipt.retries_denied,
                )
            logger.info("  Total requests:     %d", total)
            logger.info("  Total time (s):     %.2f", elapsed)
            logger.info("  Requests/s:         %.2f", total / elapsed if elapsed else 0.0)
            for name, value in receipt.lines():
                logger.info("  %-20s%s", f"{name}:", value)

    def logged(self, responses: Iterator[Response], accounts: Accounts) -> Iterator[Response]:
        """Passes the responses of a whole call on, and logs it."""
        if self._level == 0:
            return responses
        return self._logged(map(log_failure, responses) if self._level > 1 else responses, accounts)

    def _logged(self, responses: Iterator[Response], accounts: Accounts) -> Iterator[Response]:
        self.begin()
        try:
            # Only the first of each chunk is looked at: the others pass at no cost.
            while (first := next(responses, None)) is not None:
                self.count(self._chunk)
                yield first
                yield from islice(responses, self._chunk - 1)
        except Exception as stop:
            self.end(accounts, stop)
            raise
        self.end(accounts)


def log_failure(response: Response) -> Response:
    """Logs a response if it is a failure. Gives it back."""
    if isinstance(response.data, BaseException):
        logger.error("Callback failed for request %r: %r", response.id_, response.data)
    elif response.error is not None:
        logger.error("Request %r failed%s: %s", response.id_, _place(response), response.error)
    elif isinstance(response.status_code, int) and response.status_code >= 400:
        place = _place(response)
        logger.error("Request %r was answered with status %s%s", response.id_, response.status_code, place)
    return response


def _place(response: Response) -> str:
    """Where the request was sent, without credentials; empty where it was not sent."""
    return f" at {response.url}" if response.url else ""
