"""Pages whose way of paging is found out: by the links and cursors that APIs usually have."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from patata._pages.chain import Page
from patata._pages.linked import Linked
from patata._pages.links import links
from patata._pages.parameters import Parameter
from patata._pages.path import MISSING, JsonPath
from patata.models import Request

LINKS: Final = tuple(
    JsonPath("auto", path)
    for path in (
        "next",
        "links.next",
        "_links.next",
        "paging.next",
        "pagination.next",
        "meta.next",
        "meta.links.next",
        "meta.pagination.next",
        "meta.pagination.links.next",
        "page.next",
        "info.next",
        "next_url",
        "nextUrl",
        "next_link",
        "nextLink",
        "next_page_url",
        "nextPageUrl",
        "next_page",
        "nextPage",
        "nextRecordsUrl",
        "data.next_page_url",
        "@odata.nextLink",
        "odata.nextLink",
        "d.__next",
    )
)
"""Where the URL of the next page usually is."""

CURSORS: Final = tuple(
    (JsonPath("auto", path), Parameter(("auto", ""), name, None))
    for path, name in (
        ("nextPageToken", "pageToken"),
        ("next_page_token", "page_token"),
        ("next_cursor", "cursor"),
        ("nextCursor", "cursor"),
        ("meta.next_cursor", "cursor"),
        ("response_metadata.next_cursor", "cursor"),
        ("page_info.next_cursor", "cursor"),
        ("metadata.continue", "continue"),
        ("paging.next.after", "after"),
    )
)
"""Where the cursor of the next page usually is, and the query parameter that it is sent as."""

CLAIMS: Final = tuple(
    JsonPath("auto", path)
    for path in ("has_more", "hasMore", "has_next", "hasNext", "meta.has_more", "paging.has_more")
)
"""Where it usually is said that there is more."""


@dataclass(frozen=True)
class Auto(Linked):
    """Whatever a page shows: :func:`patata.pages.auto`."""

    def following(self, page: Page) -> Iterable[Request]:
        for link in links(page.response.headers.get_list("link")):
            if link.is_of("next") and link.target:
                return self.linked(page, link.target)
        document = _document(page)
        for path in LINKS:
            found = path.find(document)
            is_link = isinstance(found, dict)
            if isinstance(found, dict):
                found = found.get("href", found.get("url"))
            if isinstance(found, str) and (is_link or found.startswith(("http://", "https://", "/", "?"))):
                return self.linked(page, found)
        for path, parameter in CURSORS:
            cursor = path.find(document)
            if isinstance(cursor, str | int) and not isinstance(cursor, bool) and cursor != "":
                made = self.successor(page)
                parameter.put(made, cursor)
                return self.only_once(page, made)
        return self._last(page, document)

    def _last(self, page: Page, document: object) -> Iterable[Request]:
        """Nothing, unless the page says that there is more."""
        for claim in (*CLAIMS, *LINKS):
            found = claim.find(document)
            if found is True or (found and isinstance(found, str | int)):
                raise page.error(
                    f"it says that there is more ({claim}), and auto() does not see how to ask for it: "
                    "cursor(), offset() and page_number() can be told"
                )
        return ()


def _document(page: Page) -> object:
    """Its JSON. A page that is none may be one of a single document, whose links are all in the header."""
    return page.document() if page.response.content else MISSING
