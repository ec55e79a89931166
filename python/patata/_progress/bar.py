"""The bar that shows how far a call has come, and what it waits for."""

from __future__ import annotations

import sys
import threading
from collections.abc import Sized
from contextlib import suppress
from typing import Any

from tqdm import tqdm

from patata import _patata

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
    def started(cls, control: _patata.Control, requests: Any, is_forced: bool) -> Bar | None:
        """A bar for a call; ``None`` without a stderr, and where that is no terminal, unless it is forced."""
        # Programs without a console have no stderr.
        if (
            sys.stderr is None
            or getattr(sys.stderr, "closed", False)
            or not (is_forced or sys.stderr.isatty())
        ):
            return None
        return cls(control, len(requests) if isinstance(requests, Sized) else None)

    def __init__(self, control: _patata.Control, total: int | None) -> None:
        self._control = control
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
        _, done, failed, in_flight, bottleneck, troubled, server_limit, budget = self._control.progress()
        if server_limit is not None:
            bottleneck = f"the server's {server_limit}"
        elif budget is not None:
            bottleneck = _option_of(budget)
        state = (
            f"failed {failed}" if is_last else f"failed {failed}, in flight {in_flight}, limit: {bottleneck}"
        )
        if troubled and not is_last:
            state += f", no answer: {', '.join(troubled[:NAMED])}{', …' * (len(troubled) > NAMED)}"
        self._tqdm.set_postfix_str(state, refresh=False)
        if done > self._tqdm.n:
            self._tqdm.update(done - self._tqdm.n)
        else:
            self._tqdm.refresh()

    def close(self) -> None:
        """Shows the bar for the last time."""
        self._is_closed.set()
        self._thread.join()
        self._show(is_last=True)
        self._tqdm.close()


def _option_of(budget: str) -> str:
    """The option that a budget stands in."""
    for suffix, option in ((" per host", "budgets_per_host"), (" of the shared budget", "budget")):
        if budget.endswith(suffix):
            return f"{option}[{budget.removesuffix(suffix)!r}]"
    return f"budgets[{budget!r}]"
