"""The kinds of input, and how each is advanced without blocking the event loop."""

from __future__ import annotations

import asyncio
import contextvars
import threading
import time
from collections import deque
from collections.abc import AsyncIterable, Callable, Iterable, Iterator
from itertools import islice
from operator import length_hint
from queue import SimpleQueue
from typing import Any

from patata import _patata
from patata._aio.bell import Bell

TURN = 0.002
"""Seconds that anything in here takes at once before others have a turn."""

INLINE = (list, tuple, deque, set, frozenset, dict, range)
"""What gives its items at once, so that no thread is needed."""

Supply = tuple[list[Any], bool, BaseException | None]
"""Items, whether they are the last ones, and what was raised after them."""


class Input:
    """What all kinds have in common: they push what there is room for, until their end.

    An exception that the input raises is its end, and is kept in ``raised`` for when all responses are out.
    What is no ``Exception``, as Ctrl-C, is raised by :meth:`feed`, at once.
    """

    def __init__(self, stream: _patata.PushStream, bell: Bell) -> None:
        self._stream = stream
        self._bell = bell
        self.ended = False
        self.raised: BaseException | None = None

    def feed(self) -> bool:
        """Pushes. Returns whether that was broken off only because it took long."""
        if self.raised is not None and not isinstance(self.raised, Exception):
            raise self.raised
        return not self.ended and self._feed(self._stream.room())

    def _feed(self, room: int) -> bool:
        raise NotImplementedError

    def _end(self, raised: BaseException | None = None) -> None:
        self.ended = True
        self.raised = raised
        self._stream.close_input()
        self._bell.ring()

    def stop(self) -> list[asyncio.Future[None]]:
        """Takes nothing more. Gives what is to be awaited."""
        self.ended = True
        return []


class InlineInput(Input):
    """A container, whose items are there."""

    def __init__(self, items: Iterable[Any], stream: _patata.PushStream, bell: Bell) -> None:
        super().__init__(stream, bell)
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

    def __init__(self, items: Iterable[Any], stream: _patata.PushStream, bell: Bell) -> None:
        super().__init__(stream, bell)
        self._demands: SimpleQueue[int] = SimpleQueue()
        self._supplies: deque[Supply] = deque()
        self._is_asked = False
        self._items: Iterator[Any] = iter(())
        self._are_last = False
        self._error: BaseException | None = None
        context = contextvars.copy_context()
        work = (_advance, items, self._demands, self._supplies, bell.wakeup.ring)
        threading.Thread(target=context.run, args=work, name="patata-input", daemon=True).start()

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
            # What is there already, or was pushed just now, takes its part of the room.
            self._is_asked = True
            self._demands.put(room - had)
        return bool(left)

    def _receive(self) -> None:
        if self._supplies and not length_hint(self._items):
            items, self._are_last, self._error = self._supplies.popleft()
            self._items = iter(items)
            self._is_asked = self._are_last
            if self._error is not None and not isinstance(self._error, Exception):
                raise self._error

    def stop(self) -> list[asyncio.Future[None]]:
        """Has the thread end as soon as the input lets it; that is not waited for, as it may take long."""
        self._demands.put(0)
        return super().stop()

    def __del__(self) -> None:
        # Also where the event loop was closed before the call was: the thread must not wait for ever.
        self._demands.put(0)


def _advance(
    items: Iterable[Any],
    demands: SimpleQueue[int],
    supplies: deque[Supply],
    ring: Callable[[], None],
) -> None:
    """Takes as many items as are demanded, until 0 are; those of a slow input are handed on early."""
    batch: list[Any] = []
    try:
        iterator = iter(items)
        while count := demands.get():
            batch = []
            end = time.monotonic() + TURN
            is_last = True
            for item in islice(iterator, count):
                batch.append(item)
                if time.monotonic() >= end or len(batch) == count:
                    is_last = False
                    break
            supplies.append((batch, is_last, None))
            ring()
            if is_last:
                return
    except BaseException as error:
        supplies.append((batch, True, error))
        ring()


class AsyncInput(Input):
    """An asynchronous iterable, advanced by a task."""

    def __init__(self, items: AsyncIterable[Any], stream: _patata.PushStream, bell: Bell) -> None:
        super().__init__(stream, bell)
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
                self._stream.push(iter((item,)), 1, TURN)
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

    def stop(self) -> list[asyncio.Future[None]]:
        """Cancels the task, wherever in the input it is."""
        self._is_stopped = True
        self._task.cancel()
        return [self._task, *super().stop()]


def input_of(requests: Any, stream: _patata.PushStream, bell: Bell) -> Input:
    """The kind of input that fits."""
    if hasattr(type(requests), "__aiter__"):
        return AsyncInput(requests, stream, bell)
    if type(requests) in INLINE:
        return InlineInput(requests, stream, bell)
    return ThreadInput(requests, stream, bell)
