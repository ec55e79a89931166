"""The bar in a notebook: a picture of the call, drawn anew in its place until the call has ended.

IPython is only used where it runs already. Its own way of showing something anew is all that is needed, which
JupyterLab, classic notebooks, VS Code, Colab and nbclient have; what is saved is what was shown last.
"""

from __future__ import annotations

import threading
from contextvars import copy_context
from typing import Any

from patata._call_state import CallState
from patata._progress.cells import Cells
from patata._progress.ending import CLOSED, DONE, INTERRUPTED, ending_of, is_interrupt
from patata._progress.limit import limit_of
from patata._progress.pace import Pace
from patata._shown.picture import Scene, html_of, text_of

INTERVAL = 0.25
"""Seconds between pictures while a cell runs."""

QUIET = 1.0
"""Seconds between looks once the cell is over, where the call goes on in a task or a thread."""

HELD = "interrupted, and held open: take more responses to go on"
"""What is said of a call whose cell was interrupted in the user's own code, and that somebody still holds."""


class NotebookBar:
    """A picture of a call in the cell's output, kept up to date by a thread of its own until it is closed."""

    def __init__(self, shell: Any, state: CallState, total: int | None) -> None:
        from IPython.display import display

        self._state = state
        self._total = total
        self._pace = Pace()
        self._ending: str | None = None
        self._is_held = False
        """Whether the cell was interrupted, and the call was not ended by that."""
        self._last: tuple[object, ...] = ()
        """What the last picture showed, but for what changes with time alone."""
        self._is_closed = threading.Event()
        self._may_look = threading.Event()
        """Whether the thread has something to look at."""
        self._may_look.set()
        self._interval = INTERVAL
        self._context = copy_context()
        """That of the cell, which an update is sent for."""
        self._drawing = threading.Lock()
        self._handle: Any = display(self._bundle(), raw=True, display_id=True)
        self._cells = Cells(shell, self._cell_begins, self._cell_has_ended)
        self._thread = threading.Thread(target=self._refresh, name="patata-progress", daemon=True)
        self._thread.start()

    def _refresh(self) -> None:
        while not self._is_closed.wait(self._interval):
            self._may_look.wait()
            if not self._is_closed.is_set():
                self._draw(is_needed=self._interval == INTERVAL)

    def _draw(self, is_needed: bool = True) -> None:
        """Shows the picture of now; where it need not be, only if there is something new."""
        with self._drawing:
            before = self._last
            bundle = self._bundle()
            if is_needed or self._last != before:
                self._context.copy().run(self._handle.update, bundle, raw=True)

    def _bundle(self) -> dict[str, str]:
        scene = self._scene()
        self._last = scene.counts
        return {"text/html": html_of(scene), "text/plain": text_of(scene)}

    def _scene(self) -> Scene:
        progress, receipt = self._state.progress(), self._state.receipt()
        assert receipt is not None
        # An earlier process has done the others.
        worked = max(progress.done - receipt.skipped, 0)
        ending = HELD if self._is_held and self._ending is None else self._ending
        if ending is None:
            self._pace.note(worked)
            rate = self._pace.rate(worked)
        else:
            rate = self._pace.average(worked)
        is_timed = ending is None and self._total is not None
        return Scene(
            done=progress.done,
            total=self._total,
            failed=progress.failed,
            reasons=receipt.reasons(),
            in_flight=progress.in_flight,
            limit=limit_of(progress),
            troubled=progress.troubled_hosts,
            p50=receipt.latency.p50,
            p99=receipt.latency.p99,
            rate=rate,
            left=self._pace.left(worked, (self._total or 0) - progress.done) if is_timed else None,
            seconds=self._pace.seconds,
            ending=ending,
            is_whole=ending == DONE,
        )

    def _cell_has_ended(self, error: BaseException | None) -> None:
        if self._is_closed.is_set():
            self._cells.stop()
            if self._ending == CLOSED and is_interrupt(error):
                # It was closed on the way out of the cell, and not on purpose.
                self._ending = INTERRUPTED
                self._draw()
            return
        self._interval = QUIET
        if is_interrupt(error):
            # Somebody has to go on with it, which takes another cell: nothing is to be seen before.
            self._may_look.clear()
            self._is_held = True
            self._draw()

    def _cell_begins(self) -> None:
        # It may go on with the call: then the picture is brought up to date for this one.
        self._is_held = False
        self._context = copy_context()
        self._may_look.set()

    def ended_by(self, error: BaseException) -> None:
        """Notes what the call ends by. What is said first counts."""
        self._ending = self._ending or ending_of(error)

    def close(self) -> None:
        """Shows the picture for the last time."""
        self._is_closed.set()
        self._may_look.set()
        # The garbage collector may close it on any thread.
        if self._thread is not threading.current_thread():
            self._thread.join()
        self._pace.end()
        if self._ending is None:
            self._ending = DONE
        elif self._ending == CLOSED and self._is_held:
            self._ending = INTERRUPTED
        self._draw()
        if self._interval != INTERVAL:
            # The cell that it was begun in has ended before.
            self._cells.stop()
