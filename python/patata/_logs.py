"""What a run logs: its start, its progress, its end, and at level 2 each failure."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any

from patata.models import Response

FORMAT = "%(name)-20s%(levelname)-10s%(message)s"

logger = logging.getLogger("patata")


class _OwnHandler(logging.StreamHandler[Any]):
    """The handler for applications that have configured no logging."""


def configure() -> None:
    """Makes the log visible where the application has not said what becomes of logs.

    Once it has, our own handler goes again.
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


def logged(
    responses: Iterator[Response],
    parameters: dict[str, object],
    chunk: int,
    level: int,
    total: Callable[[], int],
) -> Iterator[Response]:
    """Hands the responses through and logs what a level above 0 asks for.

    ``parameters`` are told at the start, ``chunk`` is how many responses pass between two lines of
    progress, and ``total`` is asked at the end how many there were.
    """
    configure()
    logger.info("Start processing requests with Patata parameters:")
    for name, value in parameters.items():
        logger.info("  %-20s%s", f"{name}:", value)
    begun = time.monotonic()
    if level > 1:
        responses = _failures_logged(responses)
    processed = 0
    # One by one only at the borders of chunks: within them this costs nothing a response.
    while (first := next(responses, None)) is not None:
        if processed:
            logger.info("Total processed requests: %d...", processed)
        yield first
        yield from islice(responses, chunk - 1)
        processed += chunk
    _log_end(total(), time.monotonic() - begun)


def _log_end(total: int, elapsed: float) -> None:
    logger.info("All requests processed:")
    logger.info("  Total requests:     %d", total)
    logger.info("  Total time (s):     %.2f", elapsed)
    logger.info("  Requests/s:         %.2f", total / elapsed if elapsed else 0.0)


def _failures_logged(responses: Iterator[Response]) -> Iterator[Response]:
    for response in responses:
        if response.error is not None:
            logger.error("Request %r failed: %s", response.id_, response.error)
        elif isinstance(response.data, Exception):
            logger.error("Callback failed for request %r: %r", response.id_, response.data)
        elif isinstance(response.status_code, int) and response.status_code >= 400:
            logger.error("Request %r was answered with status %s", response.id_, response.status_code)
        yield response
