"""Calls the user's callbacks: here, or on batches of responses in processes of their own."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterator, Sequence
from concurrent import futures
from concurrent.futures import FIRST_COMPLETED, Future
from concurrent.futures.process import BrokenProcessPool
from typing import Any

import cloudpickle
import loky

from patata import _callback_process, _patata
from patata.exceptions import CallbackError, CallbackProcessError
from patata.models import Response

Callback = Callable[[Response], Response]

BATCHES_A_PROCESS = 2
"""One to work on, and one to go on with."""

FIRST_BATCH = 32
"""Batches begin small, so that the first responses come soon, and double up to ``pool_submit_size``."""

WAIT = 0.1
"""Seconds between looks for signals."""


def called_here(stream: _patata.Stream, functions: Sequence[Callback]) -> Iterator[Response]:
    """Calls them in this process."""
    for response in stream:
        yield _callback_process.call(response, functions)


def called_in_processes(
    stream: _patata.Stream,
    functions: Sequence[Callback],
    processes: int,
    batch_size: int,
) -> Iterator[Response]:
    """Calls them in processes, which are started now and ended with the run."""
    workers = [_Worker(functions, stream.control().wake) for _ in range(processes)]
    size = min(FIRST_BATCH, batch_size)
    raised: Exception | None = None
    ended = False
    try:
        while not ended or any(worker.held for worker in workers):
            worker = min(workers, key=lambda worker: worker.held)
            if ended:
                futures.wait([batch.future for w in workers for batch in w.batches], WAIT, FIRST_COMPLETED)
            else:
                # Also without room for a batch, this is where the input is taken and answers are awaited.
                room = size if len(worker.batches) < BATCHES_A_PROCESS else 0
                try:
                    batch = stream.next_batch(room, WAIT, sum(w.held for w in workers))
                except Exception as error:
                    # What the input raised: the responses before it go first.
                    raised, batch = error, None
                if batch:
                    worker.give(batch)
                    size = min(2 * size, batch_size)
                ended = batch is None
            for worker in workers:
                yield from worker.finished()
        if raised is not None:
            raise raised
    finally:
        for worker in workers:
            worker.stop()


class _Batch:
    """Responses that are in a process, and the promise of what becomes of them."""

    def __init__(self, responses: list[Response], executor: Any, future: Future[list[bytes]]) -> None:
        self.responses = responses
        self.executor = executor
        self.future = future


class _Worker:
    """One process, and the responses it holds: should it die, those fail, and no others.

    A pool of several processes would break as a whole, so each has an executor of its own.
    """

    def __init__(self, functions: Sequence[Callback], wake: Callable[[], None]) -> None:
        self._functions: bytes = cloudpickle.dumps(list(functions))
        self._wake = wake
        self._executor = self._start()
        self._failed: list[Response] = []
        self.batches: list[_Batch] = []

    def _start(self) -> Any:
        return loky.ProcessPoolExecutor(
            max_workers=1,
            timeout=None,
            initializer=_callback_process.prepare,
            initargs=(self._functions,),
        )

    @property
    def held(self) -> int:
        """How many responses it has not given back."""
        return len(self._failed) + sum(len(batch.responses) for batch in self.batches)

    def give(self, responses: list[Response]) -> None:
        """Sends a batch to the process."""
        try:
            payload = _packed(responses)
        except Exception:
            responses = [response for response in responses if self._can_travel(response)]
            payload = _packed(responses)
        try:
            future = self._executor.submit(_callback_process.run, payload)
        except BrokenProcessPool:
            # It died between two batches and held none of these.
            self._restart()
            future = self._executor.submit(_callback_process.run, payload)
        self.batches.append(_Batch(responses, self._executor, future))
        future.add_done_callback(lambda _: self._wake())

    def _can_travel(self, response: Response) -> bool:
        try:
            _packed([response])
        except Exception as error:
            reason = f"response {response.id_!r} cannot be sent to a callback process: {error}"
            self._failed.append(_callback_process.failed(response, CallbackError(reason)))
            return False
        return True

    def finished(self) -> Iterator[Response]:
        """What the process has given back, and what it has lost."""
        while self.batches and self.batches[0].future.done():
            batch = self.batches.pop(0)
            error = batch.future.exception()
            if error is None:
                yield from map(_returned, batch.responses, batch.future.result())
            elif isinstance(error, BrokenProcessPool):
                if batch.executor is self._executor:
                    self._restart()
                yield from _lost(batch.responses, CallbackProcessError(f"its callback process died: {error}"))
            elif len(batch.responses) == 1:
                yield from _lost(batch.responses, CallbackError(f"the callback process failed: {error!r}"))
            else:
                # One of them cannot be read over there: alone, each costs only itself.
                for response in batch.responses:
                    self.give([response])
        while self._failed:
            yield self._failed.pop()

    def _restart(self) -> None:
        self._executor.shutdown(wait=False, kill_workers=True)
        self._executor = self._start()

    def stop(self) -> None:
        """Ends the process, whatever it is at."""
        self._executor.shutdown(wait=True, kill_workers=bool(self.batches))


def _packed(responses: list[Response]) -> bytes:
    packed: bytes = cloudpickle.dumps([_callback_process.state(response) for response in responses])
    return packed


def _returned(original: Response, packed: bytes) -> Response:
    try:
        unchanged, state = pickle.loads(packed)
        response = _callback_process.restored(state)
    except Exception as error:
        reason = f"what the callbacks made of response {original.id_!r} cannot be read: {error}"
        return _callback_process.failed(original, CallbackError(reason))
    if unchanged:
        response.id_ = original.id_
    return response


def _lost(responses: list[Response], error: Exception) -> Iterator[Response]:
    for response in responses:
        yield _callback_process.failed(response, error)
