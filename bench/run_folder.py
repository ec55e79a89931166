"""Measures what a run folder costs: GETs in bulk with one beside the same without, from Python."""

from __future__ import annotations

import tempfile
from statistics import median

import harness
import servers

NAME = "run_folder"
TARGET = "at most 1.10 times the CPU of the same without it, 1.25 where its parts are compressed with zstd"
COUNT = 100_000
ROUNDS = 5
MOST = {"jsonl": 1.10, "zstd": 1.25}
WAYS = {"without": [], "jsonl": [], "zstd": ["zstd"]}
"""What the client is told of the folder's compression."""


def measure() -> harness.Row:
    client_core, server_core = harness.two_cores()
    taken: dict[str, list[float]] = {way: [] for way in WAYS}
    with servers.nginx(server_core) as url:
        for _ in range(ROUNDS):
            for way, rounds in taken.items():
                with tempfile.TemporaryDirectory(dir=harness.RESULTS) as folder:
                    place = [] if way == "without" else [f"{folder}/run", *WAYS[way]]
                    client = harness.run_client("run_folder.py", url, COUNT, *place, core=client_core)
                    rounds.append(float(client.output) / COUNT * 1e6)
    medians = {way: median(rounds) for way, rounds in taken.items()}
    ratios = {way: medians[way] / medians["without"] for way in MOST}
    told = ", ".join(f"{way} {ratio:.2f}" for way, ratio in ratios.items())
    is_met = all(ratios[way] <= most for way, most in MOST.items())
    figures = {"cpu_microseconds": medians, "rounds": taken}
    return harness.Row(NAME, told, TARGET, harness.verdict(is_met), figures)


if __name__ == "__main__":
    harness.main(NAME, TARGET, measure)
