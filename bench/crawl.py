"""Measures a crawl of 100,000 pages on 500 hosts: whole, and killed five times and gone on with."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import harness
import site_of_pages as site

NAME = "crawl"
PAGES, HOSTS, KILLS = 100_000, 500, 5
GROWTH = 0.25
TARGET = (
    f"each page once, but for those in flight at a kill; nothing forbidden; memory within {GROWTH:.0%} from "
    "10,000 to 100,000 pages"
)


@contextlib.contextmanager
def serving(pages: int, hosts: int, folder: Path) -> Iterator[int]:
    """The port of a site of its own process."""
    told = folder / "port"
    script = str(harness.BENCH / "site_of_pages.py")
    with subprocess.Popen([sys.executable, script, str(pages), str(hosts), str(told)]) as process:
        try:
            while not (told.exists() and told.read_text()):
                time.sleep(0.05)
            yield int(told.read_text())
        finally:
            process.kill()


def counts(port: int) -> Counter[str]:
    """How often each URL was asked for, without its scheme."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/counts") as response:
        return Counter(json.load(response))


def answer(port: int, most: float) -> None:
    """Has the site answer no more than the first so many requests for pages."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/answer/{most}"):
        pass


def asked(port: int) -> int:
    """How often it was asked for pages."""
    return sum(count for url, count in counts(port).items() if "/pages/" in url)


def crawl(port: int, folder: Path, hosts: int, kill_at: list[int]) -> dict[str, Any]:
    """Crawls the site, killed when so many pages have been asked for. Gives what the last process tells."""
    command = [sys.executable, str(harness.CLIENTS / "crawl.py"), site.url(0, port, hosts), str(folder)]
    for many in kill_at:
        with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
            while asked(port) < many:
                if process.poll() is not None:
                    raise RuntimeError(f"the crawl ended before it was killed, with {process.returncode}")
                time.sleep(0.1)
            process.kill()
    return dict(json.loads(harness.run_child(command).output))


def findings(port: int, pages: int, hosts: int) -> dict[str, int]:
    """What the site was asked for."""
    seen = counts(port)
    of_pages = {url: count for url, count in seen.items() if "/pages/" in url}
    every = {site.url(page, port, hosts).removeprefix("http://") for page in range(pages)}
    return {
        "missing": len(every - of_pages.keys()),
        "again": sum(of_pages.values()) - len(of_pages),
        "robots": sum(count for url, count in seen.items() if url.endswith("/robots.txt")),
        "forbidden": sum(count for url, count in seen.items() if "/private/" in url),
    }


def figures(pages: int, hosts: int, kills: int) -> dict[str, Any]:
    """A crawl that is killed so often, at even distances."""
    with tempfile.TemporaryDirectory(dir=harness.RESULTS) as name:
        folder = Path(name)
        with serving(pages, hosts, folder) as port:
            begun = time.perf_counter()
            kill_at = [pages * number // (kills + 1) for number in range(1, kills + 1)]
            told = crawl(port, folder / "run", hosts, kill_at)
            seconds = time.perf_counter() - begun
            return {**told, **findings(port, pages, hosts), "seconds": seconds}


def measure() -> harness.Row:
    harness.RESULTS.mkdir(exist_ok=True)
    whole, killed = figures(PAGES, HOSTS, 0), figures(PAGES, HOSTS, KILLS)
    megabytes = {int(count): kilobytes * 1024 / 1e6 for count, kilobytes in whole["samples"].items()}
    growth = megabytes[max(megabytes)] / megabytes[min(megabytes)] - 1
    told = (
        f"{PAGES / whole['seconds']:,.0f} pages/s; {megabytes[min(megabytes)]:.0f} MB at {min(megabytes):,}, "
        f"{megabytes[max(megabytes)]:.0f} MB at {max(megabytes):,} ({growth:+.0%}), peak "
        f"{whole['peak'] * 1024 / 1e6:.0f} MB; killed {KILLS} times: {killed['missing']} pages missing, "
        f"{killed['again']} asked for again, {killed['forbidden']} forbidden ones"
    )
    is_met = (
        growth <= GROWTH
        and (whole["missing"], whole["again"], whole["forbidden"], whole["robots"]) == (0, 0, 0, HOSTS)
        and (killed["missing"], killed["forbidden"]) == (0, 0)
    )
    return harness.Row(NAME, told, TARGET, harness.verdict(is_met), {"whole": whole, "killed": killed})


if __name__ == "__main__":
    harness.main(NAME, TARGET, measure)
