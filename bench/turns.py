"""CPU time of one request, of several programs that take turns: so what disturbs one disturbs all."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from statistics import median
from typing import Any

import harness

Contender = Callable[[], float]
"""Runs once, and says how many CPU microseconds a request took."""


@dataclass
class Spent:
    """CPU microseconds per request, by contender."""

    medians: dict[str, float]
    rounds: list[dict[str, float]]

    def figures(self, yardstick: str) -> dict[str, Any]:
        """What a row keeps of it."""
        return {
            "ratios": {who: self.ratio(who, yardstick) for who in self.medians if who != yardstick},
            "median_cpu_microseconds": self.medians,
            "rounds": self.rounds,
        }

    def ratio(self, who: str, yardstick: str) -> float:
        """How many times the yardstick's a contender's median is."""
        return self.medians[who] / self.medians[yardstick]

    def row(self, name: str, target: str, most: float, yardstick: str) -> harness.Row:
        """The row that compares patata with its yardstick."""
        ratio = self.ratio("patata", yardstick)
        patata, other = self.medians["patata"], self.medians[yardstick]
        measured = f"{ratio:.2f} ({patata:.2f} µs, {yardstick} {other:.2f} µs)"
        return harness.Row(name, measured, target, harness.verdict(ratio <= most), self.figures(yardstick))


def take_turns(rounds: int, contenders: dict[str, Contender]) -> Spent:
    """Runs all contenders one after another, so many times."""
    spent: list[dict[str, float]] = []
    for number in range(rounds):
        spent.append({who: run() for who, run in contenders.items()})
        figures = ", ".join(f"{who} {microseconds:.2f}" for who, microseconds in spent[-1].items())
        print(f"  round {number + 1} of {rounds}: CPU µs per request: {figures}", flush=True)
    return Spent({who: median(one[who] for one in spent) for who in contenders}, spent)


def patata(url: str, requests: int, core: int, *options: object) -> Contender:
    """The Python client: `options` are the further arguments of `clients/get_all.py`."""

    def run() -> float:
        client = harness.run_client("get_all.py", url, requests, *options, core=core)
        return float(client.output) / requests * 1e6

    return run
