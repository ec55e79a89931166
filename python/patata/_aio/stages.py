"""Callbacks on an event loop: coroutine functions in tasks, plain ones in a callback executor."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from itertools import groupby
from typing import Any

from patata import _options
from patata._aio.executor import CallbackExecutor, WorkItem
from patata._aio.wakeup import Wakeup
from patata._callbacks import calling
from patata.models import Response

TASKS_A_WORKER = 100
"""Tasks at once for each worker where ``concurrency`` is not given: as many as there are requests."""

ADAPTIVE_TASKS = 1_000
"""Tasks at once where ``concurrency`` is ``"auto"``: the most requests that it goes up to."""

Step = Callable[[Response], Awaitable[Response]]


class Stage:
    """Takes responses, and gives back what the callbacks make of them."""

    def __init__(self, executors: list[CallbackExecutor]) -> None:
        self._executors = executors
        self.held = 0
        """How many responses it was given and has not given back."""

    @property
    def room(self) -> int:
        """How many responses it should be given now."""
        raise NotImplementedError

    def give(self, responses: list[Response]) -> None:
        """Takes responses."""
        raise NotImplementedError

    def finished(self, limit: int) -> list[Response]:
        """Of the responses that are done, at most ``limit``."""
        raise NotImplementedError

    def stop(self) -> list[asyncio.Future[Any]]:
        """Ends all work. Gives what is to be awaited."""
        for executor in self._executors:
            executor.stop()
        return []

    def join(self) -> None:
        """Waits for processes to end; not to be called on the event loop."""
        for executor in self._executors:
            executor.join()


class PlainStage(Stage):
    """Plain functions only: responses go in batches from the engine to the executor."""

    def __init__(self, executor: CallbackExecutor, limit: int) -> None:
        super().__init__([executor])
        self._executor = executor
        self._limit = limit
        self._done: deque[Response] = deque()

    @property
    def room(self) -> int:
        return self._limit - self.held

    def give(self, responses: list[Response]) -> None:
        self.held += len(responses)
        self._executor.give([(response, None) for response in responses])

    def finished(self, limit: int) -> list[Response]:
        self._done.extend(response for response, _ in self._executor.finished())
        given = [self._done.popleft() for _ in range(min(limit, len(self._done)))]
        self.held -= len(given)
        return given


class TaskStage(Stage):
    """Coroutine functions, and plain ones between them: a task for each response, many at a time."""

    def __init__(
        self,
        steps: Sequence[Step],
        executors: list[CallbackExecutor],
        limit: int,
        ordered: bool,
        wakeup: Wakeup,
    ) -> None:
        super().__init__(executors)
        self._steps = steps
        self._limit = limit
        self._ordered = ordered
        self._wakeup = wakeup
        self._running: set[asyncio.Task[Response]] = set()
        self._done: deque[asyncio.Task[Response]] = deque()
        """The tasks that are done; where ``ordered``, all tasks, each in its place."""
        self._is_stopped = False

    @property
    def room(self) -> int:
        return self._limit - len(self._running)

    def give(self, responses: list[Response]) -> None:
        self.held += len(responses)
        loop = asyncio.get_running_loop()
        for response in responses:
            task = loop.create_task(self._call(response))
            task.add_done_callback(self._settle)
            self._running.add(task)
            if self._ordered:
                self._done.append(task)

    async def _call(self, response: Response) -> Response:
        status = response.status_code
        for step in self._steps:
            try:
                response = await step(response)
            except asyncio.CancelledError as error:
                if self._is_stopped:
                    raise
                response = calling.failed(response, error)
            if calling.has_failed(response):
                return calling.with_status(response, status)
        return response

    def _settle(self, task: asyncio.Task[Response]) -> None:
        self._running.discard(task)
        if not self._ordered:
            self._done.append(task)
        self._wakeup.wake()

    def finished(self, limit: int) -> list[Response]:
        for executor in self._executors:
            _hand_back(executor.finished())
        given: list[Response] = []
        while self._done and self._done[0].done() and len(given) < limit:
            given.append(self._done.popleft().result())
        self.held -= len(given)
        return given

    def stop(self) -> list[asyncio.Future[Any]]:
        self._is_stopped = True
        for task in self._running:
            task.cancel()
        return [*self._running, *super().stop()]


def _hand_back(items: list[WorkItem]) -> None:
    for response, waiting in items:
        if waiting is not None and not waiting.done():
            waiting.set_result(response)


class _Awaited:
    """A step that awaits a coroutine function."""

    def __init__(self, function: Callable[[Response], Awaitable[Response]]) -> None:
        self._function = function

    async def __call__(self, response: Response) -> Response:
        try:
            return calling.checked(await self._function(response), self._function)
        except Exception as error:
            return calling.failed(response, error)


class _Sent:
    """A step that has an executor call plain functions. It sends once a turn what came meanwhile."""

    def __init__(self, executor: CallbackExecutor) -> None:
        self._executor = executor
        self._gathered: list[WorkItem] = []

    def __call__(self, response: Response) -> Awaitable[Response]:
        loop = asyncio.get_running_loop()
        waiting: asyncio.Future[Response] = loop.create_future()
        if not self._gathered:
            loop.call_soon(self._send)
        self._gathered.append((response, waiting))
        return waiting

    def _send(self) -> None:
        self._executor.give(self._gathered)
        self._gathered = []


def answering(functions: Sequence[Any]) -> list[Any]:
    """The functions, each of which answers the request of the response that it was given, whatever it
    returns."""
    from patata._callbacks.recorded import Answering, answer

    def awaited(function: Callable[[Response], Awaitable[Response]]) -> Any:
        async def answered(response: Response) -> Any:
            return answer(response, await function(response))

        return answered

    return [
        awaited(function) if _options.is_coroutine_function(function) else Answering(function)
        for function in functions
    ]


def stage_of(
    functions: Sequence[Any], settings: dict[str, Any], concurrency: int | str | None, wakeup: Wakeup
) -> Stage:
    """The kind of stage that fits."""
    processes, batch_size = settings["num_workers"], settings["pool_submit_size"]

    def executor_of(plain: Sequence[Any], ordered: bool) -> CallbackExecutor:
        return CallbackExecutor(plain, processes, batch_size, ordered, wakeup.from_threads.ring)

    ordered = settings.get("ordered", False)
    if not any(map(_options.is_coroutine_function, functions)):
        # In each process one batch is at work, and one waits.
        return PlainStage(executor_of(functions, ordered), 2 * processes * batch_size)
    steps: list[Step] = []
    executors: list[CallbackExecutor] = []
    for is_coroutine, group in groupby(functions, _options.is_coroutine_function):
        if is_coroutine:
            steps += map(_Awaited, group)
        else:
            # Each task waits for its own response, so a slow one need not hold up the others.
            executors.append(executor_of(list(group), ordered=False))
            steps.append(_Sent(executors[-1]))
    return TaskStage(steps, executors, _tasks(concurrency, processes), ordered, wakeup)


def _tasks(concurrency: int | str | None, processes: int) -> int:
    """How many coroutines are awaited at once."""
    if isinstance(concurrency, int):
        return concurrency
    return TASKS_A_WORKER * processes if concurrency is None else ADAPTIVE_TASKS
