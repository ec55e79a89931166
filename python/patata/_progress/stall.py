"""Logs that a call waits for nothing but its input."""

from __future__ import annotations

import logging
import weakref
from contextlib import suppress
from typing import Any

logger = logging.getLogger("patata")

INPUT_STALL = 30.0
"""Seconds after which a call that waits for nothing but its input says so."""


class InputStall:
    """Logs that a call waits for its input: which one it is, and where its code is.

    The engine holds this object, where the garbage collector does not see it, so it must not hold the input.
    """

    def __init__(self, requests: Any, seconds: float) -> None:
        self._seconds = seconds
        self._name = type(requests).__name__
        self._requests = None
        # Of what cannot be referred to weakly, most never has to be waited for.
        with suppress(TypeError):
            self._requests = weakref.ref(requests)

    def __call__(self) -> None:
        """Logs it."""
        logger.warning(
            "Waiting for the input (%s) for %d s with nothing in flight. If it waits for responses of this "
            "call: those are not handed out while it does; see 'Inputs that feed on responses' in the "
            "documentation",
            self._where(),
            self._seconds,
        )

    def _where(self) -> str:
        requests = self._requests and self._requests()
        for attribute in ("gi_frame", "ag_frame"):
            if (frame := getattr(requests, attribute, None)) is not None:
                code = frame.f_code
                return f"{self._name} {code.co_name}, {code.co_filename}, line {frame.f_lineno}"
        return self._name
