"""Shows how far a call is: as a ``log``, as a ``bar``, and by a line when its input has a ``stall``."""

from __future__ import annotations

from collections.abc import Sized
from typing import TYPE_CHECKING, Any, Protocol

from patata._progress.kernel import shell_of_notebook

if TYPE_CHECKING:
    from patata._call_state import CallState


class Shown(Protocol):
    """What shows a call until it is closed."""

    def ended_by(self, error: BaseException) -> None:
        """Notes what the call ends by. What is said first counts."""

    def close(self) -> None:
        """Shows the call for the last time."""


def started_bar(state: CallState, requests: Any, progress: bool | str) -> Shown | None:
    """A bar for a call whose option ``progress`` asks for one; ``None`` where there is none to see."""
    total = len(requests) if isinstance(requests, Sized) else None
    # Each takes its time to be imported.
    if (shell := shell_of_notebook()) is not None:
        from patata._progress.notebook import NotebookBar

        return NotebookBar(shell, state, total)
    from patata._progress.bar import Bar

    return Bar.started(state, total, is_forced=progress == "force")
