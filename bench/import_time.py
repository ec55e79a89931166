"""Measures what `import patata` takes beyond the interpreter's own start, in CPU and in wall time."""

import sys
from statistics import median

import harness

NAME = "import_time"
MOST_MILLISECONDS = 40
TARGET = f"under {MOST_MILLISECONDS} ms, CPU and wall"

ROUNDS = 20
PROGRAMS = {"nothing": "pass", "patata": "import patata"}


def measure() -> harness.Row:
    cpu: dict[str, list[float]] = {name: [] for name in PROGRAMS}
    wall: dict[str, list[float]] = {name: [] for name in PROGRAMS}
    # The first round reads the files from disk and may compile them, which is no part of this.
    for number in range(ROUNDS + 1):
        for name, program in PROGRAMS.items():
            child = harness.run_child([sys.executable, "-c", program])
            if number > 0:
                cpu[name].append(child.cpu_seconds * 1000)
                wall[name].append(child.wall_seconds * 1000)
    cpu_more = median(cpu["patata"]) - median(cpu["nothing"])
    wall_more = median(wall["patata"]) - median(wall["nothing"])
    return harness.Row(
        NAME,
        f"CPU {cpu_more:.1f} ms, wall {wall_more:.1f} ms",
        TARGET,
        harness.verdict(max(cpu_more, wall_more) < MOST_MILLISECONDS),
        {"cpu_milliseconds": cpu_more, "wall_milliseconds": wall_more, "cpu": cpu, "wall": wall},
    )


if __name__ == "__main__":
    harness.main(NAME, TARGET, measure)
