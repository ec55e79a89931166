"""One callback process as this process sees it: what it holds, gives back, and loses."""

from __future__ import annotations

import os
import pickle
import threading
import weakref
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from typing import Any

import cloudpickle
import loky

from patata._callbacks import calling, child
from patata._callbacks.greenlets import threads_are_greenlets
from patata.exceptions import CallbackError, CallbackProcessError
from patata.models import Response


def packed(functions: Sequence[calling.Callback]) -> bytes:
    """The functions as they travel to processes. Raises where they cannot."""
    data: bytes = cloudpickle.dumps(list(functions))
    return data


class Batch:
    """Responses, each to be replaced by what the functions make of it, and a label of the giver's own."""

    def __init__(self, responses: list[Response], label: Any) -> None:
        self.responses = responses
        self.label = label
        self.missing = len(responses)
        """How many have not come back."""

    def put(self, position: int, result: Response) -> None:
        """Replaces one response."""
        self.responses[position] = result
        self.missing -= 1


class Submission:
    """The part of a batch that was submitted to a process, and the future of what becomes of it."""

    def __init__(
        self, batch: Batch, positions: Sequence[int], executor: Any, future: Future[tuple[list[bytes], float]]
    ) -> None:
        self.batch = batch
        self.positions = positions
        self.executor = executor
        self.future = future


class Worker:
    """One process and the responses that it holds. Should it die, those fail, and no others.

    A pool of several processes would break as a whole, so each has an executor of its own.
    """

    def __init__(self, functions: bytes, wake: Callable[[], None]) -> None:
        self._functions = functions
        self._wake = wake
        self._changing = threading.Lock()
        """Held where an executor begins or ends: not at once here and where the interpreter ends."""
        self._executor = self._start()
        self.submissions: list[Submission] = []
        self._process = os.getpid()
        _workers.add(self)

    def _start(self) -> Any:
        self._is_registered = False
        return loky.ProcessPoolExecutor(
            max_workers=1,
            timeout=None,
            initializer=child.prepare,
            initargs=(self._functions, os.getpid()),
        )

    @property
    def held(self) -> int:
        """How many responses it has not given back."""
        return sum(len(submission.positions) for submission in self.submissions)

    def give(self, batch: Batch, positions: Sequence[int]) -> None:
        """Sends some of a batch to the process."""
        try:
            payload = _packed([batch.responses[position] for position in positions])
        except Exception:
            positions = [position for position in positions if _can_travel(batch, position)]
            if not positions:
                return
            payload = _packed([batch.responses[position] for position in positions])
        future = self._submitted(payload)
        if future is None:
            _lose(batch, positions, CallbackProcessError, "the interpreter is ending")
            return
        self.submissions.append(Submission(batch, positions, self._executor, future))
        future.add_done_callback(lambda _: self._wake())

    def _submitted(self, payload: bytes) -> Future[tuple[list[bytes], float]] | None:
        """The future of what the process makes of it. None where the interpreter is ending."""
        with self._changing:
            if _is_ending:
                return None
            try:
                future: Future[tuple[list[bytes], float]] = self._executor.submit(child.run, payload)
            except BrokenProcessPool:
                # It died between two batches and held none of these.
                self._restart()
                future = self._executor.submit(child.run, payload)
            self._end_with_this_process()
            return future

    def collect(self) -> list[tuple[int, float]]:
        """Puts into their batches what the process has given back, and what it has lost.

        For each submission that came back it gives the number of its responses, and the seconds that the
        process took for them.
        """
        taken = []
        while self.submissions and self.submissions[0].future.done():
            submission = self.submissions.pop(0)
            error = submission.future.exception()
            if error is None:
                results, seconds = submission.future.result()
                taken.append((len(results), seconds))
                for position, packed in zip(submission.positions, results, strict=True):
                    submission.batch.put(position, _returned(submission.batch.responses[position], packed))
            elif isinstance(error, BrokenProcessPool):
                with self._changing:
                    if submission.executor is self._executor and not _is_ending:
                        self._restart()
                reason = f"its callback process died: {error}"
                _lose(submission.batch, submission.positions, CallbackProcessError, reason)
            elif len(submission.positions) == 1:
                reason = f"the callback process failed: {error!r}"
                _lose(submission.batch, submission.positions, CallbackError, reason)
            else:
                # The process cannot read one of them: sent alone, each costs only itself.
                for position in submission.positions:
                    self.give(submission.batch, [position])
        return taken

    def _restart(self) -> None:
        self._executor.shutdown(wait=False, kill_workers=True)
        self._executor = self._start()

    def stop(self) -> None:
        """Ends the process, whatever it is at."""
        # Where threads are greenlets, the wait would begin before the feeder has told the process to end.
        with self._changing:
            feeder = getattr(self._executor._call_queue, "_thread", None)
            self._executor.shutdown(wait=True, kill_workers=bool(self.submissions) or threads_are_greenlets())
            if feeder is not None:
                # Loky does not wait for it, and it is a daemon thread: see `_kept`.
                feeder.join()

    def _end_with_this_process(self) -> None:
        """Has the process killed when the interpreter ends. Loky would wait for what the process is at.

        What is registered last is called first, so this comes after loky's own registration for an executor,
        at its first task. Functions of ``atexit`` would be called too late.
        """
        if not self._is_registered:
            self._is_registered = True
            # Where the interpreter is ending already, that was the last task.
            with suppress(RuntimeError):
                threading._register_atexit(_kill_all)  # type: ignore[attr-defined]

    def kill(self) -> None:
        """Ends the process, whatever it is at, without waiting for it, as the interpreter ends."""
        # In the child of a fork, the process is the parent's.
        if self._process == os.getpid():
            with self._changing:
                _kept.append(vars(self._executor).copy())
                self._executor.shutdown(wait=False, kill_workers=True)


_workers: weakref.WeakSet[Worker] = weakref.WeakSet()
"""The workers that may have a process."""

_is_ending = False
"""Whether the interpreter is ending: nothing can be given to a process any more."""

_kept: list[Any] = []
"""What the executors held as the interpreter ended, so that its own exit handlers end their semaphores.

A daemon thread that lets go of one last, as that which feeds a queue does, may be stopped for good between
the removal of the semaphore and the word to loky's resource tracker, which then warns of a leak.
"""


def _kill_all() -> None:
    global _is_ending
    _is_ending = True
    for worker in list(_workers):
        worker.kill()


def _can_travel(batch: Batch, position: int) -> bool:
    response = batch.responses[position]
    try:
        _packed([response])
    except Exception as error:
        reason = f"response {response.id_!r} cannot be sent to a callback process: {error}"
        batch.put(position, calling.lost(response, CallbackError(reason)))
        return False
    return True


def _lose(batch: Batch, positions: Sequence[int], error: type[CallbackError], reason: str) -> None:
    for position in positions:
        batch.put(position, calling.lost(batch.responses[position], error(reason)))


def _packed(responses: list[Response]) -> bytes:
    packed: bytes = cloudpickle.dumps([child.state(response) for response in responses])
    return packed


def _returned(original: Response, packed: bytes) -> Response:
    try:
        unchanged, state = pickle.loads(packed)
        response = child.restored(state)
    except Exception as error:
        reason = f"what the callbacks made of response {original.id_!r} cannot be read: {error}"
        return calling.lost(original, CallbackError(reason))
    if unchanged:
        response.id_ = original.id_
    response._adopt(original)
    return calling.with_status(response, original.status_code)
