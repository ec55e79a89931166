"""patata beside its peers: each does the same job in turn, several times, on a core of its own.

``contest.py [--quick] [--peers a,b] [SCENARIO ...]``
"""

from __future__ import annotations

import argparse
import importlib
import json
import sys
import uuid
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
    "wall": "wall_microseconds",
    "memory": "peak_megabytes",
    "start": "start_seconds",
}
"""The figures by which it is said who is ahead."""

KEPT = (
    "cpu_microseconds",
    "wall_microseconds",
    "requests_per_second",
    "steady_per_second",
    "peak_megabytes",
    "start_seconds",
)
"""Whose medians are in the results, beside the rounds."""

QUICK_PEERS = ["patata", "aiohttp", "httpx", "pyreqwest", "wreq", "floodr"]
QUICK_SCENARIOS = ["get", "post", "tls", "http2", "failing"]

PATIENCE = 45
"""Seconds of CPU time that a round may take at most."""
LEAST = 1_000
"""Requests of a round, however long they take: fewer would mostly be the opening of connections."""
LONGEST = 90
"""Seconds after which a peer is given up."""


@dataclass
class Entry:
    """What one peer did in one scenario."""

    rounds: list[dict[str, float]] = field(default_factory=list)
    reason: str = ""
    """Why there are none."""

    def __getitem__(self, figure: str) -> float:
        """The median of a figure, where there are rounds."""
        return median(one[figure] for one in self.rounds)

    def is_complete(self) -> bool:
        """Whether it got every answer, and each was right."""
        return bool(self.rounds) and all(one["right"] == one["count"] for one in self.rounds)

    def spread(self) -> float:
        """How far the rounds are apart, as a share of their median."""
        values = [one["cpu_microseconds"] for one in self.rounds]
        return (max(values) - min(values)) / median(values) if values else 0.0


def requirements(peer: str) -> list[str]:
    """What is installed for a peer. Read without importing it."""
    source = (harness.BENCH / "peers" / f"with_{peer}.py").read_text()
    return source.split("REQUIREMENTS = ", 1)[1].split("\n", 1)[0].strip("'\"").split()


def environment(peer: str) -> str:
    """The interpreter of a peer's own environment, which is made where it is missing."""
    return sys.executable if peer in OURS else harness.environment(peer, requirements(peer))


def cannot(peer: str) -> dict[str, str]:
    """The scenarios that a peer has no way to do, and why. Read without importing the peer."""
    source = (harness.BENCH / "peers" / f"with_{peer}.py").read_text()
    text = source.split("CANNOT", 1)[1].split("=", 1)[1].lstrip()
    reasons: dict[str, str] = eval(text[: text.index("}") + 1])
    return reasons


def run_peer(peer: str, python: str, job: dict[str, Any], core: int | None) -> dict[str, float]:
    """Has a peer do a job. Raises where it ends without a result."""
    job = {**job, "name": uuid.uuid4().hex}
    command = [python, str(harness.BENCH / "peers" / "run.py"), peer, json.dumps(job)]
    finished = harness.run_child(command, core, LONGEST)
    line = next(line for line in finished.output.splitlines() if line.startswith("RESULT "))
    result: dict[str, float] = json.loads(line.removeprefix("RESULT "))
    result["cpu_microseconds"] = result["cpu_seconds"] / job["count"] * 1e6
    result["wall_microseconds"] = result["wall_seconds"] / job["count"] * 1e6
    result["requests_per_second"] = job["count"] / result["wall_seconds"]
    result["count"] = job["count"]
    result["start_seconds"] = finished.wall_seconds
    result["start_cpu_seconds"] = finished.cpu_seconds
    return result


def measure(scenario: Scenario, peers: list[str], rounds: int) -> dict[str, Any]:
    """All peers in one scenario: what is kept of it, once its table has been printed."""
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
        for number in range(rounds * scenario.rounds):
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
            print(f"  {scenario.name}: round {number + 1} of {rounds * scenario.rounds}", flush=True)
        ideal = scenario.ideal(place) if scenario.ideal is not None else None
    limit = median(limits) if limits else None
    return report(scenario, entries, limit, ideal)


def size(scenario: Scenario, peer: str, job: dict[str, Any], core: int, entry: Entry) -> int:
    """How many requests a peer is given in each round."""
    given = {**job, "count": min(scenario.pilot, scenario.count or scenario.pilot)}
    try:
        pilot = run_peer(peer, environment(peer), given, core)
        if scenario.count is None and pilot["wall_seconds"] < scenario.seconds / 2:
            # Of a fast one that was mostly the opening of connections.
            given["count"] = 10 * scenario.pilot
            pilot = run_peer(peer, environment(peer), given, core)
    except Exception as error:
        entry.reason = f"failed: {error!s:.80}".splitlines()[0]
        return 0
    count = scenario.count
    if count is None:
        fitting = int(scenario.seconds / pilot["wall_microseconds"] * 1e6)
        count = max(LEAST, scenario.pilot, min(scenario.most, fitting))
    if pilot["cpu_microseconds"] * count > PATIENCE * 1e6:
        entry.reason = f"needs {pilot['cpu_microseconds'] / 1000:.1f} ms CPU a request: left out"
    return count


def report(
    scenario: Scenario, entries: dict[str, Entry], limit: float | None, ideal: float | None
) -> dict[str, Any]:
    """Prints a scenario's table, and gives what is kept of it."""
    print(f"\n{scenario.title}")
    print_entries(scenario, entries, limit)
    verdicts = judge(scenario, entries, limit, ideal)
    for text in verdicts:
        print(f"  {text}")
    # Who reads along through a pipe is to see each scenario when it is done.
    sys.stdout.flush()
    return {
        "name": scenario.name,
        "title": scenario.title,
        "limit": {"name": scenario.limit_name, "cpu_microseconds": limit} if limit else None,
        "ideal_per_second": ideal,
        "peers": {peer: kept(entry) for peer, entry in entries.items()},
        "verdicts": verdicts,
    }


def print_entries(scenario: Scenario, entries: dict[str, Entry], limit: float | None) -> None:
    """The table: the limit first, and a line for each peer."""
    base = entries["patata"]["cpu_microseconds"] if entries["patata"].rounds else None
    names = ("", "CPU µs", "x patata", "x limit", "spread", "req/s", "MB", "seconds", "right", "wrong")
    print("  {:<12}{:>10}{:>10}{:>9}{:>8}{:>10}{:>7}{:>9}{:>9}{:>7}".format(*names))

    def ratio(figure: float, to: float | None) -> str:
        return f"{figure / to:.2f}" if to else ""

    if limit is not None:
        print(f"  {scenario.limit_name:<12}{limit:>10.1f}{ratio(limit, base):>10}{'1.00':>9}")
    for peer, entry in entries.items():
        if not entry.rounds:
            print(f"  {peer:<12}{entry.reason}")
            continue
        spent, spread = entry["cpu_microseconds"], entry.spread()
        right = min(one["right"] for one in entry.rounds)
        bad = max(one["wrong"] + one["lost"] for one in entry.rounds)
        print(
            f"  {peer:<12}{spent:>10.1f}{ratio(spent, base):>10}{ratio(spent, limit):>9}{spread:>8.0%}"
            f"{entry['requests_per_second']:>10,.0f}{entry['peak_megabytes']:>7.0f}"
            f"{entry['start_seconds']:>9.2f}{right:>9,.0f}{bad:>7,.0f}"
        )


def kept(entry: Entry) -> dict[str, Any]:
    """An entry as it is written to the results."""
    figures = {name: entry[name] for name in KEPT} if entry.rounds else {}
    return {**figures, "spread": entry.spread(), "rounds": entry.rounds, "reason": entry.reason}


def judge(
    scenario: Scenario, entries: dict[str, Entry], limit: float | None, ideal: float | None
) -> list[str]:
    """Whether patata reaches what it is to reach, a line for each."""
    ours = entries["patata"]
    if not ours.rounds:
        return ["patata did not do it: MISSED"]
    # Who loses answers has not done the work.
    others = {name: entry for name, entry in entries.items() if name not in OURS and entry.is_complete()}
    verdicts = []
    if limit is not None and scenario.limit_times is not None:
        times = ours["cpu_microseconds"] / limit
        verdicts.append(at_most(f"{times:.2f} times {scenario.limit_name}", times, scenario.limit_times))
    if ideal is not None:
        share = ours["steady_per_second"] / ideal
        is_met = harness.verdict(share >= scenario.ideal_share)
        told = f"once its connections are open {share:.1%} of the ideal"
        verdicts.append(f"{told}, at least {scenario.ideal_share:.0%}: {is_met}")
    if others:
        figure = COMPARED[scenario.by]
        best = min(others, key=lambda peer: others[peer][figure])
        share = ours[figure] / others[best][figure]
        verdicts.append(at_most(f"{share:.2f} of the best peer's ({best})", share, scenario.peer_share))
    if not ours.is_complete():
        verdicts.append("patata lost answers: MISSED")
    elif scenario.answers:
        verdicts.append(f"all answers right; of the others, those of {', '.join(others) or 'none'}")
    if scenario.name == "get" and (two := entries.get("patata_two")) is not None and two.rounds:
        times = two["cpu_microseconds"] / ours["cpu_microseconds"]
        verdicts.append(at_most(f"two workers take {times:.2f} times one's CPU", times, 1.1))
    return verdicts


def at_most(told: str, measured: float, most: float) -> str:
    """A line that says what was measured, what it may be, and whether it is."""
    return f"{told}, at most {most:.2f}: {harness.verdict(measured <= most)}"


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
        measure(scenario, peers, given.rounds or (1 if given.quick else 3))
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
    versions = {peer: " ".join(requirements(peer)) for peer in PEERS if peer not in OURS}
    harness.write(path, {"peers": versions, "scenarios": everything})
    print(f"\n{Path(path).relative_to(harness.REPOSITORY)}")


if __name__ == "__main__":
    importlib.invalidate_caches()
    sys.exit(main())
