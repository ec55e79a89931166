"""Wakes the task of a call: from the engine's threads, from others, or from the event loop itself."""

from __future__ import annotations

import asyncio
import os
import threading
import weakref
from collections.abc import Callable
from contextlib import suppress

from patata import _patata
from patata._aio.heartbeat import heartbeat


class Wakeup:
    """Wakes the one task that waits for it.

    :meth:`wake` does so on the event loop, and ``from_threads`` on other threads, of which the engine's need
    no lock of Python's for it.
    """

    __slots__ = ("__weakref__", "_bell", "_heartbeat", "_is_set", "_loop", "_waiting", "from_threads")

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._bell = _bell_of(self._loop)
        self._is_set = False
        self._waiting: asyncio.Future[None] | None = None
        self.from_threads = self._bell.ringer_of(self)
        if (beat := heartbeat()) is not None:
            beat.want(self)
        self._heartbeat = beat

    def wake(self) -> None:
        """Wakes the task, or else keeps its next wait from waiting. To be called on the event loop."""
        self._is_set = True
        # A task that was left behind by its event loop cannot be woken any more.
        if self._waiting is not None and not self._waiting.done() and not self._loop.is_closed():
            self._waiting.set_result(None)

    async def wait(self) -> None:
        """Waits until the task is woken, unless it was since its last wait."""
        if not self._is_set:
            self._waiting = self._loop.create_future()
            # Nobody else may hold the task that waits.
            self._bell.waiting.add(self)
            try:
                await self._waiting
            finally:
                self._waiting = None
                self._bell.waiting.discard(self)
        self._is_set = False

    def close(self) -> None:
        """Needs to hear of nothing any more. A task that still waits is woken."""
        if not self._bell.is_shared:
            self._bell.close()
        if self._heartbeat is not None:
            self._heartbeat.let_go(self)
        self.wake()


class _Bell:
    """What the wake-ups of an event loop are heard by: a file descriptor that it watches for all of them.

    Where it cannot watch one, as on Windows, each wake-up has a bell of its own, which a thread waits for.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.process = os.getpid()
        self.waiting: set[Wakeup] = set()
        self._wakeups: weakref.WeakValueDictionary[int, Wakeup] = weakref.WeakValueDictionary()
        """By the numbers of their ringers. A call that is abandoned can be collected."""
        self._rung = _patata.Wakeup()
        self.is_shared = True
        try:
            loop.add_reader(self._rung.fileno(), self._hear)
        except NotImplementedError:
            self.is_shared = False
            watching = (self._rung, loop, self._pass_on)
            threading.Thread(target=_watch, args=watching, name="patata-wakeup", daemon=True).start()

    def ringer_of(self, wakeup: Wakeup) -> _patata.Ringer:
        """What rings for a wake-up."""
        ringer = self._rung.ringer()
        self._wakeups[ringer.number] = wakeup
        return ringer

    def _hear(self) -> None:
        self._pass_on(self._rung.clear())

    def _pass_on(self, rung: list[int]) -> None:
        for number in rung:
            if (wakeup := self._wakeups.get(number)) is not None:
                wakeup.wake()

    def close(self) -> None:
        """Ends the thread."""
        self._rung.close()


def _watch(
    rung: _patata.Wakeup, loop: asyncio.AbstractEventLoop, pass_on: Callable[[list[int]], None]
) -> None:
    # A loop that has been closed is an end too.
    with suppress(RuntimeError):
        while (numbers := rung.wait()) is not None:
            loop.call_soon_threadsafe(pass_on, numbers)


_bells: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, _Bell] = weakref.WeakKeyDictionary()
"""That of each event loop, which has it for as long as it is there."""


def _bell_of(loop: asyncio.AbstractEventLoop) -> _Bell:
    bell = _bells.get(loop)
    # In the child of a fork, what there is is the parent's too.
    if bell is None or bell.process != os.getpid():
        for other in [other for other in _bells if other.is_closed()]:
            del _bells[other]
        bell = _Bell(loop)
        if bell.is_shared:
            _bells[loop] = bell
    return bell
