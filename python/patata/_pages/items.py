"""What a page has on it: the items of its JSON, at a path or where such things usually are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from patata._pages.chain import Page
from patata._pages.path import MISSING, JsonPath, Path

USUAL = (
    "data",
    "items",
    "results",
    "value",
    "values",
    "records",
    "entries",
    "rows",
    "elements",
    "content",
    "objects",
    "hits",
    "_embedded",
)
"""What APIs call the member that has the items, or the object that they are in."""


class Items:
    """Where items are.

    Parameters
    ----------
    path
        ``None`` looks for them: the document itself, the first list of a usual name, there or one level
        deeper, or the only list that there is.
    """

    __slots__ = ("_path",)

    def __init__(self, path: Path | None) -> None:
        self._path = None if path is None else JsonPath("items", path)

    def of(self, page: Page) -> list[Any]:
        """The items of a page. Raises ``PageError`` where there is no list."""
        found = self.look(page)
        if found is None:
            raise page.error("it is not clear where its items are: items='data.results' says it")
        return found

    def look(self, page: Page) -> list[Any] | None:
        """The same, and ``None`` where it is not said where they are, and they are not found."""
        document = page.document()
        if document is None:
            return []
        if self._path is None:
            usual = _usual(document)
            return usual if isinstance(usual, list) else None
        found = self._path.find(document)
        if isinstance(found, list):
            return found
        if found is None:
            return []
        what = "nothing" if found is MISSING else f"no list, but {type(found).__name__}"
        raise page.error(f"items={self._path} has {what} there")

    def count(self, page: Page) -> int:
        """How many items a page has."""
        return len(self.of(page))


def _usual(document: Any) -> Any:
    if isinstance(document, list):
        return document
    if not isinstance(document, Mapping):
        return MISSING
    for member in _usual_members(document):
        if isinstance(member, list):
            return member
        if isinstance(member, Mapping):
            inner = next((one for one in _usual_members(member) if isinstance(one, list)), None)
            inner = _only_list(member) if inner is None else inner
            if inner is not MISSING:
                return inner
    return _only_list(document)


def _usual_members(document: Mapping[str, Any]) -> Iterator[Any]:
    return (document[name] for name in USUAL if name in document)


def _only_list(document: Mapping[str, Any]) -> Any:
    lists = [member for member in document.values() if isinstance(member, list)]
    return lists[0] if len(lists) == 1 else MISSING
