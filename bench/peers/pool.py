"""The worker pool that users of asyncio clients write, or for the callback one of processes as well.

Apart from `job`, so that only who needs asyncio is charged with its import.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from peers.job import Job, worked_on

Fetch = Callable[[str, Any], Awaitable[tuple[int, Any]]]
"""Sends one request to a URL with a body; gives the status, and the parsed body."""


async def pool(job: Job, fetch: Fetch) -> None:
    """As many workers as connections, each of which takes the next request once it is done with one.

    This is what the documentation of asyncio clients advises. A failure costs one request.
    """
    if job.callback_milliseconds:
        # Its import is charged to those who use it.
        from concurrent.futures import ProcessPoolExecutor

        loop = asyncio.get_running_loop()
        with ProcessPoolExecutor() as processes:

            async def fetch_and_work(url: str, body: Any) -> tuple[int, Any]:
                status, data = await fetch(url, body)
                return status, await loop.run_in_executor(
                    processes, worked_on, data, job.callback_milliseconds
                )

            await _work_all(job, fetch_and_work)
    else:
        await _work_all(job, fetch)


async def _work_all(job: Job, fetch: Fetch) -> None:
    items = job.items()

    async def work() -> None:
        for id_, url, body in items:
            try:
                status, data = await _attempts(job, fetch, url, body)
            except Exception:
                job.wrong += 1
            else:
                job.take(id_, status, data)

    await asyncio.gather(*(work() for _ in range(job.connections)))


async def _attempts(job: Job, fetch: Fetch, url: str, body: Any) -> tuple[int, Any]:
    """The loop that users of clients without retries write around them."""
    status, data = await fetch(url, body)
    for attempt in range(1, job.retries):
        if status < 500:
            break
        await asyncio.sleep(0.1 * 2**attempt)
        status, data = await fetch(url, body)
    return status, data
