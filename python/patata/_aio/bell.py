"""Wakes the task of a call: from the engine's threads, from others, or from the event loop itself."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress

from patata import _patata


class Bell:
    """Rung from anywhere, heard by the one task that waits for it.

    The engine rings ``wakeup`` without Python's lock; the event loop hears it at a file descriptor, or from
    a thread where it cannot watch one, as on Windows.
    """

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._rung = False
        self._waiting: asyncio.Future[None] | None = None
        self.wakeup = _patata.Wakeup()
        try:
            self._loop.add_reader(self.wakeup.fileno(), self._hear)
            self._is_watched = True
        except NotImplementedError:
            self._is_watched = False
            listening = (self.wakeup, self._loop, self._hear)
            threading.Thread(target=_listen, args=listening, name="patata-bell", daemon=True).start()

    def _hear(self) -> None:
        self.wakeup.clear()
        self.ring()

    def ring(self) -> None:
        """Rings it from the event loop."""
        self._rung = True
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(None)

    async def wait(self) -> None:
        """Waits until it is rung, unless it was since the last wait."""
        if not self._rung:
            self._waiting = self._loop.create_future()
            try:
                await self._waiting
            finally:
                self._waiting = None
        self._rung = False

    def close(self) -> None:
        """Leaves the event loop alone from now on; who still waits is woken."""
        if self._is_watched:
            self._loop.remove_reader(self.wakeup.fileno())
        self.wakeup.close()
        self.ring()


def _listen(wakeup: _patata.Wakeup, loop: asyncio.AbstractEventLoop, hear: Callable[[], None]) -> None:
    # A loop that has been closed is an end too.
    with suppress(RuntimeError):
        while wakeup.wait():
            loop.call_soon_threadsafe(hear)
