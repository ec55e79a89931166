"""Measures what a GET costs that the cache answers, beside one that is sent in the same run, from Python."""

from __future__ import annotations

import json
from statistics import median

import harness
import servers

NAME = "cache_hits"
TARGET = "a cached GET takes at most a tenth of the CPU of a sent one"
ROUNDS = 5
REQUESTS = 50_000
MOST = 0.1


def measure() -> harness.Row:
    client_core, server_core = harness.two_cores()
    rounds: list[dict[str, float]] = []
    with servers.nginx(server_core) as url:
        for _ in range(ROUNDS):
            ran = harness.run_client("cache_hits.py", url, REQUESTS, core=client_core)
            rounds.append(json.loads(ran.output))
    taken = {name: median(one[name] for one in rounds) for name in rounds[0]}
    ratio = taken["hit"] / taken["sent"]
    told = ", ".join(f"{name} {cost:.2f}" for name, cost in taken.items())
    measured = f"{ratio:.2f} of a sent one (us of CPU: {told})"
    return harness.Row(NAME, measured, TARGET, harness.verdict(ratio <= MOST), {"rounds": rounds})


if __name__ == "__main__":
    harness.main(NAME, TARGET, measure)
