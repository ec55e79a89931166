"""Asks for a URL for each row of a table, the way that users of each library do: ``tables.py WAY URL ROWS``.

Prints the CPU seconds of the job and of all that it starts, and how many rows were right.
"""

import os
import sys
from collections.abc import Callable
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")
AT_ONCE = 100
SCHEMA = {"message": "string"}
RIGHT = "Hello world!"


def fetch(url: str, rows: int) -> Callable[[], int]:
    """patata: a frame of Polars, bodies by a schema."""
    import patata
    import polars

    frame = polars.DataFrame({"url": [url] * rows})

    def job() -> int:
        fetched = patata.fetch(frame, num_workers=1, concurrency=AT_ONCE, schema=SCHEMA)
        return int((fetched["body"].struct.field("message") == RIGHT).sum())

    return job


def http(url: str, rows: int) -> Callable[[], int]:
    """patata: the same requests through ``http()``, with ``.data`` read."""
    from patata import Patata

    requests = [(row, url) for row in range(rows)]

    def job() -> int:
        with Patata(1, verbose=False, concurrency=AT_ONCE) as client:
            return sum(response.data["message"] == RIGHT for response in client.http("get", requests))

    return job


def polars_httpx(url: str, rows: int) -> Callable[[], int]:
    """Polars' ``map_elements``, with a client of httpx."""
    import httpx
    import polars

    frame = polars.DataFrame({"url": [url] * rows})

    def job() -> int:
        with httpx.Client() as client:
            ask = polars.col("url").map_elements(lambda url: client.get(url).text, return_dtype=polars.String)
            bodies = frame.select(ask).to_series().str.json_decode(polars.Struct({"message": polars.String}))
        return int((bodies.struct.field("message") == RIGHT).sum())

    return job


def pandas_requests(url: str, rows: int) -> Callable[[], int]:
    """pandas, and a pool of threads with a session of requests."""
    from concurrent.futures import ThreadPoolExecutor

    import pandas
    import requests
    from requests.adapters import HTTPAdapter

    frame = pandas.DataFrame({"url": [url] * rows})

    def job() -> int:
        with requests.Session() as session, ThreadPoolExecutor(AT_ONCE) as pool:
            session.mount("http://", HTTPAdapter(pool_connections=AT_ONCE, pool_maxsize=AT_ONCE))
            frame["message"] = list(pool.map(lambda url: session.get(url).json()["message"], frame["url"]))
        return int((frame["message"] == RIGHT).sum())

    return job


def duckdb_http(url: str, rows: int) -> Callable[[], int]:
    """DuckDB's extension ``http_client``, which comes from the network the first time."""
    import duckdb

    connection = duckdb.connect()
    connection.execute("install http_client from community; load http_client")
    connection.execute("create table links as select ? as url from range(?)", [url, rows])

    def job() -> int:
        body = "http_get(url)->>'body'"
        query = f"select count(*) from links where ({body})::json->>'message' = ?"
        return int(connection.execute(query, [RIGHT]).fetchone()[0])

    return job


def daft_download(url: str, rows: int) -> Callable[[], int]:
    """Daft's ``url.download``."""
    import daft

    frame = daft.from_pydict({"url": [url] * rows})

    def job() -> int:
        bodies = frame.select(daft.functions.download(daft.col("url"), max_connections=AT_ONCE)).to_arrow()
        return sum(body.as_py() == b'{"message":"Hello world!"}' for body in bodies.column(0))

    return job


def ray_stage(url: str, rows: int) -> Callable[[], int]:
    """Ray Data's stage for HTTP requests, on one core."""
    import ray
    from ray.data.llm import HttpRequestProcessorConfig, build_processor

    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False, logging_level="error")
    table = ray.data.range(rows)
    config = HttpRequestProcessorConfig(url=url, qps=None, concurrency=1, batch_size=1_000)

    def job() -> int:
        ask = build_processor(
            config,
            preprocess=lambda row: {"payload": {"row": row["id"]}},
            postprocess=lambda row: {"message": row["http_response"]["message"]},
        )
        return sum(row["message"] == RIGHT for row in ask(table).iter_rows())

    return job


WAYS = {
    way.__name__: way
    for way in (fetch, http, polars_httpx, pandas_requests, duckdb_http, daft_download, ray_stage)
}


def used() -> float:
    """The CPU seconds of this process and of all that have come of it."""
    parents, seconds = {}, {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            fields = (folder / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        parents[int(folder.name)] = int(fields[1])
        # User and system time, and those of children that are gone.
        seconds[int(folder.name)] = sum(map(int, fields[11:15])) / TICKS
    ours = {os.getpid()}
    while more := {process for process, parent in parents.items() if parent in ours} - ours:
        ours |= more
    return sum(seconds[process] for process in ours if process in seconds)


def main() -> None:
    way, url, rows = sys.argv[1:]
    job = WAYS[way](url, int(rows))
    begun = used()
    right = job()
    print(used() - begun, right)


if __name__ == "__main__":
    main()
