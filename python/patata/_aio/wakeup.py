"""Wakes the task of a call: from the engine's threads, from others, or from the event loop itself."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress

from patata import _patata


class Wakeup:
    """Wakes the one task that waits for it.

    :meth:`wake` does so on the event loop, and ``from_threads`` on other threads, of which the engine's need
    no lock of Python's for it. The event loop watches a file descriptor for it, or has a thread wait where it
    cannot watch one, as on Windows.
    """

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._is_set = False
        self._waiting: asyncio.Future[None] | None = None
        self.from_threads = _patata.Wakeup()
        try:
            self._loop.add_reader(self.from_threads.fileno(), self._pass_on)
            self._is_watched = True
        except NotImplementedError:
            self._is_watched = False
            watching = (self.from_threads, self._loop, self._pass_on)
            threading.Thread(target=_watch, args=watching, name="patata-wakeup", daemon=True).start()

    def _pass_on(self) -> None:
        self.from_threads.clear()
        self.wake()

    def wake(self) -> None:
        """Wakes the task, or else keeps its next wait from waiting. To be called on the event loop."""
        self._is_set = True
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(None)

    async def wait(self) -> None:
        """Waits until the task is woken, unless it was since its last wait."""
        if not self._is_set:
            self._waiting = self._loop.create_future()
            try:
                await self._waiting
            finally:
                self._waiting = None
        self._is_set = False

    def close(self) -> None:
        """Leaves the event loop alone from now on. A task that still waits is woken."""
        if self._is_watched:
            self._loop.remove_reader(self.from_threads.fileno())
        self.from_threads.close()
        self.wake()


def _watch(
    from_threads: _patata.Wakeup, loop: asyncio.AbstractEventLoop, pass_on: Callable[[], None]
) -> None:
    # A loop that has been closed is an end too.
    with suppress(RuntimeError):
        while from_threads.wait():
            loop.call_soon_threadsafe(pass_on)
