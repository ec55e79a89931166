"""Does in a thread of its own what takes a moment, for an event loop that waits for it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar, cast

Result = TypeVar("Result")


def in_thread(function: Callable[[], object]) -> asyncio.Future[None]:
    """Calls a function in a thread of its own."""
    loop = asyncio.get_running_loop()
    done = loop.create_future()

    def settle() -> None:
        if not done.done():
            done.set_result(None)

    def run() -> None:
        try:
            function()
        finally:
            # Where the event loop has been closed, nobody waits any more.
            with suppress(RuntimeError):
                loop.call_soon_threadsafe(settle)

    try:
        threading.Thread(target=run, name="patata-end").start()
    except RuntimeError:
        # No other thread can be started, so this one waits for the moment that it takes.
        run()
    return done


async def result_of(function: Callable[[], Result]) -> Result:
    """What a function returns or raises that takes a moment, called in a thread of its own."""
    told: list[tuple[Result | None, BaseException | None]] = []

    def call() -> None:
        try:
            told.append((function(), None))
        except BaseException as error:
            told.append((None, error))

    await in_thread(call)
    result, error = told.pop()
    if error is not None:
        raise error
    return cast(Result, result)
