"""What a budget costs: CPU time a request at 2,000/s, beside a rate of the same value. Prints a table.

In turn, in one run, over real sockets: a rate, a local budget, and one that is shared with nobody, whose
holder is another process. Exits with 1 where a budget costs more than it may.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median

from budgets import PROFILE, ROOT, build, holder

MOST = {"budget": 1.03, "shared": 1.10}
"""What a request may cost under a budget, as a multiple of one under a rate."""


@contextmanager
def server() -> Iterator[str]:
    """The test server, in a process of its own; yields its URL."""
    command = ["cargo", "build", "--quiet", "--release", "-p", "patata-testserver"]
    subprocess.run(command, cwd=ROOT, env=os.environ | PROFILE, check=True)
    program = Path(PROFILE["CARGO_TARGET_DIR"]) / "release" / "patata-testserver"
    address = ["--address", "127.0.0.1:0"]
    process = subprocess.Popen([program, *address], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        yield process.stdout.readline().strip() + "/"
    finally:
        process.terminate()
        process.wait()


def cpu_time(sender: Path, url: str, count: int, kind: str, limit: str) -> float:
    """Seconds of user and system time of a process that sends so many requests, all threads together."""
    process = subprocess.Popen([sender, url, str(count), kind, limit])
    # Of this child alone, which the sums of all children are not exact enough for.
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(f"requests under a limit of the kind {kind} have failed")
    return used.ru_utime + used.ru_stime


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rate", type=int, default=2000)
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--way", choices=["tcp", "unix", "redis"], default="tcp")
    given = parser.parse_args()
    sender = build() / "budget_sender"
    count = int(given.rate * given.seconds)
    times: dict[str, list[float]] = {"rate": [], **{kind: [] for kind in MOST}}
    with (
        tempfile.TemporaryDirectory() as folder,
        holder(sender.parent, given.way, given.rate, folder) as handle,
        server() as url,
    ):
        for _ in range(given.rounds):
            for kind, measured in times.items():
                limit = handle if kind == "shared" else f"{given.rate}/s"
                measured.append(cpu_time(sender, url, count, kind, limit))
    print(f"| limit of {given.rate}/s | CPU a request | x rate, median | least and most |")
    print("|---|---|---|---|")
    has_failed = False
    for kind, measured in times.items():
        ratios = sorted(one / other for one, other in zip(measured, times["rate"], strict=True))
        each = f"{median(measured) / count * 1e6:.1f} µs"
        print(f"| {kind} | {each} | {median(ratios):.3f} | {ratios[0]:.3f} to {ratios[-1]:.3f} |")
        has_failed |= median(ratios) > MOST.get(kind, 1)
    if has_failed:
        sys.exit("a budget costs too much")


if __name__ == "__main__":
    main()
