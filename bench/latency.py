"""Measures how near 2,000 connections come to the ideal rate where each answer takes 100 ms."""

from __future__ import annotations

from statistics import median

import harness
import rivals
import servers

NAME = "latency"
LEAST = 0.9
CONNECTIONS = 2_000
DELAY_MILLISECONDS = 100
IDEAL = CONNECTIONS * 1000 / DELAY_MILLISECONDS
TARGET = f"at least {LEAST:.0%} of {IDEAL:,.0f}/s"

ROUNDS = 5
REQUESTS = 40_000
WRK_SECONDS = 4


def wrk_rate(url: str) -> float | None:
    """What the server itself can do, if wrk is here to say it."""
    try:
        return rivals.run_wrk(url, CONNECTIONS, WRK_SECONDS).requests_per_second
    except harness.NotMeasured:
        return None


def measure() -> harness.Row:
    # Client and server are children and inherit this.
    harness.raise_file_limit(CONNECTIONS + 500)
    rates, wrk_rates = [], []
    with servers.embedded_server(threads=2) as server:
        url = f"{server}/delay/{DELAY_MILLISECONDS}"
        for number in range(ROUNDS):
            client = harness.run_client("latency_all.py", url, REQUESTS, CONNECTIONS)
            rates.append(REQUESTS / float(client.output))
            print(f"  round {number + 1} of {ROUNDS}: {rates[-1]:,.0f}/s", end="", flush=True)
            rate = wrk_rate(url)
            wrk_rates += [rate] if rate is not None else []
            print(f", wrk {rate:,.0f}/s" if rate else f" (for wrk beside it: {harness.INSTALL})", flush=True)
    return row(median(rates), median(wrk_rates) if wrk_rates else None, rates, wrk_rates)


def row(rate: float, wrk: float | None, rates: list[float], wrk_rates: list[float]) -> harness.Row:
    share = rate / IDEAL
    measured = f"{share:.1%} ({rate:,.0f}/s)"
    if wrk is not None:
        measured += f"; wrk on the same server {wrk / IDEAL:.1%}"
    verdict = harness.verdict(share >= LEAST)
    if verdict == harness.MISSED and wrk is not None and wrk < LEAST * IDEAL:
        # The target holds "where the server can", and here it cannot.
        verdict, measured = harness.NOT_MEASURED, measured + ": the server is too slow here"
    figures = {"share": share, "ideal": IDEAL, "rates": rates, "wrk_rates": wrk_rates}
    return harness.Row(NAME, measured, TARGET, verdict, figures)


if __name__ == "__main__":
    harness.main(NAME, TARGET, measure)
