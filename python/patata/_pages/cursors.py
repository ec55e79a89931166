"""Pages that say by which value the next one is asked for: in their JSON, or in a header."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import KW_ONLY, dataclass, field
from typing import Any

from patata._pages.chain import Page, Pages, parsed
from patata._pages.items import Items
from patata._pages.parameters import Parameter
from patata._pages.path import MISSING, JsonPath, Path
from patata.models import Request


@dataclass(frozen=True)
class Cursors(Pages):
    """Any of them: a page has a cursor, or is the last one."""

    _: KW_ONLY
    cursor_body_path: Path | None = None
    has_more_path: Path | None = None
    empty_cursor: bool = False
    stop_after_empty_page: bool = False
    items: Path | None = None
    _parameter: Parameter = field(init=False, repr=False, compare=False)
    _has_more: JsonPath | None = field(init=False, repr=False, compare=False)
    _items: Items = field(init=False, repr=False, compare=False)

    def _set(self, name: str | None) -> None:
        """Notes what a subclass and this one have been given."""
        if name is None and self.cursor_body_path is None:
            name = "cursor"
        names = ("cursor_param", "cursor_body_path")
        object.__setattr__(self, "_parameter", Parameter(names, name, self.cursor_body_path))
        object.__setattr__(self, "_has_more", parsed("has_more_path", self.has_more_path))
        object.__setattr__(self, "_items", Items(self.items))

    def following(self, page: Page) -> Iterable[Request]:
        has_more = page.says(self._has_more)
        if has_more is False:
            return ()
        cursor = self.cursor(page)
        if cursor is MISSING or cursor is None:
            if has_more:
                raise page.error("it says that there is more, and has no cursor")
            return ()
        if not (has_more or self.empty_cursor) and _is_empty(cursor):
            return ()
        if self.stop_after_empty_page and not has_more and self._items.count(page) == 0:
            return ()
        made = self.successor(page)
        self._parameter.put(made, cursor)
        return self.only_once(page, made)

    def cursor(self, page: Page) -> Any:
        """That of a page, :data:`MISSING` or ``None``."""
        raise NotImplementedError


def _is_empty(cursor: object) -> bool:
    """Whether it stands for no cursor, unless a page says that there is more. ``0`` is one, as any number."""
    return cursor is False or (isinstance(cursor, str | list | dict) and not cursor)


@dataclass(frozen=True)
class Cursor(Cursors):
    """A cursor in the JSON: :func:`patata.pages.cursor`."""

    cursor_path: Path = "cursors.next"
    cursor_param: str | None = None
    _cursor: JsonPath = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        super().__post_init__()
        self._set(self.cursor_param)
        object.__setattr__(self, "_cursor", JsonPath("cursor_path", self.cursor_path))

    def cursor(self, page: Page) -> Any:
        return self._cursor.find(page.document())


@dataclass(frozen=True)
class HeaderCursor(Cursors):
    """A cursor in a header: :func:`patata.pages.header_cursor`."""

    cursor_key: str = "next"
    cursor_param: str | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        self._set(self.cursor_param)
        if not isinstance(self.cursor_key, str) or not self.cursor_key:
            raise ValueError(f"cursor_key must be the name of a header, got {self.cursor_key!r}")

    def cursor(self, page: Page) -> Any:
        return page.response.headers.get(self.cursor_key)
