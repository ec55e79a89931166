"""Ways of paging: what to give as ``follow`` where an API answers in pages.

>>> from patata import Patata, pages
>>> from patata.testing import Server
>>> with Server() as server, Patata(verbose=False) as client:
...     follow = pages.page_number(base_page=1, maximum_page=3)
...     response = client.get(server.url + "/?page=2")
...     [request.url.removeprefix(server.url) for request in follow(response)]
['/?page=3#patata-page=2']

Each function gives a small object that is called with the response of a page, and gives the requests for
those after it. Such an object keeps nothing between two pages: one may serve any number of chains, calls and
threads. What it has to know is in the request itself, the place in the chain as the fragment of the URL,
which is not sent, so that a run that was killed goes on where it was.

A request for another page is as that for the page before it, but for what says the page: the same ``id_``,
headers and body. The parameters of a link are those that it has itself; those of ``params`` of the call come
besides, so that what belongs to the first page alone is better said in its URL, or in ``params`` of the
request.

A chain of which something is left out never ends quietly. It ends with a :class:`patata.exceptions.PageError`
that says at which page: where a page has failed, is no JSON, leads to one that was asked for before
(``RepeatedPageError``) or to another origin (``OtherOriginError``), or says that there is more and not how to
ask for it. An empty page is no end where ``has_more`` or the total says that there is more.

Paths such as ``data.results``, ``data[-1].id`` and ``@odata.nextLink`` say where something is in the JSON of
a page; a function from the JSON to what is there does too.
"""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator, Iterable, Iterator
from typing import TYPE_CHECKING, Any, Literal, overload

from patata._pages.chain import Pages
from patata._pages.cursors import Cursor, HeaderCursor
from patata._pages.detected import Auto
from patata._pages.linked import HeaderLink, JsonLink
from patata._pages.path import Path
from patata._pages.ranges import Offset, PageNumber

if TYPE_CHECKING:
    from patata.models import Response

__all__ = [
    "Pages",
    "Path",
    "auto",
    "cursor",
    "hal",
    "header_cursor",
    "header_link",
    "items",
    "json_api",
    "json_link",
    "odata",
    "offset",
    "page_number",
]


def json_link(
    next_url_path: Path = "next",
    *,
    has_more_path: Path | None = None,
    allowed_origins: bool | Iterable[str] = (),
    allow_repeats: bool = False,
    maximum_pages: int | None = None,
) -> Pages:
    """The JSON of a page has the URL of the next one: ``{"next": "https://…/?page=2"}``.

    A page that has none, or ``null`` or ``""`` there, is the last one.

    Parameters
    ----------
    next_url_path
        Where the URL is. It may be relative to that of the page, or an object that has it as ``href`` or
        ``url``.
    has_more_path
        Where a page says whether there is another one. One that says yes and has no link is an error.
        Default: nowhere.
    allowed_origins
        Origins, ``"https://other.example"``, that links may lead to beside that of the request; ``True`` for
        all. They get what the request has: headers, ``auth``. Default: none.
    allow_repeats
        Whether a link may lead to what was asked for before in the same chain.
    maximum_pages
        The most pages of a chain, the first included. Default: all.

    Raises
    ------
    ValueError
        For a path or an origin that is none.

    Examples
    --------
    >>> json_link("links.next").has_more_path is None
    True
    """
    return JsonLink(
        next_url_path,
        has_more_path=has_more_path,
        allowed_origins=allowed_origins,
        allow_repeats=allow_repeats,
        maximum_pages=maximum_pages,
    )


def header_link(
    links_next_key: str = "next",
    *,
    allowed_origins: bool | Iterable[str] = (),
    allow_repeats: bool = False,
    maximum_pages: int | None = None,
) -> Pages:
    """The header ``Link`` of a page has the URL of the next one, as GitHub's and Shopify's has (RFC 8288).

    Parameters
    ----------
    links_next_key
        The relation of the link.
    allowed_origins, allow_repeats, maximum_pages
        As for :func:`json_link`.
    """
    return HeaderLink(
        links_next_key,
        allowed_origins=allowed_origins,
        allow_repeats=allow_repeats,
        maximum_pages=maximum_pages,
    )


def hal(**options: Any) -> Pages:
    """The pages of HAL: ``{"_links": {"next": {"href": "/orders?page=2"}}}``.

    Parameters
    ----------
    options
        Those of :func:`json_link`.
    """
    return json_link("_links.next", **options)


def json_api(**options: Any) -> Pages:
    """The pages of JSON:API: ``{"links": {"next": "…"}}``, or an object with its ``href``.

    Parameters
    ----------
    options
        Those of :func:`json_link`.
    """
    return json_link("links.next", **options)


def odata(**options: Any) -> Pages:
    """The pages of OData: ``{"@odata.nextLink": "…"}``, and in its older versions ``odata.nextLink`` and
    ``d.__next``.

    Parameters
    ----------
    options
        Those of :func:`json_link`.
    """
    return json_link(_odata_link, **options)


def _odata_link(document: Any) -> Any:
    if not isinstance(document, dict):
        return None
    inner = document.get("d")
    older = inner.get("__next") if isinstance(inner, dict) else None
    return document.get("@odata.nextLink") or document.get("odata.nextLink") or older


def cursor(
    cursor_path: Path = "cursors.next",
    cursor_param: str | None = None,
    cursor_body_path: Path | None = None,
    has_more_path: Path | None = None,
    *,
    empty_cursor: bool = False,
    stop_after_empty_page: bool = False,
    items: Path | None = None,
    allow_repeats: bool = False,
    maximum_pages: int | None = None,
) -> Pages:
    """The JSON of a page has a value by which the next one is asked for: ``{"cursors": {"next": "b2Zm"}}``.

    A page that has none, or ``null``, is the last one; whether it has items does not matter.

    Parameters
    ----------
    cursor_path
        Where it is: ``"data[-1].id"`` for Stripe, ``"hits.hits[-1].sort"`` for Elasticsearch's
        ``search_after``.
    cursor_param
        The query parameter that it is sent as. Default: ``cursor``, unless there is a ``cursor_body_path``.
    cursor_body_path
        Where it is sent in the JSON body. Default: not there.
    has_more_path
        Where a page says whether there is another one; one that says no is the last one, whatever cursor it
        has. One that says yes and has no cursor is an error. Default: nowhere.
    empty_cursor
        Whether ``""`` is a cursor as any other. Without, it is one only where ``has_more_path`` says that
        there is more: most APIs mean the end by it.
    stop_after_empty_page
        Whether a page without items is the last one, unless ``has_more_path`` says that there is more.
    items
        Where the items are. Default: where they usually are.
    allow_repeats
        Whether a cursor may be the same as one before, which is right for servers that keep the place
        themselves, as Elasticsearch's ``scroll`` does. Give ``stop_after_empty_page`` too there.
    maximum_pages
        As for :func:`json_link`.

    Raises
    ------
    ValueError
        For a path that is none, and where both or neither of ``cursor_param`` and ``cursor_body_path`` say
        where it is sent.
    """
    return Cursor(
        cursor_path,
        cursor_param,
        cursor_body_path=cursor_body_path,
        has_more_path=has_more_path,
        empty_cursor=empty_cursor,
        stop_after_empty_page=stop_after_empty_page,
        items=items,
        allow_repeats=allow_repeats,
        maximum_pages=maximum_pages,
    )


def header_cursor(
    cursor_key: str = "next",
    cursor_param: str | None = None,
    cursor_body_path: Path | None = None,
    *,
    has_more_path: Path | None = None,
    empty_cursor: bool = False,
    allow_repeats: bool = False,
    maximum_pages: int | None = None,
) -> Pages:
    """A header of a page has a value by which the next one is asked for.

    Parameters
    ----------
    cursor_key
        The name of the header.
    cursor_param, cursor_body_path, has_more_path, empty_cursor, allow_repeats, maximum_pages
        As for :func:`cursor`.
    """
    return HeaderCursor(
        cursor_key,
        cursor_param,
        cursor_body_path=cursor_body_path,
        has_more_path=has_more_path,
        empty_cursor=empty_cursor,
        allow_repeats=allow_repeats,
        maximum_pages=maximum_pages,
    )


def offset(
    limit: int,
    offset: int = 0,
    offset_param: str | None = None,
    limit_param: str | Literal[False] | None = None,
    total_path: Path | None = "total",
    maximum_offset: int | None = None,
    *,
    offset_body_path: Path | None = None,
    limit_body_path: Path | None = None,
    has_more_path: Path | None = None,
    stop_after_empty_page: bool = True,
    items: Path | None = None,
    parallel: bool = True,
    allow_short_pages: bool = False,
    allow_repeats: bool = False,
    maximum_pages: int | None = None,
) -> Pages:
    """A page is asked for by how many items are before it: ``?offset=200&limit=100``.

    Where a page says how many items there are, all others are asked for at once after the first one, and
    come in any order (``ordered=True`` of the call puts them in order). Otherwise the next one is asked for
    until a page says that there is no more, or has no items.

    Parameters
    ----------
    limit
        How many items are asked for in a page. A first page that has fewer and says that there are more is an
        error: the server gives no more than that, and items would be left out.
    offset
        That of the first page.
    offset_param, limit_param
        The query parameters. Default: ``offset`` and ``limit``, unless they are in the body. ``False`` sends
        no limit, for servers that have one of their own.
    total_path
        Where a page says how many items there are. One that does not is no error. ``None``: nowhere.
    maximum_offset
        The greatest offset that is asked for. Default: as far as there are pages.
    offset_body_path, limit_body_path
        Where they are sent in the JSON body. Default: not there.
    has_more_path
        Where a page says whether there is another one. Default: nowhere.
    stop_after_empty_page
        Whether a page without items is the last one where nothing says whether there is more.
    items
        Where the items are. Default: where they usually are.
    parallel
        Whether pages are asked for at once where their number is known.
    allow_short_pages
        Whether the first page may have fewer items than ``limit`` and others follow.
    allow_repeats
        Whether a page may have the same items as the one before it, in a chain whose length is not known.
        Without, it is an error: the server does not know the parameter, and gives the first page for ever.
    maximum_pages
        As for :func:`json_link`.

    Raises
    ------
    ValueError
        For what is no number or no path, and where nothing would end a chain.
    """
    return Offset(
        limit,
        offset,
        offset_param,
        limit_param,
        maximum_offset,
        total_path=total_path,
        offset_body_path=offset_body_path,
        limit_body_path=limit_body_path,
        has_more_path=has_more_path,
        stop_after_empty_page=stop_after_empty_page,
        items=items,
        parallel=parallel,
        allow_short_pages=allow_short_pages,
        allow_repeats=allow_repeats,
        maximum_pages=maximum_pages,
    )


def page_number(
    base_page: int = 0,
    page: int | None = None,
    page_param: str | None = None,
    total_path: Path | None = None,
    maximum_page: int | None = None,
    *,
    page_body_path: Path | None = None,
    limit: int | None = None,
    limit_param: str | None = None,
    has_more_path: Path | None = None,
    stop_after_empty_page: bool = True,
    items: Path | None = None,
    parallel: bool = True,
    allow_repeats: bool = False,
    maximum_pages: int | None = None,
) -> Pages:
    """A page is asked for by its number: ``?page=3``.

    Where a page says how many there are, all others are asked for at once after the first one, as with
    :func:`offset`.

    Parameters
    ----------
    base_page
        The number that the server has for its first page: 0 or 1.
    page
        The number of the first page that is asked for. Default: ``base_page``.
    page_param
        The query parameter. Default: ``page``, unless it is in the body.
    total_path
        Where a page says how many pages there are, or with ``limit`` how many items. Default: nowhere.
    maximum_page
        The greatest number that is asked for. Default: as far as there are pages.
    page_body_path
        Where the number is sent in the JSON body. Default: not there.
    limit
        How many items a page has. Default: as the server says.
    limit_param
        The query parameter that ``limit`` is sent as. Default: it is not sent.
    has_more_path, stop_after_empty_page, items, parallel, allow_repeats, maximum_pages
        As for :func:`offset`.

    Raises
    ------
    ValueError
        For what is no number or no path, and where nothing would end a chain.
    """
    return PageNumber(
        base_page,
        page,
        page_param,
        maximum_page,
        total_path=total_path,
        page_body_path=page_body_path,
        limit=limit,
        limit_param=limit_param,
        has_more_path=has_more_path,
        stop_after_empty_page=stop_after_empty_page,
        items=items,
        parallel=parallel,
        allow_repeats=allow_repeats,
        maximum_pages=maximum_pages,
    )


def auto(
    *,
    allowed_origins: bool | Iterable[str] = (),
    allow_repeats: bool = False,
    maximum_pages: int | None = None,
) -> Pages:
    """Finds out by each page how the next one is asked for: the header ``Link``, then the links and the
    cursors that APIs usually have in their JSON.

    A page that has none of them is the last one; one that says that there is more is an error then.

    Parameters
    ----------
    allowed_origins, allow_repeats, maximum_pages
        As for :func:`json_link`.
    """
    return Auto(allowed_origins=allowed_origins, allow_repeats=allow_repeats, maximum_pages=maximum_pages)


@overload
def items(responses: Iterable[Response], path: Path | None = None, schema: None = None) -> Iterator[Any]: ...


@overload
def items(
    responses: AsyncIterable[Response], path: Path | None = None, schema: Any = None
) -> AsyncIterator[Any]: ...


@overload
def items(responses: Iterable[Response], path: Path | None = None, schema: Any = ...) -> Any: ...


def items(responses: Any, path: Path | None = None, schema: Any = None) -> Any:
    """The items of pages, one by one, in place of the responses.

    What fails does not keep the items of other pages back: it is told of after all of them.

    Parameters
    ----------
    responses
        Those of a call, or of an asynchronous one, whose items are taken with ``async for`` then.
    path
        Where a page has its items: ``"data.results"``. Default: the JSON itself, if it is a list, else where
        APIs usually have them.
    schema
        The columns of the items, ``{"name": "string", "at": "timestamp[ms, UTC]"}``, or an Arrow schema. The
        items come as batches of 8,192 then, as a ``pyarrow.RecordBatchReader``, which every library of tables
        takes, and from an asynchronous call as the batches themselves. Default: they come as the objects of
        Python that they are.

    Raises
    ------
    PagesFailedError
        In the end, if there were pages without items to be found: those that have failed, too. For items that
        do not fit the schema, at once.

    Examples
    --------
    >>> from patata import Patata
    >>> from patata.testing import Server
    >>> with Server() as server, Patata(verbose=False) as client:
    ...     responses = client.http("post", [(1, server.url + "/echo", {"data": [1, 2]})])
    ...     list(items(responses, lambda echoed: __import__("json").loads(echoed["body"])["data"]))
    [1, 2]
    """
    from patata._pages.unpacked import unpacked, unpacked_async

    is_async = hasattr(responses, "__aiter__")
    found: Any = unpacked_async(responses, path) if is_async else unpacked(responses, path)
    if schema is None:
        return found
    # Most programs have no tables, and do not pay for importing what these need.
    from patata._frames.items import batches, batches_async

    return batches_async(found, schema) if is_async else batches(found, schema)
