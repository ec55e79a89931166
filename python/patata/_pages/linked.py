"""Pages that say the URL of the next one: in their JSON, or in the header ``Link``."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import KW_ONLY, dataclass, field
from typing import Any

from patata._pages.chain import Page, Pages, parsed
from patata._pages.links import links
from patata._pages.origins import Origins
from patata._pages.path import MISSING, JsonPath, Path
from patata.exceptions import OtherOriginError
from patata.models import Request


@dataclass(frozen=True)
class Linked(Pages):
    """Any of them: a page has a link, or is the last one."""

    _: KW_ONLY
    allowed_origins: bool | Iterable[str] = ()
    _origins: Origins = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "_origins", Origins(self.allowed_origins))

    def following(self, page: Page) -> Iterable[Request]:
        link = self.link(page)
        return () if link is None else self.linked(page, link)

    def link(self, page: Page) -> str | None:
        """The link that a page has to the next one."""
        raise NotImplementedError

    def linked(self, page: Page, link: str) -> list[Request]:
        """The request for the page that a link leads to. The link has all parameters itself."""
        try:
            url = self._origins.resolved(link, page.response.url, page.request.url)
        except PermissionError as error:
            raise page.error(f"the next page is {link!r}: {error}", OtherOriginError) from None
        made = self.successor(page)
        made.url = page.place.following().marked(url)
        made.params = None
        return self.only_once(page, made)


@dataclass(frozen=True)
class JsonLink(Linked):
    """A URL in the JSON: :func:`patata.pages.json_link`, and by other names HAL, JSON:API and OData."""

    next_url_path: Path = "next"
    _: KW_ONLY
    has_more_path: Path | None = None
    _next: JsonPath = field(init=False, repr=False, compare=False)
    _has_more: JsonPath | None = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "_next", JsonPath("next_url_path", self.next_url_path))
        object.__setattr__(self, "_has_more", parsed("has_more_path", self.has_more_path))

    def link(self, page: Page) -> str | None:
        has_more = page.says(self._has_more)
        if has_more is False:
            return None
        link = link_of(page, self._next)
        if link is None and has_more:
            raise page.error(f"it says that there is more, and has no link at {self._next}")
        return link


@dataclass(frozen=True)
class HeaderLink(Linked):
    """A link in the header: :func:`patata.pages.header_link`."""

    links_next_key: str = "next"

    def link(self, page: Page) -> str | None:
        found = links(page.response.headers.get_list("link"))
        # An empty target is the page itself, which follows on nothing.
        return next((link.target for link in found if link.is_of(self.links_next_key) and link.target), None)


def link_of(page: Page, path: JsonPath) -> str | None:
    """The link that the JSON of a page has at a path: a text, or an object with a ``href`` or a ``url``."""
    value: Any = path.find(page.document())
    if isinstance(value, dict):
        value = next((value[name] for name in ("href", "url") if name in value), None)
    if value is MISSING or value is None or value == "" or value is False:
        return None
    if not isinstance(value, str):
        raise page.error(f"{path} is no link, but {value!r}")
    return value
