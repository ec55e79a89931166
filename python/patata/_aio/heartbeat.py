"""Keeps the event loop of a notebook from sleeping long while a call of ours is open.

A kernel that is interrupted cancels the cell's task in the next round of its event loop, and does not wake
the loop for it. Where a server takes a minute to answer, an interrupt would take as long.
"""

from __future__ import annotations

import asyncio
import weakref

from patata._progress.kernel import shell_of_notebook

INTERVAL = 0.2
"""The most seconds that the event loop sleeps."""


class Heartbeat:
    """Wakes an event loop time and again while something wants that."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = weakref.ref(loop)
        self._wanted_by: weakref.WeakSet[object] = weakref.WeakSet()
        self._is_beating = False

    def want(self, holder: object) -> None:
        """Beats for as long as the holder is there, and has not let go."""
        self._wanted_by.add(holder)
        if not self._is_beating:
            self._beat()

    def let_go(self, holder: object) -> None:
        """Beats no more for this holder."""
        self._wanted_by.discard(holder)

    def _beat(self) -> None:
        loop = self._loop()
        self._is_beating = bool(self._wanted_by) and loop is not None and not loop.is_closed()
        if self._is_beating and loop is not None:
            loop.call_later(INTERVAL, self._beat)


_of_loops: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, Heartbeat] = weakref.WeakKeyDictionary()


def heartbeat() -> Heartbeat | None:
    """That of the event loop that runs; ``None`` outside of notebooks, where nothing needs it."""
    if shell_of_notebook() is None:
        return None
    loop = asyncio.get_running_loop()
    found = _of_loops.get(loop)
    if found is None:
        found = _of_loops[loop] = Heartbeat(loop)
    return found
