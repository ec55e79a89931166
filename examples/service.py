"""A service under FastAPI that uses one ``AsyncPatata`` for all of its requests.

``UPSTREAM=http://localhost:12345 uvicorn service:app`` in this folder starts it, and
``python -m patata.testing`` an upstream for it.
"""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI, HTTPException, Request, Response
from patata import AsyncPatata

UPSTREAM = os.environ.get("UPSTREAM", "http://localhost:12345")

HOP_BY_HOP = {
    "connection",
    "content-encoding",
    "content-length",
    "keep-alive",
    "te",
    "transfer-encoding",
    "upgrade",
}
"""Headers of one connection, and of a body as it was sent on it."""


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    """One client for as long as the service runs: connections stay open, and limits hold for all of it."""
    async with AsyncPatata(
        num_workers=1,
        verbose=False,
        concurrency=200,
        rate_per_host="2000/s",
        retries=3,
        total_timeout=30,
    ) as client:
        app.state.client = client
        yield


app = FastAPI(lifespan=lifespan)


@app.get("/items")
async def items(request: Request, count: int = 10) -> dict[str, Any]:
    """Fans out: many requests for one answer, which says of each item what came of it."""
    client: AsyncPatata = request.app.state.client
    urls = ((number, f"{UPSTREAM}/echo?item={number}") for number in range(count))
    found: dict[int, Any] = {}
    failed: dict[int, str] = {}
    async for response in client.http("get", urls):
        if response.ok:
            found[response.id_] = response.json()["query"]
        else:
            failed[response.id_] = str(response.error or response.status_code)
    return {"found": found, "failed": failed}


@app.get("/pair")
async def pair(request: Request) -> dict[str, Any]:
    """Asks two things one after the other: the second depends on the first."""
    client: AsyncPatata = request.app.state.client
    first = (await client.get(f"{UPSTREAM}/")).raise_for_status().json()
    second = await client.post(f"{UPSTREAM}/echo", json=first)
    return {"first": first, "second": second.raise_for_status().json()["body"]}


@app.api_route("/proxy/{path:path}", methods=["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"])
async def proxy(request: Request, path: str) -> Response:
    """Passes a request on, and its answer back."""
    client: AsyncPatata = request.app.state.client
    headers = {name: value for name, value in request.headers.items() if name not in HOP_BY_HOP | {"host"}}
    answered = await client.request(
        request.method,
        f"{UPSTREAM}/{path}",
        params=list(request.query_params.multi_items()),
        headers=headers,
        content=await request.body() or None,
        follow_redirects=False,
    )
    if answered.error is not None:
        raise HTTPException(504 if isinstance(answered.error, TimeoutError) else 502, str(answered.error))
    response = Response(answered.content, answered.status_code)
    for name, value in answered.headers.items():
        if name.lower() not in HOP_BY_HOP:
            response.headers.append(name, value)
    return response
