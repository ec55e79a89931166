"""Where plain functions are called for an event loop: in a thread, or in processes that a thread drives."""

from __future__ import annotations

import threading
import time
from asyncio import Future
from collections import deque
from collections.abc import Callable, Sequence
from itertools import islice
from queue import SimpleQueue
from typing import Any

from patata import _calling
from patata._aio.inputs import TURN
from patata.models import Response

Piece = tuple[Response, "Future[Response] | None"]
"""A response, and who waits for what becomes of it, where that is not its stage as a whole."""

NEWS: list[Piece] = []
"""Put into the inbox when a process has given something back."""


class Workshop:
    """Calls functions on responses, and rings when something is done.

    With one process they are called in this process, in a thread, always the same.
    """

    def __init__(
        self,
        functions: Sequence[_calling.Callback],
        processes: int,
        batch_size: int,
        ordered: bool,
        ring: Callable[[], None],
    ) -> None:
        self._inbox: SimpleQueue[list[Piece] | None] = SimpleQueue()
        self._outbox: deque[list[Piece] | BaseException] = deque()
        self._has_processes = processes > 1
        work: Callable[..., None]
        work = _Here(functions) if processes == 1 else _There(functions, processes, batch_size, ordered)
        self._thread = threading.Thread(
            target=_work,
            args=(work, self._inbox, self._outbox, ring),
            name="patata-callbacks",
            daemon=True,
        )
        self._thread.start()

    def give(self, pieces: list[Piece]) -> None:
        """Has the functions called on these."""
        self._inbox.put(pieces)

    def finished(self) -> list[Piece]:
        """What is done. Raises what broke the thread down."""
        done: list[Piece] = []
        while self._outbox:
            pieces = self._outbox.popleft()
            if isinstance(pieces, BaseException):
                raise pieces
            done += pieces
        return done

    def stop(self) -> None:
        """Has the thread end, and processes killed that are at work."""
        self._inbox.put(None)

    def join(self) -> None:
        """Waits for the processes to end. A function that is called in this process cannot be ended."""
        if self._has_processes:
            self._thread.join()

    def __del__(self) -> None:
        # Also where the event loop was closed before the call was: the thread must not wait for ever.
        self._inbox.put(None)


def _work(
    work: Callable[..., None],
    inbox: SimpleQueue[list[Piece] | None],
    outbox: deque[list[Piece] | BaseException],
    ring: Callable[[], None],
) -> None:
    def hand_over(pieces: list[Piece]) -> None:
        outbox.append(pieces)
        ring()

    try:
        work(inbox, hand_over)
    except BaseException as error:
        outbox.append(error)
        ring()


class _Here:
    """Calls the functions in the thread that this is called in."""

    def __init__(self, functions: Sequence[_calling.Callback]) -> None:
        self._functions = functions

    def __call__(self, inbox: SimpleQueue[Any], hand_over: Callable[[list[Piece]], None]) -> None:
        while (pieces := inbox.get()) is not None:
            done: list[Piece] = []
            end = time.monotonic() + TURN
            for response, waiting in pieces:
                done.append((_calling.call(response, self._functions), waiting))
                if time.monotonic() >= end:
                    hand_over(done)
                    done, end = [], time.monotonic() + TURN
            hand_over(done)


class _There:
    """Has the functions called in processes, which end with this call."""

    def __init__(
        self, functions: Sequence[_calling.Callback], count: int, batch_size: int, ordered: bool
    ) -> None:
        from patata import callbacks

        self._options = (callbacks.packed(functions), count, batch_size, ordered)

    def __call__(self, inbox: SimpleQueue[Any], hand_over: Callable[[list[Piece]], None]) -> None:
        from patata import callbacks

        pool = callbacks.Processes(*self._options, wake=lambda: inbox.put(NEWS))
        backlog: deque[Piece] = deque()
        try:
            while (pieces := inbox.get()) is not None:
                backlog.extend(pieces)
                while backlog and (room := pool.room):
                    part = list(islice(backlog, room))
                    for _ in part:
                        backlog.popleft()
                    pool.give([response for response, _ in part], [waiting for _, waiting in part])
                for batch in pool.finished():
                    hand_over(list(zip(batch.responses, batch.label, strict=True)))
        finally:
            pool.stop()
