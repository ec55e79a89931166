"""Measures the client's memory over 2,000,000 requests from a generator, and over a list of 1,000,000."""

import json
from statistics import median
from typing import Any

import harness
import servers

NAME = "memory"
GROWTH = 0.10
MOST_MEGABYTES = 80
TARGET = (
    f"growth within {GROWTH:.0%} after 100,000; peak under {MOST_MEGABYTES} MB, beside a list of requests"
)

RUNS = {"generator": 2_000_000, "list": 1_000_000}
STEP = 100_000


def figures(url: str, kind: str) -> dict[str, Any]:
    """What one kind of input takes, in MB of 10**6 bytes."""
    client = harness.run_client("memory_all.py", url, RUNS[kind], STEP, kind)
    taken = json.loads(client.output)
    samples = [kilobytes * 1024 / 1e6 for kilobytes in taken["samples"]]
    input_megabytes = taken["before"] * 1024 / 1e6 if kind == "list" else 0.0
    return {
        "growth": max(samples) / samples[0] - 1,
        # One sample moves with how full the queue is at that moment; this tells a leak from such a peak.
        "drift": median(samples[-5:]) / median(samples[:5]) - 1,
        "peak_megabytes": taken["peak"] * 1024 / 1e6 - input_megabytes,
        "samples_megabytes": samples,
        "requests_per_second": RUNS[kind] / client.wall_seconds,
    }


def measure() -> harness.Row:
    with servers.embedded_server() as url:
        taken = {kind: figures(url + "/", kind) for kind in RUNS}
    told = ", ".join(
        f"{kind}: growth {one['growth']:.1%}, drift {one['drift']:.1%}, peak {one['peak_megabytes']:.1f} MB"
        for kind, one in taken.items()
    )
    is_met = all(one["growth"] <= GROWTH and one["peak_megabytes"] < MOST_MEGABYTES for one in taken.values())
    return harness.Row(NAME, told, TARGET, harness.verdict(is_met), taken)


if __name__ == "__main__":
    harness.main(NAME, TARGET, measure)
