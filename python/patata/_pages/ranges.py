"""Pages that are counted: by the offset of their first item, or by their own number."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import KW_ONLY, dataclass, field
from typing import Any, Literal

from patata._pages.chain import Memory, Page, PageRequest, Pages, as_page_request, check_count, parsed
from patata._pages.items import Items
from patata._pages.parameters import Parameter
from patata._pages.path import MISSING, JsonPath, Path
from patata._pages.place import Place
from patata.exceptions import RepeatedPageError
from patata.models import Request

MOST_EMPTY = 1_000
"""How many pages on end may be without items in a chain of which nothing else says where it ends."""


@dataclass(frozen=True)
class Ranges(Pages):
    """Either of them: the value of a page is the one before it and a step."""

    _: KW_ONLY
    total_path: Path | None = None
    has_more_path: Path | None = None
    stop_after_empty_page: bool = True
    items: Path | None = None
    parallel: bool = True
    _parameter: Parameter = field(init=False, repr=False, compare=False)
    _limit: Parameter | None = field(init=False, repr=False, compare=False)
    _total: JsonPath | None = field(init=False, repr=False, compare=False)
    _has_more: JsonPath | None = field(init=False, repr=False, compare=False)
    _items: Items = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "_total", parsed("total_path", self.total_path))
        object.__setattr__(self, "_has_more", parsed("has_more_path", self.has_more_path))
        object.__setattr__(self, "_items", Items(self.items))
        ends = (self.total_path, self.has_more_path, self.maximum(), self.maximum_pages)
        if not self.stop_after_empty_page and all(end is None for end in ends):
            raise ValueError(
                "nothing says where a chain ends: give total_path, has_more_path, a maximum, or leave "
                "stop_after_empty_page as it is"
            )

    # What the two of them differ in

    def initial(self) -> int:
        """The value of the first page."""
        raise NotImplementedError

    def step(self) -> int:
        """From one page to the next."""
        raise NotImplementedError

    def maximum(self) -> int | None:
        """The greatest value that is asked for."""
        raise NotImplementedError

    def end(self, total: int) -> int:
        """The value that is one too many, where the total is this."""
        raise NotImplementedError

    def check(self, page: Page, total: int | None, has_more: bool | None) -> None:
        """Raises where a page shows that others would be left out."""

    # What they have in common

    def following(self, page: Page) -> Iterable[Request]:
        has_more = page.says(self._has_more)
        if has_more is False:
            return ()
        value = self._value(page)
        total = self._total_of(page)
        self.check(page, total, has_more)
        upcoming = value + self.step()
        if total is not None and upcoming < (end := self.end(total)):
            return self._up_to(page, upcoming, end)
        if self._is_over(page, total, has_more) or self._is_beyond(upcoming):
            return ()
        return [self._watched(page, upcoming)]

    def _value(self, page: Page) -> int:
        value = self._parameter.of(page.request)
        if value is MISSING or value is None:
            return self.initial()
        number = _whole(value)
        if number is None:
            raise page.error(f"its request has {value!r} for {self._parameter}, which is no whole number")
        return number

    def _total_of(self, page: Page) -> int | None:
        value = MISSING if self._total is None else self._total.find(page.document())
        if isinstance(value, Mapping) and "value" in value:
            # As Elasticsearch tells it, where "gte" means that it has stopped counting.
            value = value["value"] if value.get("relation", "eq") == "eq" else None
        if value is MISSING or value is None:
            return None
        total = _whole(value)
        if total is None or total < 0:
            raise page.error(f"the total at {self._total} is no whole number, but {value!r}")
        return total

    def _is_over(self, page: Page, total: int | None, has_more: bool | None) -> bool:
        """Whether a page is the last one, of what is asked for one after another."""
        if has_more:
            # Beyond a total there may be more that has come since, but not for ever.
            return total is not None and self._items.count(page) == 0
        if total is not None:
            return True
        if not self.stop_after_empty_page:
            return False
        is_bounded = self.maximum() is not None or self.maximum_pages is not None
        if is_bounded and self._items.look(page) is None:
            return False
        return self._items.count(page) == 0

    def _is_beyond(self, value: int) -> bool:
        maximum = self.maximum()
        return maximum is not None and value > maximum

    def _up_to(self, page: Page, upcoming: int, end: int) -> Iterable[Request]:
        """The requests for all pages before a value, or for the next one of them."""
        maximum = self.maximum()
        if maximum is not None:
            end = min(end, maximum + 1)
        values = range(upcoming, end, self.step())
        if self.maximum_pages is not None:
            values = values[: self.maximum_pages - page.place.page]
        if not self.parallel:
            values = values[:1]
        if len(values) < 2:
            return [self._asking(page, value, page.place.following()) for value in values]
        self._asking(page, upcoming, page.place.following())
        return self._at_once(page, values)

    def _at_once(self, page: Page, values: range) -> Iterator[Request]:
        """They are made when they are taken: there may be a great many."""
        last = page.place.page + len(values)
        for number, value in enumerate(values, page.place.page + 1):
            yield self._asking(page, value, Place(number, last))

    def _asking(self, page: Page, value: int, place: Place) -> PageRequest:
        made: PageRequest = as_page_request(page.request)
        self._parameter.put(made, value)
        made.url = place.marked(made.url)
        made._patata_memory = Memory()
        return made

    def _watched(self, page: Page, upcoming: int) -> Request:
        """The request for the next page of a chain of which nobody knows how long it is."""
        made = self._asking(page, upcoming, page.place.following())
        before = Memory.of(page.request)
        items = self._items.look(page)
        empty = before.empty + 1 if items == [] else 0
        made._patata_memory = Memory(empty=empty, items=hash(repr(items)))
        if items and not self.allow_repeats and before.items == made._patata_memory.items:
            reason = (
                f"it has the same items as the page before it: does the server know {self._parameter}? If "
                "such pages are all right, allow_repeats=True goes on"
            )
            raise page.error(reason, RepeatedPageError)
        if empty >= MOST_EMPTY:
            raise page.error(f"{empty:,} pages on end had no items, and it still says that there is more")
        return made


@dataclass(frozen=True)
class Offset(Ranges):
    """By the offset of its first item: :func:`patata.pages.offset`."""

    limit: int
    offset: int = 0
    offset_param: str | None = None
    limit_param: str | Literal[False] | None = None
    maximum_offset: int | None = None
    _: KW_ONLY
    offset_body_path: Path | None = None
    limit_body_path: Path | None = None
    allow_short_pages: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        check_count("limit", self.limit)
        _check_start("offset", self.offset)
        if self.maximum_offset is not None:
            _check_start("maximum_offset", self.maximum_offset)
        names = ("offset_param", "offset_body_path")
        name = _or("offset", self.offset_param, self.offset_body_path)
        object.__setattr__(self, "_parameter", Parameter(names, name, self.offset_body_path))
        limit = None
        if self.limit_param is not False:
            name = _or("limit", self.limit_param, self.limit_body_path)
            limit = Parameter(("limit_param", "limit_body_path"), name, self.limit_body_path)
        object.__setattr__(self, "_limit", limit)

    def first(self, item: Any) -> Any:
        """The request with the limit, which the first page needs as all others do."""
        given = ((self._limit, self.limit), (self._parameter, self.offset if self.offset else None))
        return _begun(item, given)

    def initial(self) -> int:
        return self.offset

    def step(self) -> int:
        return self.limit

    def maximum(self) -> int | None:
        return self.maximum_offset

    def end(self, total: int) -> int:
        return total

    def check(self, page: Page, total: int | None, has_more: bool | None) -> None:
        given = MISSING if self._limit is None else self._limit.of(page.request)
        if given is not MISSING and _whole(given) != self.limit:
            raise page.error(f"its request has {given!r} for {self._limit}, and limit is {self.limit}")
        if page.place.page > 1 or self.allow_short_pages or not (has_more or total):
            return
        count = len(self._items.look(page) or ())
        is_short = 0 < count < self.limit
        if is_short and (has_more or self._value(page) + count < (total or 0)):
            raise page.error(
                f"it has {count} items of the {self.limit} that were asked for, and says that there are "
                f"more: if that is as many as the server gives, limit={count} leaves none out; if pages may "
                "be shorter, allow_short_pages=True goes on"
            )


@dataclass(frozen=True)
class PageNumber(Ranges):
    """By its own number: :func:`patata.pages.page_number`."""

    base_page: int = 0
    page: int | None = None
    page_param: str | None = None
    maximum_page: int | None = None
    _: KW_ONLY
    page_body_path: Path | None = None
    limit: int | None = None
    limit_param: str | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        _check_start("base_page", self.base_page)
        for option, value in (("page", self.page), ("maximum_page", self.maximum_page)):
            if value is not None:
                _check_start(option, value)
        check_count("limit", self.limit)
        if self.limit_param is not None and self.limit is None:
            raise ValueError("limit_param needs limit, which says how many items a page has")
        name = _or("page", self.page_param, self.page_body_path)
        names = ("page_param", "page_body_path")
        object.__setattr__(self, "_parameter", Parameter(names, name, self.page_body_path))
        limit = None if self.limit_param is None else Parameter(("limit_param", ""), self.limit_param, None)
        object.__setattr__(self, "_limit", limit)

    def first(self, item: Any) -> Any:
        """The request with what it does not say of the page and of its size."""
        return _begun(item, ((self._limit, self.limit), (self._parameter, self.page)))

    def initial(self) -> int:
        return self.base_page if self.page is None else self.page

    def step(self) -> int:
        return 1

    def maximum(self) -> int | None:
        return self.maximum_page

    def end(self, total: int) -> int:
        return self.base_page + (total if self.limit is None else -(-total // self.limit))


def _or(default: str, name: str | None, body_path: Path | None) -> str | None:
    """The name of a query parameter: the usual one where nothing is said."""
    return default if name is None and body_path is None else name


def _begun(item: Any, given: Iterable[tuple[Parameter | None, int | None]]) -> Any:
    """An item of the input as a request that has these values, unless it has others."""
    if isinstance(item, tuple) and 2 <= len(item) <= 3 and isinstance(item[1], str):
        item = Request(*item)
    if not isinstance(item, Request):
        return item
    lacking = [
        (parameter, value)
        for parameter, value in given
        if parameter is not None and value is not None and parameter.of(item) is MISSING
    ]
    made = as_page_request(item) if lacking else item
    for parameter, value in lacking:
        parameter.put(made, value)
    return made


def _whole(value: object) -> int | None:
    """A whole number, however JSON or a URL has it."""
    if isinstance(value, bool):
        return None
    if isinstance(value, str):
        text = value.strip()
        return int(text) if text.isascii() and text.removeprefix("-").isdigit() and len(text) < 20 else None
    if isinstance(value, float):
        return int(value) if value.is_integer() else None
    return value if isinstance(value, int) else None


def _check_start(name: str, value: object) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise ValueError(f"{name} must be a whole number, 0 or above, got {value!r}")
