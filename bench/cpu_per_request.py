"""Measures the CPU time of one GET from Python over 100 connections, as a multiple of wrk's."""

from statistics import median

import harness

NAME = "cpu_per_request"
MOST = 1.4
TARGET = f"at most {MOST} times wrk's"

ROUNDS = 5
REQUESTS = 500_000
CONNECTIONS = 100
WRK_SECONDS = 3
KINDS = ("request", "tuple")


def one_round(url: str, core: int) -> dict[str, float]:
    """CPU microseconds per request of wrk and of each kind of input, one after another."""
    spent = {"wrk": harness.run_wrk(url, CONNECTIONS, WRK_SECONDS, core).cpu_microseconds}
    for kind in KINDS:
        client = harness.run_client("get_all.py", url, REQUESTS, kind, core=core)
        spent[kind] = float(client.output) / REQUESTS * 1e6
    return spent


def measure() -> harness.Row:
    harness.programs("nginx", "wrk")
    client_core, server_core = harness.two_cores()
    rounds = []
    with harness.nginx(server_core) as url:
        for number in range(ROUNDS):
            rounds.append(one_round(url, client_core))
            figures = ", ".join(f"{who} {spent:.2f}" for who, spent in rounds[-1].items())
            print(f"  round {number + 1} of {ROUNDS}: CPU µs per request: {figures}", flush=True)
    medians = {who: median(spent[who] for spent in rounds) for who in ("wrk", *KINDS)}
    ratios = {kind: medians[kind] / medians["wrk"] for kind in KINDS}
    return harness.Row(
        NAME,
        f"tuples in {ratios['tuple']:.2f}, Requests in {ratios['request']:.2f} (wrk {medians['wrk']:.2f} µs)",
        TARGET,
        # A Request is built by the caller's own code, which costs what it costs; it is shown beside.
        harness.verdict(ratios["tuple"] <= MOST),
        {"ratios": ratios, "median_cpu_microseconds": medians, "rounds": rounds},
    )


if __name__ == "__main__":
    harness.main(NAME, TARGET, measure)
