"""Calls callbacks on responses, and makes failed responses of those that one fails on."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress

from patata.exceptions import CallbackError
from patata.models import Response

Callback = Callable[[Response], Response]


def call(response: Response, functions: Sequence[Callback]) -> Response:
    """Calls functions on a response in turn, up to the first that fails. Gives what became of it."""
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
    let_go_of_frames(error)
    return _given_up(response, CallbackError(f"a callback raised {told(error)}", error), error)


def lost(response: Response, error: CallbackError) -> Response:
    """The response as it is when callbacks could not be called on it, or what they made of it was lost."""
    return _given_up(response, error, error)


def _given_up(response: Response, error: CallbackError, data: BaseException) -> Response:
    # Where the request itself had failed, that stays its error.
    if response.error is None:
        error.status_code = response.status_code
        response.error = error
    response.status_code = 500
    response.data = data
    return response


def told(error: BaseException) -> str:
    """An exception as a message shows it."""
    try:
        return repr(error)
    except Exception:
        return type(error).__name__


def with_status(response: Response, status: int) -> Response:
    """Notes on a response's error which status there was before any callback, as one may have changed it."""
    if isinstance(response.error, CallbackError):
        response.error.status_code = status
    return response


def let_go_of_frames(error: BaseException) -> None:
    """Replaces the traceback of an error by a note of its last line.

    The frames of a traceback hold the response, and all else that is on the stack. The garbage collector does
    not look into responses, so a response that held such frames would never be freed, nor what they hold.
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
