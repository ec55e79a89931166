"""Counts the instructions of one GET, which hardly depend on the machine's mood; compares with those kept.

``instructions.py`` checks, ``instructions.py --keep`` writes the figure anew.
``instructions.py --budgets`` shows what a budget costs beside a rate of the same value, ``instructions.py
--telemetry`` what it costs to be watched.
"""

from __future__ import annotations

import contextlib
import json
import os
import platform
import re
import shutil
import subprocess
import sys
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent
KEPT = Path(__file__).resolve().parent / "instructions.json"
TOLERANCE = 0.03
FEW, MANY = 500, 4_500
"""The difference of two runs leaves out what a run itself costs."""
ROUNDS = 3
"""Of which the least counts: now and then a thread goes to sleep that need not."""
BUDGET_TOLERANCE = 0.03
"""What a budget may cost beyond a rate of the same value."""
WATCHED = {"metrics": 0.05, "traces": 0.10}
"""What it may cost to count each exchange, and besides to record a hundredth of them as spans."""


def circumstances() -> str:
    """What the figure holds for: other compilers and processors make and take other instructions."""
    told = subprocess.run(["rustc", "-vV"], capture_output=True, text=True, check=True).stdout
    parts = dict(line.split(": ", 1) for line in told.splitlines() if ": " in line)
    valgrind = subprocess.run(["valgrind", "--version"], capture_output=True, text=True, check=True).stdout
    libc = "-".join(platform.libc_ver())
    return f"rustc {parts['release']} {parts['host']}, {libc}, {valgrind.strip()}, {vectors()}"


def vectors() -> str:
    """The widest vectors of the processor, which the C library chooses its copying by."""
    with contextlib.suppress(OSError):
        flags = set(Path("/proc/cpuinfo").read_text().split())
        return next((name for name in ("avx512f", "avx2", "sse2") if name in flags), "no vectors")
    return "unknown vectors"


def built(package: str = "patata") -> Path:
    """The program that is counted, the example of this name of a package, built as it is released."""
    command = ["cargo", "build", "--release", "--quiet", "-p", package, "--example", "hot_path"]
    subprocess.run(command, cwd=REPOSITORY, check=True)
    told = subprocess.run(
        ["cargo", "metadata", "--no-deps", "--format-version=1"],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=True,
    )
    return Path(json.loads(told.stdout)["target_directory"]) / "release" / "examples" / "hot_path"


def counted(program: Path, requests: int, limit: list[str]) -> int:
    """The instructions of a run, without those of the server, which is another process."""
    valgrind = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null"]
    command = [*valgrind, str(program), str(requests), *limit]
    # Client and server share a core: so each request finds the client asleep when its answer comes.
    done = subprocess.run(command, capture_output=True, text=True, check=True, preexec_fn=on_one_core)
    found = re.search(r"Collected : (\d+)", done.stderr)
    if found is None:
        raise RuntimeError(f"valgrind counted nothing:\n{done.stderr}")
    return int(found[1])


def of_each(program: Path, *limit: str) -> float:
    """The instructions of one request, with what is named, where something is."""
    counts = [counted(program, MANY, [*limit]) - counted(program, FEW, [*limit]) for _ in range(ROUNDS)]
    return min(counts) / (MANY - FEW)


def with_budgets(program: Path) -> int:
    """Prints what limits cost, and fails where a budget costs too much."""
    rate = of_each(program, "rate")
    print("| limit | instructions a request | beside the rate |")
    print("|---|---|---|")
    print(f"| none | {of_each(program):,.0f} | |")
    print(f"| rate | {rate:,.0f} | |")
    has_failed = False
    for kind in ("requests", "tokens"):
        each = of_each(program, kind)
        print(f"| budget of {kind} | {each:,.0f} | {each / rate - 1:+.1%} |")
        has_failed |= each / rate - 1 > BUDGET_TOLERANCE
    return 1 if has_failed else 0


def with_telemetry(program: Path) -> int:
    """Prints what it costs to be watched, and fails where that is too much."""
    alone = of_each(program)
    print("| what is told | instructions a request | beside nothing |")
    print("|---|---|---|")
    print(f"| nothing | {alone:,.0f} | |")
    has_failed = False
    for what, most in WATCHED.items():
        each = of_each(program, what)
        print(f"| {what} | {each:,.0f} | {each / alone - 1:+.1%}, {most:.0%} at most |")
        has_failed |= each / alone - 1 > most
    return 1 if has_failed else 0


def on_one_core() -> None:
    """What a child calls before it becomes its program; its own children stay there."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})


def main() -> int:
    if shutil.which("valgrind") is None:
        print("valgrind is not installed: the instructions of the hot path were not counted")
        return 0
    if "--telemetry" in sys.argv:
        return with_telemetry(built("patata-telemetry"))
    program = built()
    if "--budgets" in sys.argv:
        return with_budgets(program)
    each = of_each(program)
    figure = {"instructions_per_request": round(each), "circumstances": circumstances()}
    if "--keep" in sys.argv:
        KEPT.write_text(json.dumps(figure, indent=2) + "\n")
        print(f"{each:,.0f} instructions a request, kept")
        return 0
    kept = json.loads(KEPT.read_text())
    if kept["circumstances"] != figure["circumstances"]:
        print(f"{each:,.0f} instructions a request; those kept are of {kept['circumstances']}: not compared")
        return 0
    change = each / kept["instructions_per_request"] - 1
    print(f"{each:,.0f} instructions a request, {change:+.1%} from those kept")
    if change > TOLERANCE:
        print("the hot path has become slower; bench/instructions.py --keep if that is meant")
    if change < -TOLERANCE:
        print("the hot path has become faster: bench/instructions.py --keep holds that")
    return 1 if change > TOLERANCE else 0


if __name__ == "__main__":
    sys.exit(main())
