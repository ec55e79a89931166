"""Measures the client's memory over 2,000,000 requests from a generator."""

import json
from statistics import median

import harness
import servers

NAME = "memory"
GROWTH = 0.10
MOST_MEGABYTES = 80
TARGET = f"growth within {GROWTH:.0%} after 100,000; peak under {MOST_MEGABYTES} MB"

REQUESTS = 2_000_000
STEP = 100_000


def measure() -> harness.Row:
    with servers.embedded_server() as url:
        client = harness.run_client("memory_all.py", url + "/", REQUESTS, STEP)
    taken = json.loads(client.output)
    # The kernel's MB here is 1,024 kilobytes of 1,024 bytes; the target is taken in the smaller 10**6.
    samples = [kilobytes * 1024 / 1e6 for kilobytes in taken["samples"]]
    peak = taken["peak"] * 1024 / 1e6
    growth = max(samples) / samples[0] - 1
    # One sample moves with how full the queue is at that moment; this tells a leak from such a peak.
    drift = median(samples[-5:]) / median(samples[:5]) - 1
    return harness.Row(
        NAME,
        f"growth {growth:.1%} (first {samples[0]:.1f} MB, drift {drift:.1%}); peak {peak:.1f} MB",
        TARGET,
        harness.verdict(growth <= GROWTH and peak < MOST_MEGABYTES),
        {
            "growth": growth,
            "drift": drift,
            "peak_megabytes": peak,
            "samples_megabytes": samples,
            "requests_per_second": REQUESTS / client.wall_seconds,
        },
    )


if __name__ == "__main__":
    harness.main(NAME, TARGET, measure)
