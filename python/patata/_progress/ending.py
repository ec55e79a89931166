"""How a call has ended, in the words that its bar shows."""

from __future__ import annotations

DONE = "done"
INTERRUPTED = "interrupted"
CLOSED = "ended early"


def ending_of(error: BaseException) -> str:
    """What is said of a call that has ended by an exception."""
    if is_interrupt(error):
        return INTERRUPTED
    if isinstance(error, GeneratorExit):
        return CLOSED
    return f"{CLOSED}: {type(error).__name__}"


def is_interrupt(error: object) -> bool:
    """Whether it is how a person, or the end of a task, has stopped what was under way."""
    # asyncio is only imported by who uses it.
    return isinstance(error, KeyboardInterrupt) or type(error).__name__ == "CancelledError"
