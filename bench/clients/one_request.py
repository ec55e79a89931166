"""Sends requests one a call, in one of the WAYS. Arguments: way url rounds [authority].

Prints JSON: CPU microseconds of a request, and the median time of one in milliseconds. It is run with the
interpreter of patata, or of aiohttp.
"""

from __future__ import annotations

import asyncio
import json
import ssl
import sys
import time
from collections.abc import Awaitable, Callable
from statistics import median
from typing import Any

import uvloop

WARM_UP = 100
"""Requests before those that count, so that connections are open."""
AT_ONCE = 200

Send = Callable[[], Awaitable[Any]]


class Watch:
    """Times of requests, and the CPU time of all of them."""

    def __init__(self) -> None:
        self.seconds: list[float] = []
        self.count = 0
        self._begun = 0.0
        self._cpu = 0.0

    def begin(self) -> None:
        """Forgets what was before."""
        self.seconds, self.count = [], 0
        self._cpu = time.process_time()

    def take(self, begun: float, answers: list[Any]) -> None:
        """Counts requests that were begun together."""
        self.seconds.append(time.perf_counter() - begun)
        self.count += len(answers)
        for data in answers:
            if "message" not in data:
                sys.exit(f"a request failed: {data}")

    def figures(self) -> dict[str, float]:
        """What is printed."""
        cpu = time.process_time() - self._cpu
        return {"cpu_microseconds": cpu / self.count * 1e6, "p50_milliseconds": median(self.seconds) * 1e3}


def in_turn(send: Callable[[], Any], rounds: int) -> dict[str, float]:
    """One after another, without an event loop."""
    watch = Watch()
    for number in range(-WARM_UP, rounds):
        if number == 0:
            watch.begin()
        begun = time.perf_counter()
        watch.take(begun, [send()])
    return watch.figures()


async def awaited(send: Send, rounds: int) -> dict[str, float]:
    """The same on an event loop."""
    watch = Watch()
    for number in range(-WARM_UP, rounds):
        if number == 0:
            watch.begin()
        begun = time.perf_counter()
        watch.take(begun, [await send()])
    return watch.figures()


async def at_once(send: Send, rounds: int) -> dict[str, float]:
    """Many at once on an event loop, again and again."""
    watch = Watch()
    for number in range(-2, rounds // AT_ONCE):
        if number == 0:
            watch.begin()
        begun = time.perf_counter()
        watch.take(begun, await asyncio.gather(*(send() for _ in range(AT_ONCE))))
    return watch.figures()


def with_aiohttp(url: str, authority: str | None, measured: Any, rounds: int) -> dict[str, float]:
    """What the figures are compared with: a session, as its documentation advises."""
    import aiohttp

    async def main() -> dict[str, float]:
        context = ssl.create_default_context(cafile=authority) if authority else True
        connector = aiohttp.TCPConnector(limit=AT_ONCE, ssl=context)
        async with aiohttp.ClientSession(connector=connector) as session:

            async def send() -> Any:
                async with session.get(url) as response:
                    return await response.json(content_type=None)

            result: dict[str, float] = await measured(send, rounds)
            return result

    return uvloop.run(main())


def options(authority: str | None) -> dict[str, Any]:
    """Those of patata's clients. HTTP/1.1 is what aiohttp speaks."""
    verify = {"verify": authority} if authority else {}
    return {"verbose_level": 0, "num_workers": 1, "concurrency": AT_ONCE, "http_version": "1.1", **verify}


def with_patata(url: str, authority: str | None, rounds: int, is_call: bool) -> dict[str, float]:
    """By :class:`patata.Patata`: as a call of ``http()``, or of ``get()``."""
    from patata import Patata

    with Patata(**options(authority)) as client:
        if is_call:
            return in_turn(lambda: next(client.http("GET", [(1, url)])).data, rounds)
        return in_turn(lambda: client.get(url).data, rounds)


def with_async_patata(
    url: str, authority: str | None, measured: Any, rounds: int, is_call: bool
) -> dict[str, float]:
    """The same by :class:`patata.AsyncPatata`."""
    from patata import AsyncPatata

    async def main() -> dict[str, float]:
        async with AsyncPatata(**options(authority)) as client:

            async def call() -> Any:
                async for response in client.http("GET", [(1, url)]):
                    data = response.data
                return data

            async def get() -> Any:
                return (await client.get(url)).data

            result: dict[str, float] = await measured(call if is_call else get, rounds)
            return result

    return uvloop.run(main())


WAYS: dict[str, Callable[[str, str | None, int], dict[str, float]]] = {
    "aiohttp": lambda url, authority, rounds: with_aiohttp(url, authority, awaited, rounds),
    "aiohttp_at_once": lambda url, authority, rounds: with_aiohttp(url, authority, at_once, rounds),
    "get": lambda url, authority, rounds: with_patata(url, authority, rounds, False),
    "http": lambda url, authority, rounds: with_patata(url, authority, rounds, True),
    "get_asyncio": lambda url, authority, rounds: with_async_patata(url, authority, awaited, rounds, False),
    "http_asyncio": lambda url, authority, rounds: with_async_patata(url, authority, awaited, rounds, True),
    "get_at_once": lambda url, authority, rounds: with_async_patata(url, authority, at_once, rounds, False),
    "http_at_once": lambda url, authority, rounds: with_async_patata(url, authority, at_once, rounds, True),
}


def main() -> None:
    way, url, rounds, *rest = sys.argv[1:]
    print(json.dumps(WAYS[way](url, rest[0] if rest else None, int(rounds))))


if __name__ == "__main__":
    main()
