"""Calls that a static checker refuses: each line with a call on it, and no other."""

from __future__ import annotations

from patata import AsyncPatata, Options, Patata, Request, RequestOptions, Response, Telemetry

URL = "http://localhost/"
JOBS = [(1, URL)]

client = Patata()
asynchronous = AsyncPatata()


async def is_not_ready(response: Response) -> bool:
    return response.ok


def not_a_place(request: Request) -> int:
    return len(request.url)


# Unknown names, and those that are the client's alone.

Patata(potatoes=1)  # refused
Patata(concurency=5)  # refused
AsyncPatata(retry=3)  # refused
client.http("get", JOBS, rates="100/s")  # refused
client.http("get", JOBS, num_workers=2)  # refused
client.http("get", JOBS, verbose=False)  # refused
asynchronous.http("get", JOBS, queue_max_size=10)  # refused
Patata(callbacks=[])  # refused

# Types.

Patata("2")  # refused
Patata(workers=1.5)  # refused
Patata(budget=100)  # refused
Patata(budget_timeout="5 s")  # refused
Patata(queue_max_size=1.5)  # refused
Patata(input_chunk_size="10")  # refused
Patata(pool_submit_size=[])  # refused
Patata(verbose="no")  # refused
Patata(verbose_level="debug")  # refused
Patata(retries="3")  # refused
Patata(timeout="10s")  # refused
client.http(1, JOBS)  # refused
client.http("get", 42)  # refused
client.http("get", JOBS, callbacks=[1])  # refused
client.http("get", JOBS, retries=1.5)  # refused
client.http("get", JOBS, timeout="10")  # refused
client.http("get", JOBS, concurrency="all")  # refused
client.http("get", JOBS, concurrency=None)  # refused
client.http("get", JOBS, concurrency_per_host=1.5)  # refused
client.http("get", JOBS, rate=100)  # refused
client.http("get", JOBS, rate_per_host=[1, 2])  # refused
client.http("get", JOBS, learn_limits="no")  # refused
client.http("get", JOBS, budgets="90000/min")  # refused
client.http("get", JOBS, budgets_per_host={"tokens": 90000})  # refused
client.http("get", JOBS, cost=5)  # refused
client.http("get", JOBS, settle={"tokens": 5})  # refused
client.http("get", JOBS, headers="X-Key: k")  # refused
client.http("get", JOBS, headers={1: "a"})  # refused
client.http("get", JOBS, params=["page"])  # refused
client.http("get", JOBS, auth=1)  # refused
client.http("get", JOBS, auth=("user",))  # refused
client.http("get", JOBS, cookies="a=1")  # refused
client.http("get", JOBS, form="a=1")  # refused
client.http("get", JOBS, content=5)  # refused
client.http("get", JOBS, files=b"bytes")  # refused
client.http("get", JOBS, stream_to=5)  # refused
client.http("get", JOBS, stream_to=not_a_place)  # refused
client.http("get", JOBS, run_folder=5)  # refused
client.http("get", JOBS, run_folder=["run"])  # refused
client.http("get", JOBS, follow=[])  # refused
client.http("get", JOBS, max_depth="3")  # refused
client.http("get", JOBS, max_requests=1.5)  # refused
client.http("get", JOBS, robots=1.5)  # refused
Patata(telemetry="yes")  # refused
Telemetry(traces="all")  # refused
client.http("get", JOBS, cache=1.5)  # refused
client.http("get", JOBS, cache_mode="sometimes")  # refused
client.http("get", JOBS, distinct="yes")  # refused
client.http("get", JOBS, if_changed="no")  # refused
client.http("get", JOBS, retry_statuses=503)  # refused
client.http("get", JOBS, retry_statuses="503")  # refused
client.http("get", JOBS, retry_if=is_not_ready)  # refused
client.http("get", JOBS, retry_if=True)  # refused
client.http("get", JOBS, retry_non_idempotent="yes")  # refused
client.http("get", JOBS, idempotency_key="key")  # refused
client.http("get", JOBS, retry_budget="10%")  # refused
client.http("get", JOBS, backoff=None)  # refused
client.http("get", JOBS, max_backoff="1")  # refused
client.http("get", JOBS, seed=1.5)  # refused
client.http("get", JOBS, host_timeout="1")  # refused
client.http("get", JOBS, connect_timeout="1")  # refused
client.http("get", JOBS, total_timeout=[1])  # refused
client.http("get", JOBS, deadline="1")  # refused
client.http("get", JOBS, max_failures="10%")  # refused
client.http("get", JOBS, ok_statuses=200)  # refused
client.http("get", JOBS, abort_on=[None])  # refused
client.http("get", JOBS, ordered=None)  # refused
client.http("get", JOBS, progress="bar")  # refused
client.http("get", JOBS, follow_redirects=None)  # refused
client.http("get", JOBS, max_redirects=None)  # refused
client.http("get", JOBS, max_response_size="64 MiB")  # refused
client.http("get", JOBS, max_decompression_ratio=1.5)  # refused
client.http("get", JOBS, http_version="3")  # refused
client.http("get", JOBS, http_version=2)  # refused
client.http("get", JOBS, verify=None)  # refused
client.http("get", JOBS, cert=("a", "b", "c"))  # refused
client.http("get", JOBS, min_tls_version="1.1")  # refused
client.http("get", JOBS, min_tls_version=1.2)  # refused
client.http("get", JOBS, proxy=True)  # refused
client.http("get", JOBS, resolve="127.0.0.1")  # refused
client.http("get", JOBS, resolve={"a": 1})  # refused
client.http("get", JOBS, unix_socket=None)  # refused
asynchronous.http("get", JOBS, rate=100)  # refused
asynchronous.http("get", JOBS, ordered="yes")  # refused

# One request.

client.get()  # refused
client.get(5)  # refused
client.get(URL, {"a": 1})  # refused
client.get(URL, potatoes=1)  # refused
client.get(URL, timeout="5")  # refused
client.get(URL, ordered=True)  # refused
client.get(URL, rate="10/s")  # refused
client.get(URL, allow_redirects=False)  # refused
client.post(URL, data={"a": 1})  # refused
client.request(URL)  # refused
print(asynchronous.get(URL).status_code)  # refused
no_number: RequestOptions = {"retries": "3"}  # refused
of_many: RequestOptions = {"ordered": True}  # refused

# A call under way.

responses = client.http("get", JOBS)
responses.set(rate=10)  # refused
responses.set(concurrency="auto")  # refused
responses.set(timeout=5)  # refused
print(responses.receipt.ok)  # refused
print(responses.progress().lost)  # refused
responses.receipt = None  # refused

# Options that are kept.

wrong: Options = {"rate": 100}  # refused
unknown: Options = {"potatoes": 1}  # refused
kept: dict[str, int] = {"retries": 3}
Patata(**kept)  # refused
