"""Calls callbacks on a response, and says what becomes of it where one fails."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress

from patata.exceptions import CallbackError
from patata.models import Response

Callback = Callable[[Response], Response]


def call(response: Response, functions: Sequence[Callback]) -> Response:
    """What the last function makes of a response; the first one to raise ends it."""
    status = response.status_code
    for function in functions:
        try:
            response = checked(function(response), function)
        except Exception as error:
            return with_status(failed(response, error), status)
    return response


def called(responses: Iterable[Response], functions: Sequence[Callback]) -> Iterator[Response]:
    """Calls functions on the responses of a whole call, in this process."""
    for response in responses:
        yield call(response, functions)


def checked(result: object, function: object) -> Response:
    """What a function returned, if that is a response."""
    if isinstance(result, Response):
        return result
    if inspect.iscoroutine(result):
        # Nobody will await it, which Python would complain about.
        result.close()
    raise TypeError(f"a callback must return a Response, {function!r} returned {result!r}")


def failed(response: Response, error: BaseException) -> Response:
    """The response as it is when its callback raised."""
    _let_go_of_frames(error)
    return _given_up(response, CallbackError(f"a callback raised {_told(error)}", error), error)


def lost(response: Response, error: CallbackError) -> Response:
    """The response as it is when no callback could be called on it, or none told what it made of it."""
    return _given_up(response, error, error)


def _given_up(response: Response, error: CallbackError, data: BaseException) -> Response:
    # Where the request itself had failed, that stays its error.
    if response.error is None:
        error.status_code = response.status_code
        response.error = error
    response.status_code = 500
    response.data = data
    return response


def _told(error: BaseException) -> str:
    try:
        return repr(error)
    except Exception:
        return type(error).__name__


def with_status(response: Response, status: int) -> Response:
    """The same with the status that was there before any callback, which may have changed it."""
    if isinstance(response.error, CallbackError):
        response.error.status_code = status
    return response


def _let_go_of_frames(error: BaseException) -> None:
    """Leaves of a traceback only a note of its last line.

    Its frames hold the response, and all that is below on the stack; a response is not seen by the cyclic
    garbage collector, so with the frames in it none of that would ever be freed.
    """
    last = error.__traceback__
    while last is not None and last.tb_next is not None:
        last = last.tb_next
    if last is not None and hasattr(error, "add_note"):
        code = last.tb_frame.f_code
        # Some exceptions cannot be changed.
        with suppress(AttributeError):
            error.add_note(f"raised in {code.co_name}, {code.co_filename}, line {last.tb_lineno}")
    each: BaseException | None = error
    while each is not None and each.__traceback__ is not None:
        each.with_traceback(None)
        each = each.__cause__ or each.__context__


def has_failed(response: Response) -> bool:
    """Whether a callback failed: nothing else looks like that."""
    return response.status_code == 500 and isinstance(response.data, BaseException)
