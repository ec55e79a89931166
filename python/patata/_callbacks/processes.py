"""Calls callbacks in processes, which responses are given to in batches."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent import futures
from concurrent.futures import FIRST_COMPLETED
from itertools import chain
from typing import Any

from patata import _patata
from patata._callbacks import calling
from patata._callbacks.greenlets import threads_are_greenlets
from patata._callbacks.worker import Batch, Worker, packed
from patata.models import Response

BATCHES_A_PROCESS = 2
"""A process has one to work on, and one to go on with."""

FIRST_BATCH = 8
"""Batches begin small, so that the first responses come soon, and double up to ``pool_submit_size``."""

BATCH_SECONDS = 0.03
"""Batches grow no further once a process works on one for so many seconds.

That is long enough to hide what sending a batch costs, and so short that at the end of a call no process sits
idle while another one has a large batch to go through.
"""

WAIT = 0.1
"""Seconds between looks for signals."""

GREENLET_WAIT = 0.002
"""Seconds for which other threads go on, where threads take turns."""


def called_in_processes(
    stream: _patata.Stream,
    functions: Sequence[calling.Callback],
    processes: int,
    batch_size: int,
    ordered: bool,
) -> Iterator[Response]:
    """Calls functions on the responses of a whole call, in processes that start now and end with the call."""
    return chain.from_iterable(batches_in_processes(stream, functions, processes, batch_size, ordered))


def batches_in_processes(
    stream: _patata.Stream,
    functions: Sequence[calling.Callback],
    processes: int,
    batch_size: int,
    ordered: bool,
) -> Iterator[list[Response]]:
    """The same in batches, which are empty where there is nothing yet after a moment."""
    pool = Processes(packed(functions), processes, batch_size, ordered, stream.control().wake)
    raised: Exception | None = None
    ended = False
    try:
        while not ended or pool.held:
            if ended:
                pool.wait(WAIT)
            else:
                # Also where there is no room for a batch: the input is taken here, and answers are awaited.
                try:
                    batch = _next_batch(stream, pool)
                except Exception as error:
                    # The input raised it: the responses before it are handed out first.
                    raised, batch = error, None
                if batch:
                    pool.give(batch)
                ended = batch is None
            yield [response for done in pool.finished() for response in done.responses]
        if raised is not None:
            raise raised
    finally:
        pool.stop()


def _next_batch(stream: _patata.Stream, pool: Processes) -> list[Response] | None:
    """The responses that come next. Waits for them in a way that lets the threads of the pool go on."""
    if not threads_are_greenlets():
        return stream.next_batch(pool.room, WAIT, pool.held)
    # Greenlets do not run while the engine waits.
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
        self._workers = [Worker(functions, wake) for _ in range(count)]
        self._batches: deque[Batch] = deque()
        self._ordered = ordered
        self._size = min(FIRST_BATCH, batch_size)
        self._most = batch_size
        self.held = 0
        """How many responses have not come back."""

    @property
    def room(self) -> int:
        """How many responses the next batch may have; 0 while all processes have enough to do."""
        return self._size if len(self._least_busy().submissions) < BATCHES_A_PROCESS else 0

    def _least_busy(self) -> Worker:
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
        pending = [submission.future for worker in self._workers for submission in worker.submissions]
        futures.wait(pending, seconds, FIRST_COMPLETED)

    def stop(self) -> None:
        """Ends the processes, whatever they are at."""
        for worker in self._workers:
            worker.stop()
