"""Measures nothing itself: what the scripts of this folder share (programs, children, rows, results)."""

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
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

BENCH = Path(__file__).resolve().parent
REPOSITORY = BENCH.parent
CLIENTS = BENCH / "clients"
RESULTS = BENCH / "results"

MET, MISSED, NOT_MEASURED = "met", "MISSED", "not measured"

INSTALL = "apt-get install nginx-light wrk nghttp2-client"


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


def pinning(core: int | None) -> Callable[[], None] | None:
    """What a child calls before it becomes its program, to stay on one core."""
    return None if core is None else lambda: os.sched_setaffinity(0, {core})


# Children


def run_child(command: list[str], core: int | None = None, limit_seconds: float = 900) -> Finished:
    """Runs a program to its end, on one core if given, and says what it used.

    The CPU time is user and system, of all threads, and of the children that it waited for.
    """
    started = time.perf_counter()
    child = subprocess.Popen(command, stdout=subprocess.PIPE, cwd=REPOSITORY, preexec_fn=pinning(core))
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
    if child.returncode != 0 and wall >= limit_seconds:
        raise RuntimeError(f"not done after {limit_seconds:.0f} s")
    if child.returncode != 0:
        raise RuntimeError(f"exit code {child.returncode} from {' '.join(command)}\n{output}")
    return Finished(output, used.ru_utime + used.ru_stime, wall)


def run_client(
    script: str, *arguments: object, core: int | None = None, python: str = sys.executable
) -> Finished:
    """Runs one of the scripts in `clients/`."""
    return run_child([python, str(CLIENTS / script), *map(str, arguments)], core)


def environment(name: str, wanted: list[str]) -> str:
    """The interpreter of an environment with these packages, which is made where it is missing."""
    folder = BENCH / ".venvs" / name
    python, marker = folder / "bin" / "python", folder / ".installed"
    if not marker.exists() or marker.read_text() != " ".join(wanted):
        print(f"  {name}: installing {' '.join(wanted)}", flush=True)
        subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
        install = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *wanted]
        subprocess.run(install, check=True)
        marker.write_text(" ".join(wanted))
    return str(python)


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
    write(RESULTS / f"{row.name}.json", {**asdict(row)}, load_before)


def write(path: Path, result: dict[str, Any], load_before: float | None = None) -> None:
    """Writes a result, with where and when it was measured."""
    RESULTS.mkdir(exist_ok=True)
    load = os.getloadavg()[0] if load_before is None else load_before
    result = {
        "date": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
        "commit": commit(),
        "build": build(),
        "machine": {
            "cpu": cpu_model(),
            "cores": len(os.sched_getaffinity(0)),
            "system": platform.platform(),
            "python": platform.python_version(),
            "load_before": round(load, 2),
        },
        **result,
    }
    path.write_text(json.dumps(result, indent=2) + "\n")


def commit() -> str:
    """The commit of the working copy, with `-dirty` where more than results was changed since."""
    try:
        head = git("rev-parse", "HEAD")
        return head + ("-dirty" if git("status", "--porcelain", "--", ".", ":!bench/results") else "")
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def git(*arguments: str) -> str:
    """What git says of the working copy."""
    command = ["git", *arguments]
    return subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=True).stdout.strip()


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
