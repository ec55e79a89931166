"""patata beside its peers: each does the same job in turn, several times, on a core of its own.

``contest.py [--quick] [--peers a,b] [SCENARIO ...]``
"""

from __future__ import annotations

import argparse
import importlib
import json
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

import harness
from scenarios import CONNECTIONS, SCENARIOS, Scenario

PEERS = [
    "patata",
    "patata_two",
    "patata_old",
    "aiohttp",
    "httpx",
    "requests",
    "niquests",
    "pyreqwest",
    "wreq",
    "primp",
    "floodr",
    "aiosonic",
    "reqstorm",
    "mure",
    "rusty_req",
]
OURS = ("patata", "patata_two")
COMPARED = {
    "cpu": "cpu_microseconds",
    "wall": "wall_seconds",
    "memory": "peak_megabytes",
    "start": "start_seconds",
}
"""The figures by which it is said who is ahead."""

QUICK_PEERS = ["patata", "aiohttp", "httpx", "pyreqwest", "wreq", "floodr"]
QUICK_SCENARIOS = ["get", "post", "tls", "http2", "failing"]

PILOT = 200
"""Requests by which it is found out how many make a round."""
SECONDS = 1.5
"""About how long a round takes."""
PATIENCE = 30
"""Seconds of CPU time that a round may take at most."""
LONGEST = 120
"""Seconds after which a peer is given up."""


@dataclass
class Entry:
    """What one peer did in one scenario."""

    rounds: list[dict[str, float]] = field(default_factory=list)
    reason: str = ""
    """Why there are none."""

    def figure(self, name: str) -> float | None:
        return median(one[name] for one in self.rounds) if self.rounds else None

    def spread(self) -> float:
        """How far the rounds are apart, as a share of their median."""
        values = [one["cpu_microseconds"] for one in self.rounds]
        return (max(values) - min(values)) / median(values) if values else 0.0


def environment(peer: str) -> str:
    """The interpreter of a peer's own environment, which is made where it is missing."""
    if peer in OURS:
        return sys.executable
    folder = harness.BENCH / ".venvs" / peer
    python = folder / "bin" / "python"
    source = (harness.BENCH / "peers" / f"with_{peer}.py").read_text()
    wanted = source.split("REQUIREMENTS = ", 1)[1].split("\n", 1)[0].strip("'\"").split()
    marker = folder / ".installed"
    if not marker.exists() or marker.read_text() != " ".join(wanted):
        print(f"  {peer}: installing {' '.join(wanted)}", flush=True)
        subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
        subprocess.run(
            [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *wanted],
            check=True,
        )
        marker.write_text(" ".join(wanted))
    return str(python)


def cannot(peer: str) -> dict[str, str]:
    """The scenarios that a peer has no way to do, and why. Read without importing the peer."""
    source = (harness.BENCH / "peers" / f"with_{peer}.py").read_text()
    text = source.split("CANNOT", 1)[1].split("=", 1)[1].lstrip()
    reasons: dict[str, str] = eval(text[: text.index("}") + 1])
    return reasons


def run_peer(peer: str, python: str, job: dict[str, Any], core: int | None) -> dict[str, float]:
    """Has a peer do a job. Raises where it ends without a result."""
    command = [python, str(harness.BENCH / "peers" / "run.py"), peer, json.dumps(job)]
    finished = harness.run_child(command, core, LONGEST)
    line = next(line for line in finished.output.splitlines() if line.startswith("RESULT "))
    result: dict[str, float] = json.loads(line.removeprefix("RESULT "))
    result["cpu_microseconds"] = result["cpu_seconds"] / job["count"] * 1e6
    result["requests_per_second"] = job["count"] / result["wall_seconds"]
    result["count"] = job["count"]
    result["start_seconds"] = finished.wall_seconds
    result["start_cpu_seconds"] = finished.cpu_seconds
    return result


def measure(scenario: Scenario, peers: list[str], rounds: int) -> dict[str, Any]:
    """All peers in one scenario."""
    client_core, server_core = harness.two_cores()
    entries = {peer: Entry() for peer in peers}
    limits: list[float] = []
    with scenario.server(server_core) as place:
        job = {"method": "GET", "connections": CONNECTIONS, **scenario.job, **place}
        counts = {}
        for peer in peers:
            entries[peer].reason = cannot(peer).get(scenario.name, "")
            if not entries[peer].reason:
                counts[peer] = size(scenario, peer, job, client_core, entries[peer])
        for number in range(rounds):
            if scenario.limit is not None:
                limits.append(scenario.limit(place, client_core, 1 if rounds == 1 else 2))
            for peer in peers:
                if entries[peer].reason:
                    continue
                try:
                    given = {**job, "count": counts[peer]}
                    # A callback is to use all cores.
                    core = None if scenario.name == "callback" else client_core
                    entries[peer].rounds.append(run_peer(peer, environment(peer), given, core))
                except Exception as error:
                    entries[peer].reason = f"failed: {error!s:.80}".splitlines()[0]
            print(f"  {scenario.name}: round {number + 1} of {rounds}", flush=True)
    return {"scenario": scenario, "entries": entries, "limit": median(limits) if limits else None}


def size(scenario: Scenario, peer: str, job: dict[str, Any], core: int, entry: Entry) -> int:
    """How many requests a peer is given in each round."""
    given = {**job, "count": min(PILOT, scenario.count or PILOT)}
    try:
        pilot = run_peer(peer, environment(peer), given, core)
        if scenario.count is None and pilot["wall_seconds"] < SECONDS / 2:
            # Of a fast one that was mostly the opening of connections.
            pilot = run_peer(peer, environment(peer), {**given, "count": 20 * PILOT}, core)
    except Exception as error:
        entry.reason = f"failed: {error!s:.80}".splitlines()[0]
        return 0
    each = pilot["wall_seconds"] / pilot["count"]
    if scenario.count is None:
        return max(PILOT, min(scenario.most, int(SECONDS / each)))
    if pilot["cpu_seconds"] / pilot["count"] * scenario.count > PATIENCE:
        entry.reason = f"needs {pilot['cpu_microseconds'] / 1000:.1f} ms CPU a request: left out"
    return scenario.count


def report(measured: dict[str, Any]) -> dict[str, Any]:
    """Prints a scenario's table, and gives what is kept of it."""
    scenario, entries, limit = measured["scenario"], measured["entries"], measured["limit"]
    base = entries["patata"].figure("cpu_microseconds")
    print(f"\n{scenario.title}")
    names = ("", "CPU µs", "x patata", "spread", "req/s", "MB", "seconds", "right", "wrong")
    print("  {:<12}{:>10}{:>10}{:>8}{:>10}{:>7}{:>9}{:>9}{:>7}".format(*names))
    if limit is not None:
        print(f"  {scenario.limit_name:<12}{limit:>10.1f}{limit / base if base else 0:>10.2f}")
    for peer, entry in entries.items():
        spent = entry.figure("cpu_microseconds")
        if spent is None:
            print(f"  {peer:<12}{entry.reason}")
            continue
        one = entry.rounds[-1]
        ratio = spent / base if base else 0
        bad = max(r["wrong"] + r["lost"] for r in entry.rounds)
        print(
            f"  {peer:<12}{spent:>10.1f}{ratio:>10.2f}{entry.spread():>8.0%}"
            f"{entry.figure('requests_per_second'):>10,.0f}{entry.figure('peak_megabytes'):>7.0f}"
            f"{entry.figure('start_seconds'):>9.2f}{one['right']:>9,.0f}{bad:>7,.0f}"
        )
    verdicts = judge(scenario, entries, limit)
    for text in verdicts:
        print(f"  {text}")
    return {
        "name": scenario.name,
        "title": scenario.title,
        "limit": {"name": scenario.limit_name, "cpu_microseconds": limit} if limit else None,
        "peers": {
            peer: {
                "cpu_microseconds": entry.figure("cpu_microseconds"),
                "requests_per_second": entry.figure("requests_per_second"),
                "peak_megabytes": entry.figure("peak_megabytes"),
                "wall_seconds": entry.figure("wall_seconds"),
                "start_seconds": entry.figure("start_seconds"),
                "spread": entry.spread(),
                "rounds": entry.rounds,
                "reason": entry.reason,
            }
            for peer, entry in entries.items()
        },
        "verdicts": verdicts,
    }


def judge(scenario: Scenario, entries: dict[str, Entry], limit: float | None) -> list[str]:
    """Whether patata reaches what it is to reach."""
    name = COMPARED[scenario.by]
    ours = entries["patata"].figure(name)
    if ours is None:
        return ["patata did not do it: MISSED"]
    verdicts = []
    if limit is not None and scenario.limit_times is not None:
        times = ours / limit
        is_met = harness.verdict(times <= scenario.limit_times)
        verdicts.append(f"{times:.2f} times {scenario.limit_name}, at most {scenario.limit_times}: {is_met}")
    others = {
        peer: figure
        for peer, entry in entries.items()
        if peer not in OURS
        and (figure := entry.figure(name)) is not None
        # Who loses answers has not done the work.
        and all(one["right"] == one["count"] for one in entry.rounds)
    }
    if others:
        best = min(others, key=lambda peer: others[peer])
        share = ours / others[best]
        is_met = harness.verdict(share <= scenario.peer_share)
        verdicts.append(
            f"{share:.2f} of the best peer's ({best}), at most {scenario.peer_share:.2f}: {is_met}"
        )
    if any(one["right"] != one["count"] for one in entries["patata"].rounds):
        verdicts.append("patata lost answers: MISSED")
    two = entries.get("patata_two")
    if two is not None and scenario.name == "get" and (spent := two.figure("cpu_microseconds")) is not None:
        is_met = harness.verdict(spent <= 1.1 * ours)
        verdicts.append(f"two workers take {spent / ours:.2f} times one's CPU, at most 1.10: {is_met}")
    return verdicts


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("scenarios", nargs="*", choices=[[], *(one.name for one in SCENARIOS)])
    parser.add_argument("--quick", action="store_true", help="one round, few peers and scenarios; minutes")
    parser.add_argument("--rounds", type=int, help="how many; 3, or 1 where quick")
    parser.add_argument("--peers", help="these, with commas between; patata is always among them")
    given = parser.parse_args()
    wanted = given.scenarios or (QUICK_SCENARIOS if given.quick else [one.name for one in SCENARIOS])
    peers = given.peers.split(",") if given.peers else (QUICK_PEERS if given.quick else PEERS)
    peers = list(dict.fromkeys(["patata", *peers]))
    harness.raise_file_limit(9_000)
    for peer in peers:
        environment(peer)
    build = harness.build()
    results = [
        report(measure(scenario, peers, given.rounds or (1 if given.quick else 3)))
        for scenario in SCENARIOS
        if scenario.name in wanted
    ]
    if harness.build() != build:
        print("patata was rebuilt meanwhile: nothing is kept")
        return 1
    keep(results, given.quick)
    return 1 if any("MISSED" in text for result in results for text in result["verdicts"]) else 0


def keep(results: list[dict[str, Any]], is_quick: bool) -> None:
    """Writes what was measured; that of a quick run apart."""
    path = harness.RESULTS / ("contest-quick.json" if is_quick else "contest.json")
    before: list[dict[str, Any]] = []
    if path.exists():
        measured = {result["name"] for result in results}
        before = [one for one in json.loads(path.read_text())["scenarios"] if one["name"] not in measured]
    order = [one.name for one in SCENARIOS]
    everything = sorted([*before, *results], key=lambda one: order.index(one["name"]))
    harness.write(path, {"scenarios": everything})
    print(f"\n{Path(path).relative_to(harness.REPOSITORY)}")


if __name__ == "__main__":
    importlib.invalidate_caches()
    sys.exit(main())
