"""Tells how much of RFC 9111 other caches for Python hold to, by the table of patata's own tests."""

from __future__ import annotations

import json

import harness

NAME = "caches"
TARGET = "no other holds more of the table than patata, whose tests have all 239 cases hold"
TABLE = harness.BENCH.parent / "crates" / "patata-cache" / "tests" / "rfc9111" / "cases.json"
NEEDS = ("must", "should", "may")
CACHES = {
    "hishel": ["hishel[httpx]==2.0.0", "time-machine==3.6.0"],
    "requests_cache": ["requests-cache==1.3.3", "time-machine==3.6.0"],
}
"""What is installed for each."""


def score(name: str) -> tuple[str, int]:
    """What a cache holds of the table, in words, and how many cases that are."""
    python = harness.environment(name, CACHES[name])
    ran = harness.run_client("caches.py", name, str(TABLE), python=python)
    held: dict[str, list[int]] = json.loads(ran.output)["held"]
    words = ", ".join(f"{held[need][0]} of {held[need][1]} {need}" for need in NEEDS)
    count = sum(right for right, _ in held.values())
    return f"{name} {count} ({words})", count


def measure() -> harness.Row:
    count = len(json.loads(TABLE.read_text()))
    scores = [score(name) for name in CACHES]
    is_met = all(other <= count for _, other in scores)
    return harness.Row(NAME, "; ".join(words for words, _ in scores), TARGET, harness.verdict(is_met))


if __name__ == "__main__":
    harness.main(NAME, TARGET, measure)
