"""The bar that shows how far a call has come, and what it waits for."""

from __future__ import annotations

import sys
import threading
from contextlib import suppress
from typing import Any

from tqdm import tqdm

from patata._call_state import CallState
from patata._progress.ending import ending_of
from patata._progress.limit import limit_of

INTERVAL = 0.2
"""Seconds between looks at the run."""

NAMED = 2
"""The most hosts that are named."""


class _OwnTqdm(tqdm):  # type: ignore[misc]
    """A bar without tqdm's own thread: ours looks often enough."""

    monitor_interval = 0


class _Output:
    """A stream that may go away. What it does not take then is lost, and the call goes on.

    Nobody is left to be told of an error, which tqdm would answer by leaving the lock of all its bars locked.
    """

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def write(self, text: str) -> None:
        with suppress(OSError, ValueError):
            self._stream.write(text)

    def flush(self) -> None:
        with suppress(OSError, ValueError):
            self._stream.flush()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


class Bar:
    """A bar on stderr, kept up to date by a thread of its own until it is closed."""

    @classmethod
    def started(cls, state: CallState, total: int | None, is_forced: bool) -> Bar | None:
        """A bar for a call; ``None`` without a stderr, and where that is no terminal, unless it is forced."""
        # Programs without a console have no stderr.
        if (
            sys.stderr is None
            or getattr(sys.stderr, "closed", False)
            or not (is_forced or sys.stderr.isatty())
        ):
            return None
        return cls(state, total)

    def __init__(self, state: CallState, total: int | None) -> None:
        self._state = state
        self._ending: str | None = None
        # It shows what it is told each time, as it is told seldom.
        self._tqdm = _OwnTqdm(
            total=total,
            unit="req",
            file=_Output(sys.stderr),
            mininterval=0,
            miniters=1,
            dynamic_ncols=True,
        )
        self._is_closed = threading.Event()
        self._thread = threading.Thread(target=self._refresh, name="patata-progress", daemon=True)
        self._thread.start()

    def _refresh(self) -> None:
        while not self._is_closed.wait(INTERVAL):
            self._show()

    def _show(self, is_last: bool = False) -> None:
        progress = self._state.progress()
        told = [f"failed {progress.failed}"]
        if not is_last:
            told += [f"in flight {progress.in_flight}", f"limit: {limit_of(progress)}"]
            if troubled := progress.troubled_hosts:
                told.append(f"no answer: {', '.join(troubled[:NAMED])}{', …' * (len(troubled) > NAMED)}")
        elif self._ending is not None:
            told.append(self._ending)
        self._tqdm.set_postfix_str(", ".join(told), refresh=False)
        if progress.done > self._tqdm.n:
            self._tqdm.update(progress.done - self._tqdm.n)
        else:
            self._tqdm.refresh()

    def ended_by(self, error: BaseException) -> None:
        """Notes what the call ends by. What is said first counts."""
        self._ending = self._ending or ending_of(error)

    def close(self) -> None:
        """Shows the bar for the last time."""
        self._is_closed.set()
        # The garbage collector may close it on any thread.
        if self._thread is not threading.current_thread():
            self._thread.join()
        self._show(is_last=True)
        self._tqdm.close()
