"""Calls the user's callbacks: here, or on batches of responses in processes of their own."""

from __future__ import annotations

import _thread
import os
import pickle
import threading
import types
import weakref
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent import futures
from concurrent.futures import FIRST_COMPLETED, Future
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from typing import Any

import cloudpickle
import loky

from patata import _callback_process, _calling, _patata
from patata.exceptions import CallbackError, CallbackProcessError
from patata.models import Response

BATCHES_A_PROCESS = 2
"""One to work on, and one to go on with."""

FIRST_BATCH = 8
"""Batches begin small, so that the first responses come soon, and double up to ``pool_submit_size``."""

BATCH_SECONDS = 0.03
"""Batches grow no further once a process works on one for so long.

That hides what sending one costs, and at the end of a run no process sits idle while another one has a large
batch to go through.
"""

WAIT = 0.1
"""Seconds between looks for signals."""

GREENLET_WAIT = 0.002
"""Seconds for which the others go on, where threads take turns at this one."""


def called_here(stream: _patata.Stream, functions: Sequence[_calling.Callback]) -> Iterator[Response]:
    """Calls them in this process."""
    for response in stream:
        yield _calling.call(response, functions)


def packed(functions: Sequence[_calling.Callback]) -> bytes:
    """The functions as they travel to processes. Raises where they cannot."""
    data: bytes = cloudpickle.dumps(list(functions))
    return data


def called_in_processes(
    stream: _patata.Stream,
    functions: Sequence[_calling.Callback],
    processes: int,
    batch_size: int,
    ordered: bool,
) -> Iterator[Response]:
    """Calls them in processes, which are started now and ended with the run."""
    pool = Processes(packed(functions), processes, batch_size, ordered, stream.control().wake)
    raised: Exception | None = None
    ended = False
    try:
        while not ended or pool.held:
            if ended:
                pool.wait(WAIT)
            else:
                # Also without room for a batch, this is where the input is taken and answers are awaited.
                try:
                    batch = _next_batch(stream, pool)
                except Exception as error:
                    # What the input raised: the responses before it go first.
                    raised, batch = error, None
                if batch:
                    pool.give(batch)
                ended = batch is None
            for done in pool.finished():
                yield from done.responses
        if raised is not None:
            raise raised
    finally:
        pool.stop()


def _threads_are_greenlets() -> bool:
    """Whether gevent or eventlet has replaced threads, so that they run in turns."""
    return not isinstance(_thread.start_new_thread, types.BuiltinFunctionType)


def _next_batch(stream: _patata.Stream, pool: Processes) -> list[Response] | None:
    """The responses that come next, if need be after a wait that leaves room for the pool's threads."""
    if not _threads_are_greenlets():
        return stream.next_batch(pool.room, WAIT, pool.held)
    # They do not run while the engine waits.
    batch = stream.next_batch(pool.room, 0, pool.held)
    if not batch and batch is not None:
        threading.Event().wait(GREENLET_WAIT)
    return batch


class Processes:
    """Processes that call functions on responses, given in batches and coming back in batches.

    ``functions`` are :func:`packed`. ``wake`` is called, from another thread, when something has come back.
    Where ``ordered``, batches come back in the order in which they were given.
    """

    def __init__(
        self,
        functions: bytes,
        count: int,
        batch_size: int,
        ordered: bool,
        wake: Callable[[], None],
    ) -> None:
        self._workers = [_Worker(functions, wake) for _ in range(count)]
        self._batches: deque[Batch] = deque()
        self._ordered = ordered
        self._size = min(FIRST_BATCH, batch_size)
        self._most = batch_size
        self.held = 0
        """How many responses have not come back."""

    @property
    def room(self) -> int:
        """How many responses the next batch may have; 0 while all processes have enough to do."""
        return self._size if len(self._least_busy().pieces) < BATCHES_A_PROCESS else 0

    def _least_busy(self) -> _Worker:
        return min(self._workers, key=lambda worker: worker.held)

    def give(self, responses: list[Response], label: Any = None) -> None:
        """Sends a batch to the process that has the least to do."""
        batch = Batch(responses, label)
        self._batches.append(batch)
        self.held += len(responses)
        self._least_busy().give(batch, range(len(responses)))

    def finished(self) -> list[Batch]:
        """The batches that have come back whole, what was lost included."""
        for worker in self._workers:
            for responses, seconds in worker.collect():
                fitting = int(responses * BATCH_SECONDS / seconds) if seconds else self._most
                # One that was small as there were no more says nothing against large ones.
                doubled = max(self._size, 2 * responses)
                self._size = max(1, min(fitting, doubled, self._most))
        whole = []
        if self._ordered:
            while self._batches and not self._batches[0].missing:
                whole.append(self._batches.popleft())
        else:
            whole = [batch for batch in self._batches if not batch.missing]
            self._batches = deque(batch for batch in self._batches if batch.missing)
        self.held -= sum(len(batch.responses) for batch in whole)
        return whole

    def wait(self, seconds: float) -> None:
        """Waits until something comes back."""
        pending = [piece.future for worker in self._workers for piece in worker.pieces]
        futures.wait(pending, seconds, FIRST_COMPLETED)

    def stop(self) -> None:
        """Ends the processes, whatever they are at."""
        for worker in self._workers:
            worker.stop()


class Batch:
    """Responses, each replaced by what the functions make of it, and the giver's own label for them."""

    def __init__(self, responses: list[Response], label: Any) -> None:
        self.responses = responses
        self.label = label
        self.missing = len(responses)
        """How many have not come back."""

    def put(self, position: int, result: Response) -> None:
        """Takes what has become of one."""
        self.responses[position] = result
        self.missing -= 1


class _Piece:
    """The part of a batch that is in a process, and the promise of what becomes of it."""

    def __init__(
        self, batch: Batch, positions: Sequence[int], executor: Any, future: Future[tuple[list[bytes], float]]
    ) -> None:
        self.batch = batch
        self.positions = positions
        self.executor = executor
        self.future = future


class _Worker:
    """One process, and the responses it holds: should it die, those fail, and no others.

    A pool of several processes would break as a whole, so each has an executor of its own.
    """

    def __init__(self, functions: bytes, wake: Callable[[], None]) -> None:
        self._functions = functions
        self._wake = wake
        self._executor = self._start()
        self.pieces: list[_Piece] = []
        self._process = os.getpid()
        _workers.add(self)

    def _start(self) -> Any:
        self._is_registered = False
        return loky.ProcessPoolExecutor(
            max_workers=1,
            timeout=None,
            initializer=_callback_process.prepare,
            initargs=(self._functions, os.getpid()),
        )

    @property
    def held(self) -> int:
        """How many responses it has not given back."""
        return sum(len(piece.positions) for piece in self.pieces)

    def give(self, batch: Batch, positions: Sequence[int]) -> None:
        """Sends some of a batch to the process."""
        if _is_ending:
            _lose(batch, positions, CallbackProcessError, "the interpreter is ending")
            return
        try:
            payload = _packed([batch.responses[position] for position in positions])
        except Exception:
            positions = [position for position in positions if _can_travel(batch, position)]
            if not positions:
                return
            payload = _packed([batch.responses[position] for position in positions])
        try:
            future = self._executor.submit(_callback_process.run, payload)
        except BrokenProcessPool:
            # It died between two batches and held none of these.
            self._restart()
            future = self._executor.submit(_callback_process.run, payload)
        self._end_with_this_process()
        self.pieces.append(_Piece(batch, positions, self._executor, future))
        future.add_done_callback(lambda _: self._wake())

    def collect(self) -> list[tuple[int, float]]:
        """Puts into their batches what the process has given back, and what it has lost.

        Says of what was given back how many there were at a time, and how many seconds the process took.
        """
        taken = []
        while self.pieces and self.pieces[0].future.done():
            piece = self.pieces.pop(0)
            error = piece.future.exception()
            if error is None:
                results, seconds = piece.future.result()
                taken.append((len(results), seconds))
                for position, packed in zip(piece.positions, results, strict=True):
                    piece.batch.put(position, _returned(piece.batch.responses[position], packed))
            elif isinstance(error, BrokenProcessPool):
                if piece.executor is self._executor:
                    self._restart()
                reason = f"its callback process died: {error}"
                _lose(piece.batch, piece.positions, CallbackProcessError, reason)
            elif len(piece.positions) == 1:
                reason = f"the callback process failed: {error!r}"
                _lose(piece.batch, piece.positions, CallbackError, reason)
            else:
                # One of them cannot be read over there: alone, each costs only itself.
                for position in piece.positions:
                    self.give(piece.batch, [position])
        return taken

    def _restart(self) -> None:
        self._executor.shutdown(wait=False, kill_workers=True)
        self._executor = self._start()

    def stop(self) -> None:
        """Ends the process, whatever it is at."""
        # Greenlets would wait for the process before its feeder has told it to end.
        self._executor.shutdown(wait=True, kill_workers=bool(self.pieces) or _threads_are_greenlets())

    def _end_with_this_process(self) -> None:
        """Has the process killed when the interpreter ends, where loky would wait for what it is at.

        What is registered last is called first, so this comes after loky's own registration for an executor,
        at its first task. Functions of ``atexit`` would be called too late.
        """
        if not self._is_registered:
            self._is_registered = True
            # Where the interpreter is ending already, that was the last task.
            with suppress(RuntimeError):
                threading._register_atexit(_kill_all)  # type: ignore[attr-defined]

    def kill(self) -> None:
        """Ends the process too, without waiting for it."""
        # In the child of a fork it is the parent's.
        if self._process == os.getpid():
            self._executor.shutdown(wait=False, kill_workers=True)


_workers: weakref.WeakSet[_Worker] = weakref.WeakSet()
"""Those that may have a process."""

_is_ending = False
"""Whether the interpreter is ending: nothing can be given to a process any more."""


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
        batch.put(position, _calling.lost(response, CallbackError(reason)))
        return False
    return True


def _lose(batch: Batch, positions: Sequence[int], error: type[CallbackError], reason: str) -> None:
    for position in positions:
        batch.put(position, _calling.lost(batch.responses[position], error(reason)))


def _packed(responses: list[Response]) -> bytes:
    packed: bytes = cloudpickle.dumps([_callback_process.state(response) for response in responses])
    return packed


def _returned(original: Response, packed: bytes) -> Response:
    try:
        unchanged, state = pickle.loads(packed)
        response = _callback_process.restored(state)
    except Exception as error:
        reason = f"what the callbacks made of response {original.id_!r} cannot be read: {error}"
        return _calling.lost(original, CallbackError(reason))
    if unchanged:
        response.id_ = original.id_
    response._adopt(original)
    return _calling.with_status(response, original.status_code)
