"""What runs in a callback process: takes a batch of responses, calls the functions, sends them back."""

from __future__ import annotations

import inspect
import os
import pickle
import signal
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

import cloudpickle

from patata.exceptions import CallbackError
from patata.models import Response

Callback = Callable[[Response], Response]

_functions: Sequence[Callback] = ()


def prepare(functions: bytes) -> None:
    """Called once, when the process starts."""
    global _functions
    # Ctrl-C reaches the whole process group; the parent decides what it means.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _functions = cloudpickle.loads(functions)
    threading.Thread(target=_end_with, args=(os.getppid(),), daemon=True).start()


def _end_with(parent: int) -> None:
    """Ends this process once the parent is gone, which may not have had the time to say so."""
    while os.getppid() == parent:
        time.sleep(1)
    os._exit(1)


def run(payload: bytes) -> list[bytes]:
    """The results for a batch, each pickled alone, so that one which cannot be read costs only itself."""
    responses = [restored(state) for state in cloudpickle.loads(payload)]
    # Each id is looked at before the call: most callbacks change the response they were given.
    return [_pickled(response.id_, call(response, _functions)) for response in responses]


def state(response: Response) -> Any:
    """What travels for a response: plain objects, unless it is of a class of the user's."""
    return response._state() if type(response) is Response else response


def restored(state: Any) -> Response:
    """The response that a state stands for."""
    return Response._restore(*state) if type(state) is tuple else state


def call(response: Response, functions: Sequence[Callback]) -> Response:
    """What the last function makes of a response; the first one to raise ends it."""
    for function in functions:
        try:
            response = checked(function(response), function)
        except Exception as error:
            return failed(response, error)
    return response


def checked(result: object, function: object) -> Response:
    """What a function returned, if that is a response."""
    if isinstance(result, Response):
        return result
    if inspect.iscoroutine(result):
        # Nobody will await it, which Python would complain about.
        result.close()
    raise TypeError(f"a callback must return a Response, {function!r} returned {result!r}")


def failed(response: Response, error: BaseException) -> Response:
    """The response as it is when its callback failed."""
    _let_go_of_frames(error)
    response.status_code = 500
    response.data = error
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


def _pickled(given_id: object, result: Response) -> bytes:
    """The result, without its id where that is unchanged: the caller has the object itself."""
    id_ = result.id_
    unchanged = id_ is given_id
    if unchanged:
        result.id_ = None
    try:
        packed = _dumps((unchanged, state(result)))
        if isinstance(result.data, BaseException):
            # Many exceptions can be pickled, but not be read again.
            pickle.loads(packed)
    except Exception as error:
        reason = f"{result.data!r} of response {id_!r} cannot be brought back from its process: {error}"
        return _dumps((True, state(Response(None, 500, CallbackError(reason)))))
    return packed


def _dumps(value: object) -> bytes:
    try:
        return pickle.dumps(value, protocol=pickle.HIGHEST_PROTOCOL)
    except Exception:
        # What was defined in the user's script travels by value.
        packed: bytes = cloudpickle.dumps(value)
        return packed
