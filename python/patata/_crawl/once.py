"""Leads to no request twice: neither in a call, nor in those that go on with it over a run folder."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any

from patata._pages.beginning import Beginning
from patata._patata import is_request
from patata.models import Request, Response
from patata.run_folder import RunFolder

Follow = Callable[[Response], Any]


class Once(Beginning):
    """A ``follow`` function around another one: :func:`patata.crawl.once`."""

    __slots__ = ("_function", "_seen")

    def __init__(self, function: Follow, run_folder: str | os.PathLike[str] | None) -> None:
        self._function = function
        self._seen: set[int] = set()
        """The hashes of requests: those of texts would take several times as much."""
        if run_folder is not None:
            self._restore(RunFolder(run_folder))

    def _restore(self, folder: RunFolder) -> None:
        """Finds out what earlier processes have found: what is recorded has led to it, and is asked again."""
        if not os.path.exists(os.path.join(folder, "manifest.json")):
            # It is begun with the call.
            return
        for response in folder.responses():
            self._seen.add(_identity((None, response.url)))
            # What it has raised on has led to nothing.
            with suppress(Exception):
                self._new(response)

    def first(self, item: Any) -> Any:
        """Notes an item of the input, which is sent in any case."""
        if is_request(item):
            self._seen.add(_identity(item))
        return item

    def __call__(self, response: Response) -> list[Any]:
        """What a response leads to for the first time."""
        return self._new(response)

    def _new(self, response: Response) -> list[Any]:
        said = self._function(response)
        if said is None:
            return []
        found: Iterable[Any] = (said,) if is_request(said) else said
        new: dict[int, Any] = {}
        for item in found:
            # What is no request is left for the call to refuse.
            identity = _identity(item) if is_request(item) else id(item)
            if identity not in self._seen:
                new.setdefault(identity, item)
        self._seen.update(new)
        return list(new.values())


def _identity(item: Any) -> int:
    """The hash of what is sent. Fragments are not."""
    if isinstance(item, Request):
        other = (item.method, item.params, item.data, item.json, item.form, item.content)
        is_plain = not any(part is not None for part in other)
        return hash(_bare(item.url) if is_plain else (_bare(item.url), repr(other)))
    has_data = len(item) > 2 and item[2] is not None
    return _identity(Request(*item)) if has_data else hash(_bare(item[1]))


def _bare(url: str) -> str:
    return url.partition("#")[0]
