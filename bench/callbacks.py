"""Measures 100,000 responses through the README's callback in two workers, beside patata 3.6.0."""

from __future__ import annotations

import shutil
import subprocess
import sys
from statistics import median

import harness
import servers

NAME = "callbacks"
LEAST = 8
TARGET = f"at least {LEAST} times the old package's requests/s"

ROUNDS = 3
REQUESTS = 100_000
OLD_PACKAGE = "patata==3.6.0"
OLD_ENVIRONMENT = harness.BENCH / ".venvs" / "old"


def old_python() -> str:
    """The interpreter of the environment that has the old package, which is made at the first call."""
    python = OLD_ENVIRONMENT / "bin" / "python"
    check = [str(python), "-c", "import patata; patata.Patata"]
    if python.exists() and subprocess.run(check, capture_output=True).returncode == 0:
        return str(python)
    print(f"  making {OLD_ENVIRONMENT.relative_to(harness.REPOSITORY)} with {OLD_PACKAGE}", flush=True)
    # What is left of an attempt that broke off is no base for another.
    shutil.rmtree(OLD_ENVIRONMENT, ignore_errors=True)
    try:
        subprocess.run([sys.executable, "-m", "venv", str(OLD_ENVIRONMENT)], check=True)
        subprocess.run([str(python), "-m", "pip", "install", "--quiet", OLD_PACKAGE], check=True)
        subprocess.run(check, check=True)
    except subprocess.CalledProcessError as error:
        raise harness.NotMeasured(f"{OLD_PACKAGE} cannot be installed here: {error}") from error
    return str(python)


def one_run(url: str, python: str) -> dict[str, float]:
    """Requests per second, start and end of the processes included, and CPU, those of the processes too."""
    client = harness.run_client("callback_all.py", url, REQUESTS, python=python)
    return {
        "requests_per_second": REQUESTS / float(client.output),
        "cpu_microseconds": client.cpu_seconds / REQUESTS * 1e6,
    }


def measure() -> harness.Row:
    harness.programs("nginx")
    pythons = {"new": sys.executable, "old": old_python()}
    runs: dict[str, list[dict[str, float]]] = {which: [] for which in pythons}
    with servers.nginx() as url:
        for number in range(ROUNDS):
            for which, python in pythons.items():
                runs[which].append(one_run(url, python))
            rates = ", ".join(f"{which} {runs[which][-1]['requests_per_second']:,.0f}/s" for which in pythons)
            print(f"  round {number + 1} of {ROUNDS}: {rates}", flush=True)
    rate = {which: median(run["requests_per_second"] for run in runs[which]) for which in pythons}
    cpu = {which: median(run["cpu_microseconds"] for run in runs[which]) for which in pythons}
    ratio = rate["new"] / rate["old"]
    return harness.Row(
        NAME,
        f"{ratio:.1f} times: {rate['new']:,.0f}/s, old {rate['old']:,.0f}/s; "
        f"CPU {cpu['new']:.0f} µs, old {cpu['old']:.0f} µs",
        TARGET,
        harness.verdict(ratio >= LEAST),
        {"ratio": ratio, "median_requests_per_second": rate, "median_cpu_microseconds": cpu, "runs": runs},
    )


if __name__ == "__main__":
    harness.main(NAME, TARGET, measure)
