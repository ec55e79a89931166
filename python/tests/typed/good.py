"""Calls whose options are of the right types: a static checker finds nothing here."""

from __future__ import annotations

import http
import io
import ipaddress
from collections.abc import AsyncGenerator, Generator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from patata import (
    AsyncPatata,
    AsyncResponses,
    Budget,
    Cache,
    ClientOptions,
    Options,
    Patata,
    Progress,
    Receipt,
    Request,
    RequestOptions,
    Response,
    Responses,
    RunFolder,
    Telemetry,
    pages,
)

if TYPE_CHECKING:
    from typing_extensions import Unpack

URL = "http://localhost/"
JOBS: list[Request | tuple[object, str] | tuple[object, str, object]] = [
    (1, URL),
    (2, URL, {"a": 1}),
    Request("id", URL),
]


def same(response: Response) -> Response:
    return response


async def awaited(response: Response) -> Response:
    return response


def is_not_ready(response: Response) -> bool:
    return response.ok


# What a client names.

Patata()
Patata(2, 1_000, 100, 10, 2, True)
Patata(num_workers=None, queue_max_size=None, input_chunk_size=0, pool_submit_size=5)
Patata(workers=2, verbose=False)
AsyncPatata(1, verbose_level=0)

# Limits.

client = Patata(concurrency="auto", concurrency_per_host=10, rate="100/s", rate_per_host=["10/s", "1000/day"])
client.http("get", JOBS, rate="auto", learn_limits=False)
client.http("get", JOBS, concurrency=5, rate=("10/s", "100/h"), concurrency_per_host=None, rate_per_host=None)
client.http(
    "get", JOBS, budgets={"tokens": ["90k/min", "1G/day"]}, budgets_per_host={"requests": "9/s;burst=3"}
)
client.http(
    "get", JOBS, budgets=None, budgets_per_host=None, cost={"tokens": 5}, settle=lambda _: {"tokens": 2.5}
)
client.http("get", JOBS, cost=lambda request: {"tokens": len(request.url)}, settle=None)

# What is sent.

client.http("get", JOBS, headers={"X-Key": "k", "X-Many": ["a", "b"], "Accept": None, "X-Bytes": b"b"})
client.http("get", JOBS, headers=[("X-Key", "k"), ("X-Key", 2)], params={"page": 2, "tag": ["a", "b"]})
client.http("get", JOBS, headers=None, params=[("page", 2)], auth=("user", "password"))
client.http("get", JOBS, auth="token", cookies={"a": "1"})
client.http("get", JOBS, auth=lambda request: f"Bearer {request.id_}", cookies=True)
client.http("get", JOBS, auth=lambda request: ("X-Api-Key", request.url), cookies=None)
client.http("post", JOBS, json={"a": [1, None]})
client.http("post", JOBS, json=None, form={"name": "potato", "tags": ["a", "b"]})
client.http("post", JOBS, form=[("name", "potato")], files={"file": Path("a"), "other": ("name", b"bytes")})
client.http("post", JOBS, content=b"bytes")
client.http("post", JOBS, content="text")
client.http("post", JOBS, content=Path("a"))
client.http("post", JOBS, content=[b"a", b"b"])
client.http("post", JOBS, content=io.BytesIO())
client.http("get", JOBS, stream_to="downloads/{id}")
client.http("get", JOBS, stream_to=Path("downloads") / "{index}")
client.http("get", JOBS, stream_to=lambda request: Path("downloads") / str(request.id_))
client.http("get", JOBS, run_folder="run")
client.http("get", JOBS, run_folder=Path("run"))
client.http(
    "get", JOBS, run_folder=RunFolder("run", unknown="resend", format="csv", columns=["id", "status"])
)

client.http("get", JOBS, follow=lambda response: [(1, response.url)], max_depth=3, max_requests=1_000)
client.http("get", None, follow=pages.header_link(), max_depth=None, max_requests=None, robots=True)
client.http("get", JOBS, follow=None, robots="examplebot")
Patata(robots=False)
Patata(telemetry=True)
client.http("get", JOBS, telemetry=Telemetry(traces=0.01, propagate=False))
client.http("get", JOBS, cache=True, cache_mode="forever", distinct=True, if_changed=False)
client.http("get", JOBS, cache=Cache("folder", max_size="1GB"), distinct=False, if_changed=True)
client.http("get", JOBS, cache=None, cache_mode="offline")
Patata(cache=Path("folder"))

# What is tried again, and how long all may take.

client.http("get", JOBS, (), 3, 10.5)
client.http("get", JOBS, retries=None, timeout=None, retry_statuses={404, 503}, retry_if=is_not_ready)
client.http("get", JOBS, retry_statuses=[http.HTTPStatus.NOT_FOUND], retry_if=None, retry_budget=None)
client.http("post", JOBS, retry_non_idempotent=True, idempotency_key=False, retry_budget=0.5)
client.http("get", JOBS, backoff=1, max_backoff=2.5, seed=1, host_timeout=0)
client.http("get", JOBS, connect_timeout=None, total_timeout=10, deadline=60.5, host_timeout=None)
client.http("get", JOBS, max_failures=10, ok_statuses=range(200, 300), abort_on=frozenset({401}))
client.http("get", JOBS, max_failures=0.5, ok_statuses=None, abort_on=None)

# What comes back.

client.http("get", JOBS, ordered=True, progress="force", follow_redirects=False, max_redirects=0)
client.http("get", JOBS, progress=True, max_response_size=None, max_decompression_ratio=None)

# Connections.

Patata(http_version="2", verify="ca.pem", cert=("cert.pem", Path("key.pem")), min_tls_version="1.3")
Patata(http_version=None, verify=False, cert=Path("both.pem"), proxy="socks5h://localhost")
Patata(proxy=False, resolve={"a": "127.0.0.1", "b": ["::1"], "c": ipaddress.ip_address("::1")})
client.http("get", JOBS, proxy=None, verify=Path("ca.pem"), unix_socket=Path("api.sock"))

# What is shared with others.

with Budget("100/s", tokens=["9k/s", "90k/min"], concurrency=5).serve() as handle:
    Patata(budget=handle.with_weight(2), budget_timeout=5)
Patata(budget=Budget("unix:///run/budget.sock"), budget_timeout=None)
Patata(budget="redis://localhost/0?name=crm")

# One request.

response: Response = client.get(URL, params={"a": 1}, headers={"X-Key": "k"}, timeout=5, auth=("u", "p"))
client.request(
    "purge", URL, id_=("any", 1), retries=3, cookies={"a": "1"}, follow_redirects=False, verify="ca.pem"
)
client.post(URL, json=[1]).raise_for_status().json()
client.put(URL, form={"a": 1}, files=[("file", Path("a"))])
client.patch(URL, content=iter([b"a"]), stream_to="downloads/{id}", idempotency_key=True)
client.delete(URL).ok, client.head(URL).headers, client.options(URL).elapsed
patient: RequestOptions = {"retries": 5, "timeout": None}
client.get(URL, **patient)

# A call under way.

responses: Responses = client.http("get", JOBS)
responses.set(rate="10/s", concurrency=5)
responses.set(rate=["10/s", "100/h"])
responses.set(rate=None, concurrency=None)
receipt: Receipt | None = responses.receipt
progress: Progress = responses.progress()
in_flight: int = progress.in_flight
responses.cancel()

# Options that are kept, and passed on.

polite: Options = {"rate": "100/s", "retries": 3}
client.http("get", JOBS, **polite)
Patata(**polite)
settings: ClientOptions = {"num_workers": 1, "verbose": False, "rate": "100/s"}
Patata(**settings)
anything: dict[str, Any] = {"rate": "100/s"}
Patata(**anything)


def polite_call(**options: Unpack[Options]) -> Generator[Response, None, None]:
    return client.http("get", JOBS, callbacks=[same], **options)


polite_call(retries=2, rate="1/s")


async def call() -> AsyncGenerator[Response, None]:
    async with AsyncPatata(rate="100/s", http_version="1.1") as client:
        return client.http("get", JOBS, [same, awaited], retries=2, deadline=5, ordered=True)


async def one() -> tuple[Response, AsyncResponses]:
    async with AsyncPatata() as client:
        responses = client.http("get", JOBS)
        responses.set(rate="10/s")
        await responses.aclose()
        return await client.get(URL, timeout=5), responses
