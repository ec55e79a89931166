"""The kinds of input, and how each is advanced without blocking the event loop."""

from __future__ import annotations

import asyncio
import contextvars
import threading
import time
from collections import deque
from collections.abc import AsyncIterable, Callable, Iterable, Iterator
from contextlib import suppress
from operator import length_hint
from queue import SimpleQueue
from typing import Any

from patata import _patata
from patata._aio import TURN
from patata._aio.wakeup import Wakeup

PATIENCE = 0.2
"""Seconds for which the end of a call waits for an input to give the item that it is at.

An input that takes longer is left alone, and what it gives then is thrown away.
"""

INLINE = (list, tuple, deque, set, frozenset, dict, range)
"""Containers that give their items at once, so that no thread is needed."""

Supply = tuple[list[Any], bool, BaseException | None]
"""Items, whether they are the last ones, and what was raised after them."""


class Input:
    """What all kinds of input have in common: they push items as far as there is room, until their end.

    An exception that the input raises ends it, and is kept in ``raised`` until all responses are out. What is
    no ``Exception``, as Ctrl-C is none, is raised by :meth:`feed` at once.
    """

    def __init__(self, stream: _patata.PushStream, wakeup: Wakeup) -> None:
        self._stream = stream
        self._wakeup = wakeup
        self.ended = False
        self.has_thread = False
        """Whether there is a thread to be joined."""
        self.raised: BaseException | None = None

    def feed(self) -> bool:
        """Pushes items. Gives whether it stopped only because it took long."""
        if self.raised is not None and not isinstance(self.raised, Exception):
            raise self.raised
        return not self.ended and self._feed(self._stream.room())

    def _feed(self, room: int) -> bool:
        raise NotImplementedError

    def _end(self, raised: BaseException | None = None) -> None:
        self.ended = True
        self.raised = raised
        self._stream.close_input()
        self._wakeup.wake()

    def stop(self) -> list[asyncio.Future[None]]:
        """Takes nothing more. Gives what is to be awaited."""
        self.ended = True
        return []

    async def drain(self) -> None:
        """Stops after the run has ended by itself, and hands over what was taken meanwhile."""
        self.stop()

    def join(self) -> None:
        """Does the same after :meth:`stop`, and may block, so it is not called on the event loop."""


class InlineInput(Input):
    """A container whose items are there."""

    def __init__(self, items: Iterable[Any], stream: _patata.PushStream, wakeup: Wakeup) -> None:
        super().__init__(stream, wakeup)
        self._items = iter(items)

    def _feed(self, room: int) -> bool:
        try:
            left = self._stream.push(self._items, room, TURN) if room else 0
        except Exception as error:
            self._end(error)
            return False
        if left is None:
            self._end()
        return bool(left)


class ThreadInput(Input):
    """Any other iterable. It may take its time, so it is advanced in a thread of its own, always the same."""

    def __init__(self, items: Iterable[Any], stream: _patata.PushStream, wakeup: Wakeup) -> None:
        super().__init__(stream, wakeup)
        self.has_thread = True
        self._source = _Source(items)
        self._demands: SimpleQueue[Demand] = SimpleQueue()
        self._is_asked = False
        self._items: Iterator[Any] = iter(())
        self._are_last = False
        self._error: BaseException | None = None
        context = contextvars.copy_context()
        work = (_advance, self._demands, wakeup.from_threads.ring)
        self._thread = threading.Thread(target=context.run, args=work, name="patata-input", daemon=True)
        self._thread.start()

    def _feed(self, room: int) -> bool:
        self._receive()
        had = length_hint(self._items)
        left: int | None = 0
        try:
            if room and had:
                left = self._stream.push(self._items, min(room, had), TURN)
        except Exception as error:
            self.stop()
            self._end(error)
            return False
        has = length_hint(self._items)
        if self._are_last and not has:
            self._end(self._error)
        elif room > had and not self._is_asked:
            # Items that are there, or were pushed just now, take their part of the room.
            self._is_asked = True
            self._demands.put((self._source, room - had))
        # What an earlier process has done takes no room.
        return bool(left) or (left is None and not self._is_asked and not self.ended)

    def _receive(self) -> None:
        if self._source.supplies and not length_hint(self._items):
            items, self._are_last, self._error = self._source.supplies.popleft()
            self._items = iter(items)
            self._is_asked = self._are_last
            if self._error is not None and not isinstance(self._error, Exception):
                raise self._error

    def stop(self) -> list[asyncio.Future[None]]:
        """Has the thread end as soon as the input lets it."""
        self._source.is_stopped = True
        self._demands.put((self._source, 0))
        return super().stop()

    async def drain(self) -> None:
        self.stop()
        end = time.monotonic() + PATIENCE
        while not self._source.has_ended and (left := end - time.monotonic()) > 0:
            with suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self._wakeup.wait(), left)
        self._give_up()

    def join(self) -> None:
        self._thread.join(PATIENCE)
        self._give_up()

    def _give_up(self) -> None:
        """Puts into the accounts what the thread has taken and the call has no more use for."""
        self._stream.give_up(self._items)
        while self._source.supplies:
            self._stream.give_up(iter(self._source.supplies.popleft()[0]))

    def __del__(self) -> None:
        # The event loop may have been closed before the call was: the thread must not wait for ever.
        self._demands.put((self._source, 0))


class _Source:
    """An iterable that a thread advances.

    The call holds it, and the thread only while it advances it: so the garbage collector can free a call that
    is abandoned together with its input.
    """

    def __init__(self, items: Iterable[Any]) -> None:
        self._items: Iterable[Any] | None = items
        self._iterator: Iterator[Any] | None = None
        self.supplies: deque[Supply] = deque()
        self.is_stopped = False
        self.has_ended = False
        """Whether nothing more will come."""

    def advance(self, count: int) -> bool:
        """Takes so many items, or fewer where the input is slow. Gives whether there may be more."""
        may_go_on = False
        if count:
            batch: list[Any] = []
            error: BaseException | None = None
            try:
                may_go_on = self._take(count, batch)
            except BaseException as raised:
                error = raised
            self.supplies.append((batch, not may_go_on, error))
        if may_go_on and not self.is_stopped:
            return True
        # The thread that advances the iterable also lets go of it.
        self._items = self._iterator = None
        self.has_ended = True
        return False

    def _take(self, count: int, batch: list[Any]) -> bool:
        if self._items is not None:
            self._iterator = iter(self._items)
            self._items = None
        assert self._iterator is not None
        end = time.monotonic() + TURN
        while len(batch) < count and not self.is_stopped:
            item = next(self._iterator, self)
            if item is self:
                return False
            batch.append(item)
            if not _patata.is_request(item):
                # It ends the call, so nothing that stands behind it is taken.
                return False
            if time.monotonic() >= end:
                break
        return True


Demand = tuple[_Source, int]
"""What is to be advanced, and by how many items: 0 to end."""


def _advance(demands: SimpleQueue[Demand], ring: Callable[[], None]) -> None:
    """Takes as many items as are demanded, until there are no more, or 0 are demanded."""
    may_go_on = True
    while may_go_on:
        source, count = demands.get()
        may_go_on = source.advance(count)
        # While this thread waits for the next demand, it must not hold the source.
        del source
        ring()


class AsyncInput(Input):
    """An asynchronous iterable, advanced by a task."""

    def __init__(self, items: AsyncIterable[Any], stream: _patata.PushStream, wakeup: Wakeup) -> None:
        super().__init__(stream, wakeup)
        self._room = 0
        self._waiting: asyncio.Future[None] | None = None
        self._is_stopped = False
        self._task = asyncio.get_running_loop().create_task(self._advance(items))

    def _feed(self, room: int) -> bool:
        self._room = room
        if room and self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(None)
        return False

    async def _advance(self, items: AsyncIterable[Any]) -> None:
        try:
            iterator = aiter(items)
            turn = time.monotonic() + TURN
            while True:
                while not self._room:
                    await self._more_room()
                item = await anext(iterator)
                self._room -= 1
                if self._stream.push(iter((item,)), 1, TURN) is None:
                    # An earlier process has done it, and it takes no room.
                    self._room += 1
                if time.monotonic() >= turn:
                    await asyncio.sleep(0)
                    turn = time.monotonic() + TURN
        except StopAsyncIteration:
            self._end()
        except BaseException as error:
            if self._is_stopped:
                raise
            self._end(error)

    async def _more_room(self) -> None:
        self._waiting = asyncio.get_running_loop().create_future()
        try:
            await self._waiting
        finally:
            self._waiting = None

    async def drain(self) -> None:
        self._room = 0
        await asyncio.wait(self.stop(), timeout=PATIENCE)

    def stop(self) -> list[asyncio.Future[None]]:
        """Cancels the task, wherever in the input it is."""
        self._is_stopped = True
        self._task.cancel()
        return [self._task, *super().stop()]


def input_of(requests: Any, stream: _patata.PushStream, wakeup: Wakeup) -> Input:
    """The kind of input that fits."""
    if hasattr(type(requests), "__aiter__"):
        return AsyncInput(requests, stream, wakeup)
    if type(requests) in INLINE:
        return InlineInput(requests, stream, wakeup)
    return ThreadInput(requests, stream, wakeup)
