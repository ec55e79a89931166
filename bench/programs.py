"""Measures the program ``patata`` beside others that people send many requests with, on the same URLs."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import harness
import rivals
import servers

NAME = "programs"
TARGET = "at most 1.15 times wrk's CPU, and less than each other program's"
URLS = 100_000
CONNECTIONS = 100
ROUNDS = 3
WRK_SECONDS = 3
WRK_TIMES = 1.15


@dataclass(frozen=True)
class Program:
    """One of them: how it is told what to do, and for how many of the URLs it is told that."""

    name: str
    command: Callable[[Path, int], list[str]]
    """Given the folder with ``urls-COUNT.txt``, and how many."""
    count: int = URLS
    install: str = ""


def urls(folder: Path, count: int) -> Path:
    """The file with so many of the URLs."""
    return folder / f"urls-{count}.txt"


def shell(text: str) -> list[str]:
    return ["sh", "-c", text]


def patata(folder: Path, count: int) -> list[str]:
    binary = harness.REPOSITORY / "target" / "release" / "patata"
    options = f"--concurrency {CONNECTIONS} --progress none --workers 1"
    return shell(f"{binary} run {urls(folder, count)} {options} > /dev/null")


def oha(folder: Path, count: int) -> list[str]:
    options = f"-n {count} -c {CONNECTIONS} --no-tui --urls-from-file"
    return shell(f"{harness.program('oha')} {options} {urls(folder, count)} > /dev/null")


def xh(folder: Path, count: int) -> list[str]:
    one = f"{harness.program('xh')} --ignore-stdin --body GET"
    return shell(f'while read -r url; do {one} "$url" > /dev/null || exit 1; done < {urls(folder, count)}')


def curl(folder: Path, count: int) -> list[str]:
    options = f"--silent --show-error --fail --parallel --parallel-max {CONNECTIONS} --config"
    return shell(f"{harness.program('curl')} {options} {folder}/curl-{count}.txt > /dev/null")


def parallel(folder: Path, count: int) -> list[str]:
    harness.program("curl")
    options = "--will-cite --jobs 16 --max-args 20"
    command = f"{harness.program('parallel')} {options} curl --silent --fail"
    return shell(f"{command} < {urls(folder, count)} > /dev/null")


def aria2(folder: Path, count: int) -> list[str]:
    options = (
        f"--quiet --max-concurrent-downloads={CONNECTIONS} --file-allocation=none --allow-overwrite=true"
    )
    places = f"--dir={folder}/aria2 --input-file={urls(folder, count)}"
    return shell(f"{harness.program('aria2c')} {options} {places}")


PROGRAMS = [
    Program("patata", patata),
    Program("oha", oha, install="cargo install oha"),
    Program("curl --parallel", curl, install="apt-get install curl"),
    Program("aria2", aria2, 5_000, "apt-get install aria2"),
    Program("GNU parallel + curl", parallel, 5_000, "apt-get install parallel curl"),
    Program("xh in a loop", xh, 500, "cargo install xh"),
]


def write_urls(folder: Path, url: str) -> None:
    """The same requests for all, in the form that each reads."""
    for count in {one.count for one in PROGRAMS}:
        lines = [f"{url}?{number}" for number in range(count)]
        urls(folder, count).write_text("\n".join(lines) + "\n")
        told = (f'url = "{line}"\noutput = "/dev/null"\n' for line in lines)
        (folder / f"curl-{count}.txt").write_text("".join(told))


def measure() -> harness.Row:
    client_core, server_core = harness.two_cores()
    harness.raise_file_limit(1_000)
    build = ["cargo", "build", "--release", "--quiet", "--package", "patata-cli"]
    subprocess.run(build, cwd=harness.REPOSITORY, check=True)
    taken: dict[str, list[float]] = {}
    missing: dict[str, str] = {}
    with servers.nginx(server_core) as url, tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_urls(folder, url)
        for _ in range(ROUNDS):
            load = rivals.run_wrk(url, CONNECTIONS, WRK_SECONDS, client_core)
            taken.setdefault("wrk", []).append(load.cpu_microseconds)
            for one in PROGRAMS:
                try:
                    command = one.command(folder, one.count)
                except harness.NotMeasured:
                    missing[one.name] = one.install
                    continue
                finished = harness.run_child(command, client_core)
                taken.setdefault(one.name, []).append(finished.cpu_seconds / one.count * 1e6)
    return row({name: median(rounds) for name, rounds in taken.items()}, missing)


def row(medians: dict[str, float], missing: dict[str, str]) -> harness.Row:
    """What is said of it."""
    ours = medians["patata"]
    times = ours / medians["wrk"]
    others = {name: figure for name, figure in medians.items() if name not in ("wrk", "patata")}
    told = ", ".join(f"{name} {figure / ours:,.1f}" for name, figure in others.items())
    if missing:
        told += "; not here: " + ", ".join(f"{name} ({install})" for name, install in missing.items())
    is_met = times <= WRK_TIMES and all(figure > ours for figure in others.values())
    figures: dict[str, Any] = {"cpu_microseconds": medians}
    measured = f"{times:.2f} times wrk's CPU; times patata's: {told}"
    return harness.Row(NAME, measured, TARGET, harness.verdict(is_met), figures)


if __name__ == "__main__":
    harness.main(NAME, TARGET, measure)
