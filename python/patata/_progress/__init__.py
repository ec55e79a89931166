"""Shows how far a call is: as a ``log``, as a ``bar``, and by a line when its input has a ``stall``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from patata import _patata
    from patata._progress.bar import Bar


def started_bar(control: _patata.Control, requests: Any, progress: bool | str) -> Bar | None:
    """A bar for a call whose option ``progress`` asks for one; ``None`` where there is none to see."""
    # It takes its time to be imported.
    from patata._progress.bar import Bar

    return Bar.started(control, requests, is_forced=progress == "force")
