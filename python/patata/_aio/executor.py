"""Calls plain functions for an event loop: in a thread, or in processes that a thread drives."""

from __future__ import annotations

import threading
import time
from asyncio import Future
from collections import deque
from collections.abc import Callable, Sequence
from itertools import islice
from queue import SimpleQueue
from typing import Any

from patata._aio import TURN
from patata._callbacks import calling
from patata.models import Response

WorkItem = tuple[Response, "Future[Response] | None"]
"""A response, and the future of what becomes of it, where a task waits for that one."""

NEWS: list[WorkItem] = []
"""What is put into the inbox when a process has given something back."""


class CallbackExecutor:
    """Calls functions on responses in the background, and rings when something is done.

    With one process the functions are called in this process, in a thread, always the same.
    """

    def __init__(
        self,
        functions: Sequence[calling.Callback],
        processes: int,
        batch_size: int,
        ordered: bool,
        ring: Callable[[], None],
    ) -> None:
        self._inbox: SimpleQueue[list[WorkItem] | None] = SimpleQueue()
        self._outbox: deque[list[WorkItem] | BaseException] = deque()
        self._has_processes = processes > 1
        work: Callable[..., None]
        work = (
            _InThread(functions)
            if processes == 1
            else _InProcesses(functions, processes, batch_size, ordered)
        )
        self._thread = threading.Thread(
            target=_work,
            args=(work, self._inbox, self._outbox, ring),
            name="patata-callbacks",
            daemon=True,
        )
        self._thread.start()

    def give(self, items: list[WorkItem]) -> None:
        """Has the functions called on responses."""
        self._inbox.put(items)

    def finished(self) -> list[WorkItem]:
        """What is done. Raises what the thread broke down by."""
        done: list[WorkItem] = []
        while self._outbox:
            result = self._outbox.popleft()
            if isinstance(result, BaseException):
                raise result
            done += result
        return done

    def stop(self) -> None:
        """Has the thread end, and processes killed that are at work."""
        self._inbox.put(None)

    def join(self) -> None:
        """Waits for the processes to end. A function that is called in this process cannot be ended."""
        if self._has_processes:
            self._thread.join()

    def __del__(self) -> None:
        # The event loop may have been closed before the call was: the thread must not wait for ever.
        self._inbox.put(None)


def _work(
    work: Callable[..., None],
    inbox: SimpleQueue[list[WorkItem] | None],
    outbox: deque[list[WorkItem] | BaseException],
    ring: Callable[[], None],
) -> None:
    def hand_over(items: list[WorkItem]) -> None:
        outbox.append(items)
        ring()

    try:
        work(inbox, hand_over)
    except BaseException as error:
        outbox.append(error)
        ring()


class _InThread:
    """Calls the functions in the executor's thread."""

    def __init__(self, functions: Sequence[calling.Callback]) -> None:
        self._functions = functions

    def __call__(self, inbox: SimpleQueue[Any], hand_over: Callable[[list[WorkItem]], None]) -> None:
        while (items := inbox.get()) is not None:
            done: list[WorkItem] = []
            end = time.monotonic() + TURN
            for response, waiting in items:
                done.append((calling.call(response, self._functions), waiting))
                if time.monotonic() >= end:
                    hand_over(done)
                    done, end = [], time.monotonic() + TURN
            hand_over(done)


class _InProcesses:
    """Has the functions called in processes, which end when this returns."""

    def __init__(
        self, functions: Sequence[calling.Callback], count: int, batch_size: int, ordered: bool
    ) -> None:
        from patata._callbacks.worker import packed

        self._arguments = (packed(functions), count, batch_size, ordered)

    def __call__(self, inbox: SimpleQueue[Any], hand_over: Callable[[list[WorkItem]], None]) -> None:
        from patata._callbacks.processes import Processes

        pool = Processes(*self._arguments, wake=lambda: inbox.put(NEWS))
        backlog: deque[WorkItem] = deque()
        try:
            while (items := inbox.get()) is not None:
                backlog.extend(items)
                while backlog and (room := pool.room):
                    part = list(islice(backlog, room))
                    for _ in part:
                        backlog.popleft()
                    pool.give([response for response, _ in part], [waiting for _, waiting in part])
                for batch in pool.finished():
                    hand_over(list(zip(batch.responses, batch.label, strict=True)))
        finally:
            pool.stop()
