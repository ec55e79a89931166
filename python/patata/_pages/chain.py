"""What all ways of paging have in common: a page, what its chain remembers, and what ends a chain."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import KW_ONLY, dataclass
from typing import Any, NamedTuple

from patata._pages.beginning import Beginning
from patata._pages.parameters import duplicate
from patata._pages.path import MISSING, JsonPath, Path
from patata._pages.place import Place, bare
from patata.exceptions import PageError, RepeatedPageError
from patata.models import Request, Response

WORDS = {"true": True, "false": False, "1": True, "0": False}
"""How a yes or no may be written."""


class PageRequest(Request):
    """The request for a page that another one led to."""

    _patata_memory: Memory


class Memory(NamedTuple):
    """What a request remembers of its chain. It is a help, not a need: one that comes from a run folder has
    none of it.
    """

    asked: dict[int, int] | None = None
    """The requests of the chain so far, by their hashes: which page each was for. The whole chain has one."""
    empty: int = 0
    """How many pages before it had no items, without a break."""
    items: int | None = None
    """The hash of what was on the page before it."""

    @classmethod
    def of(cls, request: Request) -> Memory:
        """What a request remembers."""
        memory = getattr(request, "_patata_memory", None)
        return memory if isinstance(memory, cls) else cls()


class Page:
    """One page: a response, and its place in its chain."""

    __slots__ = ("place", "request", "response")

    def __init__(self, response: Response) -> None:
        request = response.request
        if request is None:
            raise ValueError("a response without a request is no page: it was made by hand, or pickled")
        self.response = response
        self.request = request
        self.place = Place.of(request.url)

    def document(self) -> Any:
        """Its JSON; ``None`` where it is said to have no content."""
        response = self.response
        data = response.data
        # What is no JSON has `{}` too.
        if data == {} and response.content.strip() != b"{}":
            if response.path is not None:
                raise self.error("its body was saved to a file (stream_to), where no next page is looked for")
            if response.status_code in (204, 205):
                return None
            try:
                data = response.json()
            except ValueError as error:
                raise self.error(f"it is no JSON: {error}") from error
        return data

    def says(self, path: JsonPath | None) -> bool | None:
        """The yes or no that it has at a path. ``None`` where it has none."""
        value = MISSING if path is None else path.find(self.document())
        if value is MISSING or value is None:
            return None
        answer = WORDS.get(str(value).lower())
        if answer is None:
            raise self.error(f"{path} is neither true nor false, but {value!r}")
        return answer

    def error(self, reason: str, kind: type[PageError] = PageError) -> PageError:
        """What ends the chain at this page."""
        message = f"the chain of pages of request {self.request.id_!r} ends at {self.place}: {reason}"
        return kind(message, self.place.page, self.response.url)


@dataclass(frozen=True)
class Pages(Beginning):
    """A way of paging: a function from the response of a page to the requests for those after it.

    It keeps nothing between two pages, so that one serves any number of chains, calls and threads.
    """

    _: KW_ONLY
    allow_repeats: bool = False
    maximum_pages: int | None = None

    def __post_init__(self) -> None:
        check_count("maximum_pages", self.maximum_pages)

    def __call__(self, response: Response) -> Iterable[Request]:
        """The requests that follow a page: none after the last one.

        Raises
        ------
        PageError
            Where the chain cannot go on, though it is not at its end.
        """
        page = Page(response)
        if response.error is not None:
            raise page.error(f"the page failed: {response.error}") from response.error
        if not response.ok:
            raise page.error(f"the page failed: status {response.status_code} for {response.url}")
        if not page.place.is_end:
            return ()
        if self.maximum_pages is not None and page.place.page >= self.maximum_pages:
            return ()
        try:
            return self.following(page)
        except PageError:
            raise
        except Exception as error:
            raise page.error(f"the next page cannot be asked for: {describe(error)}") from error

    def following(self, page: Page) -> Iterable[Request]:
        """The requests that follow a page which came."""
        raise NotImplementedError

    def successor(self, page: Page) -> PageRequest:
        """A request for the next page, which is as that for this page still."""
        made: PageRequest = as_page_request(page.request)
        made.url = page.place.following().marked(page.request.url)
        return made

    def only_once(self, page: Page, made: PageRequest) -> list[Request]:
        """The next request, if it was not in the chain before."""
        number, identity = page.place.page, _identity(made)
        asked = Memory.of(page.request).asked
        if asked is None:
            asked = {_identity(page.request): number}
        if asked.setdefault(identity, number + 1) <= number and not self.allow_repeats:
            reason = (
                f"it leads to a page that was asked for before, {made!r}; if the server gives another page "
                "for the same request each time, allow_repeats=True goes on"
            )
            raise page.error(reason, RepeatedPageError)
        made._patata_memory = Memory(asked)
        return [made]


def as_page_request(request: Request) -> Any:
    """A copy that can remember something. One of a user's class stays of that class."""
    if hasattr(request, "__dict__"):
        return duplicate(request)
    given = request.dict()
    return PageRequest(given.pop("id_"), given.pop("url"), given.pop("data"), **given)


def _identity(request: Request) -> int:
    """The hash of what is sent. Fragments are not."""
    sent = (bare(request.url), request.params, request.data, request.json, request.content)
    return hash(repr(sent))


def describe(error: Exception) -> str:
    """An error in a line. What Python makes of a missing key does not say what it is."""
    return f"{type(error).__name__}: {error}" if isinstance(error, LookupError) else str(error)


def check_count(name: str, value: object) -> None:
    """Refuses what is no count, or ``None``."""
    if value is not None and (isinstance(value, bool) or not isinstance(value, int) or value < 1):
        raise ValueError(f"{name} must be a whole number above 0, got {value!r}")


def parsed(name: str, path: Path | None) -> JsonPath | None:
    """A path, where there is one."""
    return None if path is None else JsonPath(name, path)
