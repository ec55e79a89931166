"""Measures what requests cost that are sent one a call, beside an aiohttp session in the same run."""

from __future__ import annotations

import json
from statistics import median
from typing import Any

import harness
import servers
from contest import environment

NAME = "one_request"
TARGET = "at most 1.0 times the CPU of aiohttp's GETs, in turn and 200 at once; over TLS at most its p50"
ROUNDS = 5
REQUESTS = 4_000

OVER_HTTP = {
    "get": "aiohttp",
    "http": "aiohttp",
    "get_asyncio": "aiohttp",
    "http_asyncio": "aiohttp",
    "get_at_once": "aiohttp_at_once",
    "http_at_once": "aiohttp_at_once",
}
"""The ways of patata by what each is compared with; what they are, `clients/one_request.py` says."""

OVER_TLS = {"get": "aiohttp", "get_asyncio": "aiohttp"}


def figures(ways: dict[str, str], core: int, *place: str) -> dict[str, dict[str, float]]:
    """The medians of all ways, which take turns."""
    names = [*dict.fromkeys(ways.values()), *ways]
    rounds: dict[str, list[dict[str, float]]] = {name: [] for name in names}
    url, *authority = place
    for _ in range(ROUNDS):
        for name in names:
            # It has uvloop, which both use.
            python = environment("aiohttp" if name.startswith("aiohttp") else "patata")
            arguments = (name, url, REQUESTS, *authority)
            client = harness.run_client("one_request.py", *arguments, core=core, python=python)
            rounds[name].append(json.loads(client.output))
    return {
        name: {figure: median(one[figure] for one in taken) for figure in taken[0]}
        for name, taken in rounds.items()
    }


def ratios(taken: dict[str, dict[str, float]], ways: dict[str, str], figure: str) -> dict[str, float]:
    """How many times as much as what it is compared with each way takes."""
    return {name: taken[name][figure] / taken[rival][figure] for name, rival in ways.items()}


def measure() -> harness.Row:
    client_core, server_core = harness.two_cores()
    with servers.nginx(server_core) as url:
        plain = figures(OVER_HTTP, client_core, url)
    with servers.secure_nginx(server_core) as server:
        secure = figures(OVER_TLS, client_core, server.url, str(server.authority))
    cpu = ratios(plain, OVER_HTTP, "cpu_microseconds")
    p50 = ratios(secure, OVER_TLS, "p50_milliseconds")
    told = ", ".join(f"{name} {ratio:.2f}" for name, ratio in cpu.items())
    told_tls = ", ".join(f"{name} {ratio:.2f}" for name, ratio in p50.items())
    is_met = all(ratio <= 1 for ratio in (*cpu.values(), *p50.values()))
    taken: dict[str, Any] = {"cpu_ratios": cpu, "tls_p50_ratios": p50, "plain": plain, "secure": secure}
    return harness.Row(NAME, f"{told}; TLS p50: {told_tls}", TARGET, harness.verdict(is_met), taken)


if __name__ == "__main__":
    harness.main(NAME, TARGET, measure)
