"""Replicas of how five services give their lists in pages, and of what goes wrong with pages.

GitHub's, Stripe's, Shopify's, Elasticsearch's and OData's, as their documentation describes them, with what
they refuse.
"""

import base64
import json

from fastapi import FastAPI, Request, Response
from fastapi.responses import HTMLResponse, JSONResponse

app = FastAPI()

SIZE = 23
"""How many there are of everything."""


def refused(status, message):
    return JSONResponse({"message": message}, status)


# GitHub: numbered pages, with links to four of them in the header.


@app.get("/github/repos/{owner}/issues")
async def issues(owner: str, request: Request, page: int = 1, per_page: int = 30):
    if per_page > 100:
        per_page = 100
    last = -(-SIZE // per_page)
    body = [{"number": n, "owner": owner} for n in range(SIZE)[(page - 1) * per_page : page * per_page]]
    relations = {"prev": page - 1, "next": page + 1, "last": last, "first": 1}
    links = [
        f'<{request.url.include_query_params(page=number)}>; rel="{relation}"'
        for relation, number in relations.items()
        if 1 <= number <= last and not (relation in ("last", "next") and page >= last)
    ]
    return JSONResponse(body, headers={"Link": ", ".join(links)} if links else None)


# Stripe: the id of the last item, and whether there is more.


@app.get("/stripe/v1/charges")
async def charges(request: Request, limit: int = 10, starting_after: str | None = None):
    if request.headers.get("authorization") != "Bearer sk_test":
        return refused(401, "no key")
    if not 1 <= limit <= 100:
        return refused(400, "limit")
    ids = [f"ch_{number:03}" for number in range(SIZE)]
    if starting_after is not None and starting_after not in ids:
        return refused(400, f"No such charge: {starting_after}")
    start = 0 if starting_after is None else ids.index(starting_after) + 1
    data = [{"id": id_, "object": "charge"} for id_ in ids[start : start + limit]]
    has_more = start + limit < SIZE
    return {"object": "list", "url": "/v1/charges", "has_more": has_more, "data": data}


# Shopify: links whose `page_info` may stand beside `limit` and `fields` only.


@app.get("/shopify/products.json")
async def products(request: Request, limit: int = 50, page_info: str | None = None):
    if page_info is not None and set(request.query_params) - {"limit", "fields", "page_info"}:
        return refused(400, "page_info cannot be used with other parameters")
    start = 0 if page_info is None else json.loads(base64.urlsafe_b64decode(page_info))["start"]
    links = []
    for relation, at in (("previous", start - limit), ("next", start + limit)):
        if 0 <= at < SIZE:
            token = base64.urlsafe_b64encode(json.dumps({"start": at}).encode()).decode()
            url = request.url.replace(query="").include_query_params(limit=limit, page_info=token)
            links.append(f'<{url}>; rel="{relation}"')
    products = [{"id": number} for number in range(SIZE)[start : start + limit]]
    return JSONResponse({"products": products}, headers={"Link": ", ".join(links)} if links else None)


# Elasticsearch: the sort values of the last hit, an offset, or a scroll that the server keeps.

SCROLLS: dict[str, int] = {}


@app.post("/elastic/_search")
async def search(request: Request, scroll: str | None = None):
    body = await request.json()
    size, after, start = body.get("size", 10), body.get("search_after"), body.get("from", 0)
    if after is not None:
        if start or not body.get("sort"):
            return refused(400, "[from] parameter must be 0 and sort be given with search_after")
        start = after[0] + 1
    if start + size > 10_000:
        return refused(400, "Result window is too large")
    answer = hits(start, size, body.get("track_total_hits", True))
    if scroll is not None:
        answer["_scroll_id"] = scroll_id = f"scroll-{len(SCROLLS)}"
        SCROLLS[scroll_id] = size
    return answer


@app.post("/elastic/_search/scroll")
async def scroll(request: Request):
    scroll_id = (await request.json())["scroll_id"]
    start = SCROLLS[scroll_id]
    SCROLLS[scroll_id] += 5
    return {"_scroll_id": scroll_id, **hits(start, 5, True)}


def hits(start, size, exact):
    found = [{"_id": str(n), "sort": [n, f"id-{n}"]} for n in range(SIZE)[start : start + size]]
    total = {"value": SIZE if exact else 12, "relation": "eq" if exact else "gte"}
    return {"took": 1, "timed_out": False, "hits": {"total": total, "hits": found}}


# OData: a link with `$skiptoken`, and `$top` and `$skip` with a count.


@app.get("/odata/People")
async def people(request: Request):
    query = dict(request.query_params)
    start = int(query.get("$skiptoken", query.get("$skip", 0)))
    top = int(query.get("$top", SIZE))
    size = min(top, 5)
    end = min(start + size, SIZE)
    body = {"@odata.context": "$metadata#People", "value": [{"ID": number} for number in range(start, end)]}
    if query.get("$count") == "true":
        body["@odata.count"] = SIZE
    if "$top" not in query and end < SIZE:
        link = request.url.include_query_params(**{"$skiptoken": end})
        body["@odata.nextLink"] = f"People?{link.query}" if "relative" in query else str(link)
    return body


# Others: pages with a number, HAL, JSON:API, a cursor in a header.


@app.get("/numbered")
async def numbered(page: int = 1, limit: int = 5, counts: str = "pages", first: int = 1):
    start = (page - first) * limit
    items = list(range(SIZE))[start : start + limit]
    counted = {"pages": {"pages": -(-SIZE // limit)}, "items": {"total": str(SIZE)}, "none": {}}[counts]
    return {"results": items, **counted}


@app.get("/hal")
async def hal(page: int = 0):
    next_ = {"next": {"href": f"hal?page={page + 1}"}} if page < 4 else {}
    orders = list(range(SIZE))[page * 5 : page * 5 + 5]
    return {"_links": {"self": {"href": f"/hal?page={page}"}, **next_}, "_embedded": {"orders": orders}}


@app.get("/jsonapi")
async def json_api(page: int = 0):
    link = f"/jsonapi?page={page + 1}"
    links = [link, {"href": link}, link, link, None]
    return {"data": list(range(SIZE))[page * 5 : page * 5 + 5], "links": {"next": links[page]}}


@app.get("/header_cursor")
async def header_cursor(response: Response, after: int = 0):
    if after + 5 < SIZE:
        response.headers["X-Next-Cursor"] = str(after + 5)
    return list(range(SIZE))[after : after + 5]


@app.get("/tokens")
async def tokens(pageToken: str | None = None):
    start = int(pageToken or 0)
    items = list(range(SIZE))[start : start + 5]
    return {"items": items, "nextPageToken": str(start + 5) if start + 5 < SIZE else ""}


# What goes wrong.


@app.get("/given")
async def given(answers: str, cursor: str | None = None):
    """Answers what the request itself says: what there is for each cursor, and for none of them."""
    return json.loads(answers)[json.dumps(cursor)]


@app.get("/capped")
async def capped(offset: int = 0, limit: int = 10):
    return {"items": list(range(SIZE))[offset : offset + min(limit, 5)], "total": SIZE}


@app.get("/sparse")
async def sparse(offset: int = 0, limit: int = 5, says: str = "more"):
    """Pages of which some are empty, as what is not to be seen was taken out of them."""
    items = [number for number in list(range(SIZE))[offset : offset + limit] if not 5 <= number < 15]
    more = {"has_more": offset + limit < SIZE} if says == "more" else {"total": SIZE}
    return {"items": items, **more}


@app.get("/growing")
async def growing(offset: int = 0, limit: int = 5):
    """There is more once the last page is looked at."""
    total = SIZE if offset < 20 else SIZE + 7
    return {"items": list(range(total))[offset : offset + limit], "total": total}


@app.get("/ignorant")
async def ignorant():
    return [1, 2, 3]


FAILED: dict[str, int] = {}


@app.get("/broken/{name}")
async def broken(name: str, page: int = 1, times: int = 1):
    """The third page is there only after some failures."""
    if page == 3:
        FAILED[name] = FAILED.get(name, 0) + 1
        if FAILED[name] <= times:
            return refused(503, "not now")
    return {"results": list(range(SIZE))[(page - 1) * 5 : page * 5], "pages": 5}


@app.get("/login")
async def login(page: int = 1):
    if page > 1:
        return HTMLResponse("<html>please log in</html>")
    return {"results": [1], "next": "/login?page=2"}
