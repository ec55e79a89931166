"""What runs in a callback process: takes a batch of responses, calls the functions, sends them back."""

from __future__ import annotations

import os
import pickle
import signal
import threading
import time
from collections.abc import Sequence
from typing import Any

import cloudpickle

from patata._callbacks import calling
from patata.exceptions import CallbackError
from patata.models import Response

_functions: Sequence[calling.Callback] = ()


def prepare(functions: bytes, parent: int) -> None:
    """Sets the process up, once. It is given its parent's id, as the parent may be gone by now."""
    global _functions
    # Ctrl-C reaches the whole process group; the parent decides what it means.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _functions = cloudpickle.loads(functions)
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()


def _end_with(parent: int) -> None:
    """Ends this process once its parent is gone: the parent may have had no time to say so."""
    while os.getppid() == parent:
        time.sleep(1)
    os._exit(1)


def run(payload: bytes) -> tuple[list[bytes], float]:
    """The results for a batch, and the seconds that they took.

    Each is pickled alone, so that one which cannot be read costs only itself.
    """
    begun = time.monotonic()
    responses = [restored(state) for state in cloudpickle.loads(payload)]
    # Each id is noted before the call, as most callbacks change the response that they were given.
    results = [_pickled(response.id_, calling.call(response, _functions)) for response in responses]
    return results, time.monotonic() - begun


def state(response: Response) -> Any:
    """What travels for a response: plain objects, unless it is of a class of the user's."""
    return response._state() if type(response) is Response else response


def restored(state: Any) -> Response:
    """The response that a state stands for."""
    return Response._restore(*state) if type(state) is tuple else state


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
        return _dumps((True, state(calling.lost(Response(None, 500, None), CallbackError(reason)))))
    return packed


def _dumps(value: object) -> bytes:
    try:
        return pickle.dumps(value, protocol=pickle.HIGHEST_PROTOCOL)
    except Exception:
        # What was defined in the user's script travels by value.
        packed: bytes = cloudpickle.dumps(value)
        return packed
