"""The items of pages, one by one."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Generator, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from patata._pages.chain import Page
from patata._pages.items import Items
from patata._pages.path import Path
from patata.exceptions import PagesFailedError
from patata.models import Response

EXAMPLES = 100
"""How many of the responses that are no pages are kept."""


class Unpacking:
    """What is taken out of the responses of one call."""

    def __init__(self, path: Path | None) -> None:
        self._items = Items(path)
        self._failures: list[tuple[Response, str]] = []
        self._failed = 0

    def taken(self, response: Response) -> list[Any]:
        """The items of a page; none of what has failed, which is told of in the end."""
        try:
            response.raise_for_status()
            return self._items.of(Page(response))
        except Exception as error:
            self._failed += 1
            if len(self._failures) < EXAMPLES:
                self._failures.append((response, str(error)))
            return []

    def end(self) -> None:
        """Raises ``PagesFailedError``, if there are pages whose items are not there."""
        if self._failed:
            raise PagesFailedError(
                f"{self._failed:,} pages have no items: {self._failures[0][1]}",
                [response for response, _ in self._failures],
            )


def unpacked(responses: Iterable[Response], path: Path | None) -> Iterator[Any]:
    """The items of the responses of a call."""
    unpacking = Unpacking(path)
    with _closing(responses):
        for response in responses:
            yield from unpacking.taken(response)
    unpacking.end()


async def unpacked_async(responses: AsyncIterable[Response], path: Path | None) -> AsyncIterator[Any]:
    """The same of an asynchronous call."""
    unpacking = Unpacking(path)
    try:
        async for response in responses:
            for item in unpacking.taken(response):
                yield item
    finally:
        if isinstance(responses, AsyncGenerator):
            await responses.aclose()
    unpacking.end()


@contextmanager
def _closing(responses: object) -> Iterator[None]:
    """Ends a call whose items are not all taken."""
    try:
        yield
    finally:
        if isinstance(responses, Generator):
            responses.close()
