"""Whether threads are what they seem to be."""

from __future__ import annotations

import _thread
import types


def threads_are_greenlets() -> bool:
    """Whether gevent or eventlet has replaced threads, so that they run in turns."""
    return not isinstance(_thread.start_new_thread, types.BuiltinFunctionType)
