"""Callbacks of a call that is written down: what they return is recorded, and yielded once it is safe."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from patata import _patata
from patata._callbacks.calling import Callback, call
from patata.models import Response

WAIT = 0.1
"""Seconds between looks for signals."""


class Answering:
    """A callback of which it is known what request it answers, whichever object it returns."""

    def __init__(self, function: Callback) -> None:
        self._function = function

    def __call__(self, response: Response) -> Response:
        answered: Response = answer(response, self._function(response))
        return answered

    def __repr__(self) -> str:
        return repr(self._function)


def answer(response: Response, result: Any) -> Any:
    """What a callback returned in the place of a response, as the answer to the same request."""
    if result is response or not isinstance(result, Response):
        return result
    return result._answering(response)


def called_one_by_one(stream: _patata.Stream, functions: Sequence[Callback]) -> Iterator[list[Response]]:
    """Calls functions on the responses of a whole call, in this process; gives an empty list now and then."""
    while (batch := stream.next_batch(1, WAIT, 0)) is not None:
        yield [call(response, functions) for response in batch]


def recorded(stream: _patata.Stream, batches: Iterator[list[Response]]) -> Iterator[Response]:
    """Records the responses of a whole call, and yields them once they are safe.

    What ends the call is raised once all that is done has been yielded.
    """
    ended_by: Exception | None = None
    while True:
        try:
            batch = next(batches, None)
        except Exception as error:
            ended_by = ended_by or error
            break
        if batch is None:
            break
        if batch and (refused := stream.record(batch)) is not None:
            # The requests that were taken are done still: an answer to one that is not idempotent is not
            # lost.
            ended_by = ended_by or refused
            stream.close_input()
        yield from stream.safe()
    while stream.waiting:
        stream.await_safe()
        yield from stream.safe()
    if ended_by is not None:
        raise ended_by
