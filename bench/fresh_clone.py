"""Measures the wall time of `make test` in a fresh clone of the committed HEAD; downloads stay cached."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import tempfile
import time
from pathlib import Path

import harness

NAME = "fresh_clone"
MOST_MINUTES = 15
TARGET = f"under {MOST_MINUTES} minutes on 2 cores"

GIVE_UP_MINUTES = 40
CORES = 2

# Each of them would let the clone use what was built or installed elsewhere.
NOT_INHERITED = ("CARGO_TARGET_DIR", "RUSTC_WRAPPER", "VIRTUAL_ENV", "PYTHONPATH", "MAKEFLAGS", "MAKELEVEL")


def environment() -> dict[str, str]:
    """This process's own, with the caches of cargo and pip, but without the working copy's tools."""
    kept = {name: value for name, value in os.environ.items() if name not in NOT_INHERITED}
    folders = kept.get("PATH", os.defpath).split(os.pathsep)
    own = str(harness.REPOSITORY)
    kept["PATH"] = os.pathsep.join(folder for folder in folders if not folder.startswith(own))
    return kept


def use_two_cores() -> None:
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:CORES])


def make_test(folder: Path, log: Path) -> bool:
    """Runs it, with what it prints in a file. A group of its own, so that all of it can be ended."""
    with log.open("wb") as output:
        make = subprocess.Popen(
            ["make", "test"],
            cwd=folder,
            env=environment(),
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=use_two_cores,
        )
        try:
            return make.wait(GIVE_UP_MINUTES * 60) == 0
        except subprocess.TimeoutExpired:
            return False
        finally:
            if make.poll() is None:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(make.pid, signal.SIGKILL)
                make.wait()


def measure() -> harness.Row:
    with tempfile.TemporaryDirectory(prefix="patata-clone-") as folder:
        clone, log = Path(folder, "patata"), Path(folder, "log")
        started = time.perf_counter()
        subprocess.run(["git", "clone", "--quiet", str(harness.REPOSITORY), str(clone)], check=True)
        passed = make_test(clone, log)
        minutes = (time.perf_counter() - started) / 60
        if not passed:
            lines = log.read_text(errors="replace").splitlines()[-40:]
            print("  make test failed; the end of what it printed:", *lines, sep="\n    ", flush=True)
    return harness.Row(
        NAME,
        f"{minutes:.1f} minutes" + ("" if passed else ", and make test failed"),
        TARGET,
        harness.verdict(passed and minutes < MOST_MINUTES),
        {"minutes": minutes, "passed": passed},
    )


if __name__ == "__main__":
    harness.main(NAME, TARGET, measure)
