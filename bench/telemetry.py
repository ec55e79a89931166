"""Measures what a GET costs that OpenTelemetry is told of, from Python, beside one that nobody is told of."""

from __future__ import annotations

import json
from statistics import median

import harness
import servers

NAME = "telemetry"
TARGET = "metrics cost at most 5 %, and with traces of 1 % of requests it is at most 10 %"
ROUNDS = 7
REQUESTS = 50_000
MOST = {"metrics": 1.05, "traces": 1.10}


def measure() -> harness.Row:
    client_core, server_core = harness.two_cores()
    rounds: list[dict[str, float]] = []
    with servers.nginx(server_core) as url:
        for _ in range(ROUNDS):
            ran = harness.run_client("telemetry.py", url, REQUESTS, core=client_core)
            rounds.append(json.loads(ran.output))
    ratios = {name: median(one[name] / one["nothing"] for one in rounds) for name in MOST}
    told = ", ".join(f"{name} {ratio:.2f}" for name, ratio in ratios.items())
    is_met = all(ratios[name] <= most for name, most in MOST.items())
    measured = f"{told} of the CPU of a GET that nobody is told of"
    return harness.Row(NAME, measured, TARGET, harness.verdict(is_met), {"rounds": rounds})


if __name__ == "__main__":
    harness.main(NAME, TARGET, measure)
