"""The yardsticks that CPU time is compared with: wrk and h2load, load generators in C."""

from __future__ import annotations

import re
from dataclasses import dataclass

import harness


@dataclass
class Load:
    """What one run of a load generator did."""

    requests: int
    requests_per_second: float
    cpu_microseconds: float


def run_wrk(url: str, connections: int, seconds: int, core: int | None = None) -> Load:
    """Runs wrk with one thread. A run with failed requests is no yardstick, and raises."""
    command = [harness.program("wrk"), "-t1", f"-c{connections}", f"-d{seconds}", "--timeout", "10", url]
    finished = harness.run_child(command, core)
    counted = re.search(r"(\d+) requests in", finished.output)
    rate = re.search(r"Requests/sec:\s*([\d.]+)", finished.output)
    failed = "Socket errors" in finished.output or "Non-2xx" in finished.output
    if counted is None or rate is None or failed or int(counted[1]) == 0:
        raise RuntimeError(f"wrk failed:\n{finished.output}")
    requests = int(counted[1])
    return Load(requests, float(rate[1]), finished.cpu_seconds / requests * 1e6)


def run_h2load(url: str, streams: int, requests: int, core: int | None = None) -> Load:
    """Runs h2load with one thread and one connection. A run with failed requests raises."""
    command = [harness.program("h2load"), "-t1", "-c1", f"-m{streams}", f"-n{requests}", url]
    finished = harness.run_child(command, core)
    counted = re.search(r"status codes: (\d+) 2xx", finished.output)
    rate = re.search(r"([\d.]+) req/s", finished.output)
    has_http2 = "Application protocol: h2\n" in finished.output
    if counted is None or rate is None or not has_http2 or int(counted[1]) != requests:
        raise RuntimeError(f"h2load failed:\n{finished.output}")
    return Load(requests, float(rate[1]), finished.cpu_seconds / requests * 1e6)
