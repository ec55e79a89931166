"""A fetch for asyncio: a thread performs it, and the event loop goes on."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from patata._aio.heartbeat import heartbeat
from patata._aio.threads import result_of
from patata._base import Client
from patata._frames.call import Fetch


class _Open:
    """What a client that is closed ends: it waits for the end of each."""

    def __init__(self, fetch: Fetch) -> None:
        self._fetch = fetch

    async def close(self) -> None:
        self._fetch.cancel()


async def awaited(client: Client, data: Any, url: str, options: Mapping[str, Any]) -> Any:
    """Its results, once they are there. Cancelling the task cancels it."""
    begun = Fetch(client, set(), data, url, options)
    opened = _Open(begun)
    client._open.add(opened)
    if (beat := heartbeat()) is not None:
        beat.want(opened)
    fetching = asyncio.ensure_future(result_of(begun.result))
    try:
        return await asyncio.shield(fetching)
    except asyncio.CancelledError as error:
        begun.ended_by(error)
        begun.cancel()
        with suppress(Exception):
            await fetching
        raise
    finally:
        client._open.discard(opened)
        if beat is not None:
            beat.let_go(opened)
