"""Measures what a row of a table costs beside what people do now: the same GETs, in turn, on one core."""

from __future__ import annotations

import subprocess
import sys
from statistics import median

import harness
import servers

NAME = "tables"
TARGET = "less CPU a row than http() with .data read, and than all others"
ROUNDS = 3
OURS = ("fetch", "http")
ROWS = {
    "fetch": 200_000,
    "http": 200_000,
    "polars_httpx": 2_000,
    "pandas_requests": 5_000,
    "duckdb_http": 5_000,
    "daft_download": 20_000,
    "ray_stage": 5_000,
}
"""The ways that are measured, and how many rows of each: enough for a second or two."""

NEEDS = {
    "polars_httpx": ["polars==2.1.0", "httpx==0.28.1"],
    "pandas_requests": ["pandas==3.1.1", "pyarrow==25.0.1", "requests==2.34.2"],
    "duckdb_http": ["duckdb==2.0.1"],
    "daft_download": ["daft==0.7.26"],
    "ray_stage": ["ray[data]==2.60.0", "aiohttp==3.14.2", "pydantic==2.14.3"],
}
"""What the others are installed with, each in an environment of its own."""


def measure() -> harness.Row:
    client_core, server_core = harness.two_cores()
    taken: dict[str, list[float]] = {way: [] for way in ROWS}
    absent: dict[str, str] = {}
    with servers.nginx(server_core) as url:
        for _ in range(ROUNDS):
            for way in ROWS:
                if way in absent:
                    continue
                try:
                    taken[way].append(cost(way, url, client_core))
                except (OSError, RuntimeError, subprocess.CalledProcessError) as error:
                    # Some of them come from places that not every machine reaches.
                    absent[way] = str(error)
                    print(f"  {way} cannot be measured: {error}", flush=True)
    medians = {way: median(rounds) for way, rounds in taken.items() if rounds}
    least = min(cost for way, cost in medians.items() if way != "fetch")
    told = ", ".join(f"{way} {cost:.1f}" for way, cost in medians.items())
    told += (
        f" µs of CPU a row; cannot be measured here: {', '.join(absent)}" if absent else " µs of CPU a row"
    )
    figures = {"cpu_microseconds": medians, "rounds": taken, "absent": absent}
    return harness.Row(NAME, told, TARGET, harness.verdict(medians["fetch"] < least), figures)


def cost(way: str, url: str, core: int) -> float:
    """Microseconds of CPU time that one way takes for a row. Raises where a row is not right."""
    python = sys.executable if way in OURS else harness.environment(way, NEEDS[way])
    client = harness.run_client("tables.py", way, url, ROWS[way], core=core, python=python)
    seconds, right = client.output.split()[-2:]
    if int(right) != ROWS[way]:
        raise RuntimeError(f"{right} of {ROWS[way]} rows were right")
    return float(seconds) / ROWS[way] * 1e6


if __name__ == "__main__":
    harness.main(NAME, TARGET, measure)
