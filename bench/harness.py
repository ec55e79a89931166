"""Measures nothing itself: what the scripts of this folder share (servers, children, rows, results)."""

from __future__ import annotations

import contextlib
import datetime
import hashlib
import importlib.util
import json
import os
import platform
import re
import resource
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
import traceback
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

BENCH = Path(__file__).resolve().parent
REPOSITORY = BENCH.parent
CLIENTS = BENCH / "clients"
RESULTS = BENCH / "results"

BODY = b'{"message":"Hello world!"}'
"""What nginx answers: 26 bytes, the same as `patata.testing.Server`."""

MET, MISSED, NOT_MEASURED = "met", "MISSED", "not measured"

INSTALL = "apt-get install nginx-light wrk"

NGINX_CONFIG = """
daemon off;
worker_processes 1;
pid {folder}/nginx.pid;
error_log {folder}/error.log error;
events {{ worker_connections 8192; }}
http {{
    access_log off;
    keepalive_requests 1000000000;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    server {{
        listen 127.0.0.1:{port} backlog=4096;
        location / {{
            default_type application/json;
            return 200 '{body}';
        }}
    }}
}}
"""


class NotMeasured(Exception):
    """The machine lacks what this row needs; the text says what."""


@dataclass
class Row:
    """One line of the table, and the figures behind it."""

    name: str
    measured: str
    target: str
    verdict: str
    figures: dict[str, Any] = field(default_factory=dict)


@dataclass
class Finished:
    """A child that has ended: what it printed, and what it and its own children used."""

    output: str
    cpu_seconds: float
    wall_seconds: float
    peak_megabytes: float


# Programs and cores


def program(name: str) -> str:
    """The path of a program of the system; nginx is in a folder that only root has in its PATH."""
    found = shutil.which(name, path=os.environ.get("PATH", os.defpath) + ":/usr/sbin:/usr/local/sbin")
    if found is None:
        raise NotMeasured(f"{name} is not installed; to measure this row: {INSTALL}")
    return found


def programs(*names: str) -> list[str]:
    """The same for several, so that one is not missed only after another was measured."""
    return [program(name) for name in names]


def two_cores() -> tuple[int, int]:
    """A core for the client and one for the server."""
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) < 2:
        raise NotMeasured("client and server need a core each, and this process may use only one")
    return cores[0], cores[1]


def raise_file_limit(needed: int) -> None:
    """Allows as many open files as may be had, to this process and the children that it starts."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < needed:
        raise NotMeasured(f"needs {needed} open files, and the hard limit is {hard} (ulimit -Hn)")
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def _pinning(core: int | None) -> Callable[[], None] | None:
    return None if core is None else lambda: os.sched_setaffinity(0, {core})


# Children


def run_child(command: list[str], core: int | None = None, limit_seconds: float = 900) -> Finished:
    """Runs a program to its end, on one core if given, and says what it used.

    The CPU time is user and system, of all threads, and of the children that it waited for.
    """
    started = time.perf_counter()
    child = subprocess.Popen(command, stdout=subprocess.PIPE, cwd=REPOSITORY, preexec_fn=_pinning(core))
    watchdog = threading.Timer(limit_seconds, child.kill)
    watchdog.start()
    assert child.stdout is not None
    try:
        output = child.stdout.read().decode()
        _, status, used = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
    finally:
        watchdog.cancel()
        if child.returncode is None:
            child.kill()
            child.wait()
        child.stdout.close()
    wall = time.perf_counter() - started
    if child.returncode != 0:
        raise RuntimeError(f"exit code {child.returncode} from {' '.join(command)}\n{output}")
    return Finished(output, used.ru_utime + used.ru_stime, wall, used.ru_maxrss / 1024)


def run_client(
    script: str, *arguments: object, core: int | None = None, python: str = sys.executable
) -> Finished:
    """Runs one of the scripts in `clients/`."""
    return run_child([python, str(CLIENTS / script), *map(str, arguments)], core)


@dataclass
class Wrk:
    """What one run of wrk did."""

    requests: int
    requests_per_second: float
    cpu_microseconds: float


def run_wrk(url: str, connections: int, seconds: int, core: int | None = None) -> Wrk:
    """Runs wrk with one thread. A run with failed requests is no yardstick, and raises."""
    command = [program("wrk"), "-t1", f"-c{connections}", f"-d{seconds}", "--timeout", "10", url]
    finished = run_child(command, core)
    counted = re.search(r"(\d+) requests in", finished.output)
    rate = re.search(r"Requests/sec:\s*([\d.]+)", finished.output)
    failed = "Socket errors" in finished.output or "Non-2xx" in finished.output
    if counted is None or rate is None or failed or int(counted[1]) == 0:
        raise RuntimeError(f"wrk failed:\n{finished.output}")
    requests = int(counted[1])
    return Wrk(requests, float(rate[1]), finished.cpu_seconds / requests * 1e6)


# Servers


@contextlib.contextmanager
def nginx(core: int | None = None) -> Iterator[str]:
    """Runs nginx with one worker and a configuration of its own, on one core if given; gives its URL."""
    executable = program("nginx")
    with tempfile.TemporaryDirectory(prefix="patata-nginx-") as folder:
        port = _free_port()
        config = Path(folder, "nginx.conf")
        config.write_text(NGINX_CONFIG.format(folder=folder, port=port, body=BODY.decode()))
        with Path(folder, "output").open("wb+") as output:
            # The worker inherits the core of the process that starts it.
            server = subprocess.Popen(
                [executable, "-p", folder, "-c", str(config)],
                stdout=output,
                stderr=output,
                preexec_fn=_pinning(core),
            )
            try:
                url = f"http://127.0.0.1:{port}/"
                _wait_for_answer(url, server, Path(folder, "output"))
                yield url
            finally:
                server.terminate()
                server.wait()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _wait_for_answer(url: str, server: subprocess.Popen[bytes], output: Path) -> None:
    deadline = time.monotonic() + 10
    while True:
        try:
            with urllib.request.urlopen(url, timeout=5) as answer:
                if answer.read() != BODY:
                    raise RuntimeError(f"something else than our nginx answers at {url}")
                return
        except OSError as error:
            if server.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"nginx does not answer ({error}):\n{output.read_text()}") from error
            time.sleep(0.02)


@contextlib.contextmanager
def embedded_server(threads: int = 1) -> Iterator[str]:
    """Runs `patata.testing.Server` in another process; gives its URL, without a slash at the end."""
    server = subprocess.Popen(
        [sys.executable, str(CLIENTS / "serve.py"), str(threads)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert server.stdin is not None
    assert server.stdout is not None
    try:
        url = server.stdout.readline().strip()
        if not url:
            raise RuntimeError("patata.testing.Server did not start")
        yield url
    finally:
        # It runs until its input ends, so it also goes away should this process be killed.
        server.stdin.close()
        server.wait()
        server.stdout.close()


# Rows and results


def measure_row(name: str, target: str, measure: Callable[[], Row]) -> Row:
    """Measures a row, prints it, and keeps it in `results/`. A row that fails is a row that misses."""
    print(f"{name}: measuring ...", flush=True)
    # Taken before: afterwards the benchmark itself is the load.
    load_before, build_before = os.getloadavg()[0], build()
    try:
        row = measure()
    except NotMeasured as reason:
        row = Row(name, str(reason), target, NOT_MEASURED)
    except Exception as error:
        traceback.print_exc()
        row = Row(name, f"failed: {type(error).__name__}, see above", target, MISSED)
    if build() != build_before:
        # Rounds of two builds have no common median.
        row.verdict, row.measured = NOT_MEASURED, f"patata was rebuilt meanwhile ({row.measured})"
    save(row, load_before)
    print_table([row])
    return row


def main(name: str, target: str, measure: Callable[[], Row]) -> None:
    """Runs one script by itself: exit code 1 if the target is missed, 0 otherwise."""
    sys.exit(1 if measure_row(name, target, measure).verdict == MISSED else 0)


def verdict(is_met: bool) -> str:
    """The word for it."""
    return MET if is_met else MISSED


def print_table(rows: list[Row]) -> None:
    """Prints rows in columns: name, measured, target, verdict."""
    cells = [("name", "measured", "target", "verdict")]
    cells += [(row.name, row.measured, row.target, row.verdict) for row in rows]
    widths = [max(len(line[column]) for line in cells) for column in range(4)]
    for line in cells:
        print("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())
    print(flush=True)


def save(row: Row, load_before: float) -> None:
    """Writes `results/NAME.json`: the row, and where and when it was measured."""
    RESULTS.mkdir(exist_ok=True)
    result = {
        "date": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
        "commit": commit(),
        "build": build(),
        "machine": {
            "cpu": cpu_model(),
            "cores": len(os.sched_getaffinity(0)),
            "system": platform.platform(),
            "python": platform.python_version(),
            "load_before": round(load_before, 2),
        },
        **asdict(row),
    }
    (RESULTS / f"{row.name}.json").write_text(json.dumps(result, indent=2) + "\n")


def commit() -> str:
    """The commit of the working copy, with `-dirty` where it was changed since."""
    command = ["git", "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"]
    try:
        return subprocess.run(
            command, cwd=REPOSITORY, capture_output=True, text=True, check=True
        ).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def build() -> str:
    """A hash of the extension module that is measured, which need not be of the commit that is here."""
    package = importlib.util.find_spec("patata")
    if package is None or package.origin is None:
        raise SystemExit(f"{sys.executable} has no patata; make bench installs it")
    modules = sorted(Path(package.origin).parent.glob("_patata.*so"))
    return hashlib.sha256(b"".join(path.read_bytes() for path in modules)).hexdigest()[:12]


def cpu_model() -> str:
    """The name of the processor, as Linux has it."""
    with contextlib.suppress(OSError):
        found = re.search(r"^model name\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
        if found is not None:
            return found[1]
    return platform.processor() or platform.machine()
