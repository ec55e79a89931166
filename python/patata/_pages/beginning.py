"""What a way of following adds to the items of an input, with each of which something begins."""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable, Iterator
from operator import length_hint
from typing import Any


class Beginning:
    """A ``follow`` function that is shown the items of the input too."""

    __slots__ = ()

    def first(self, item: Any) -> Any:
        """What to send for an item of the input: itself, unless there is something to add."""
        return item


class _Begun:
    """Items with what is added to them. It may be iterated over as often as they may."""

    def __init__(self, items: Iterable[Any], first: Callable[[Any], Any]) -> None:
        self._items = items
        self._first = first

    def __iter__(self) -> Iterator[Any]:
        return map(self._first, self._items)

    def __length_hint__(self) -> Any:
        length = length_hint(self._items, -1)
        return NotImplemented if length < 0 else length


async def _begun_async(items: AsyncIterable[Any], first: Callable[[Any], Any]) -> AsyncIterator[Any]:
    async for item in items:
        yield first(item)


def begun(items: Any, follow: object) -> Any:
    """The items of an input as they are to be sent, where what follows on them has something to add."""
    if not isinstance(follow, Beginning) or type(follow).first is Beginning.first:
        return items
    if hasattr(type(items), "__aiter__"):
        return _begun_async(items, follow.first)
    return _Begun(items, follow.first)
