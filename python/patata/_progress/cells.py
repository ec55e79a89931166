"""The cells of a notebook: when the one that runs has ended, and how, and when another one begins."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any


class Cells:
    """Tells of the cells that IPython's shell runs, until it is told to stop."""

    def __init__(
        self, shell: Any, begun: Callable[[], None], ended: Callable[[BaseException | None], None]
    ) -> None:
        self._events = shell.events
        self._begun = begun
        self._ended = ended
        self._events.register("pre_run_cell", self._note_begin)
        self._events.register("post_run_cell", self._note_end)

    def _note_begin(self, _: Any) -> None:
        self._begun()

    def _note_end(self, result: Any) -> None:
        self._ended(result.error_in_exec or result.error_before_exec)

    def stop(self) -> None:
        """Tells of no more."""
        # Another thread may have said so, too.
        with suppress(ValueError):
            self._events.unregister("pre_run_cell", self._note_begin)
        with suppress(ValueError):
            self._events.unregister("post_run_cell", self._note_end)
