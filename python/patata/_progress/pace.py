"""How fast a call is, and when it will be done: worked out from its last seconds."""

from __future__ import annotations

import time
from collections import deque

NOW = 5.0
"""Seconds over which the rate of the moment is taken."""

LATELY = 30.0
"""Seconds over which the rate is taken that the rest will take: a moment's makes a restless estimate."""

APART = 0.2
"""The least seconds between two samples."""


class Pace:
    """Samples of how many requests a call had done when. What earlier processes have done is none of it."""

    def __init__(self) -> None:
        self._begun = time.monotonic()
        self._ended: float | None = None
        self._samples = deque([(self._begun, 0)])

    @property
    def seconds(self) -> float:
        """How long the call has taken so far, or took."""
        return (self._ended or time.monotonic()) - self._begun

    def note(self, done: int) -> None:
        """Takes a sample."""
        now = time.monotonic()
        if now - self._samples[-1][0] >= APART:
            self._samples.append((now, done))
        while len(self._samples) > 2 and now - self._samples[1][0] > LATELY:
            self._samples.popleft()

    def end(self) -> None:
        """Notes that the call has ended."""
        self._ended = self._ended or time.monotonic()

    def rate(self, done: int, over: float = NOW) -> float | None:
        """Requests a second over the last seconds; ``None`` where it has only just begun."""
        now = time.monotonic()
        since, before = next(sample for sample in (*self._samples, (now, done)) if now - sample[0] <= over)
        if now - since < APART:
            return self.average(done) if self.seconds >= APART else None
        return (done - before) / (now - since)

    def average(self, done: int) -> float | None:
        """Requests a second over all; ``None`` where that took no time."""
        return done / self.seconds if self.seconds > 0 else None

    def left(self, done: int, rest: int) -> float | None:
        """Seconds until the rest is done; ``None`` where nobody knows."""
        rate = self.rate(done, LATELY)
        return max(rest, 0) / rate if rate else None
