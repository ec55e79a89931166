"""Measures the CPU time of one GET from Python over 100 connections, as a multiple of wrk's."""

import harness
import rivals
import servers
import turns

NAME = "cpu_per_request"
MOST = 1.4
TARGET = f"at most {MOST} times wrk's"

ROUNDS = 5
REQUESTS = 500_000
CONNECTIONS = 100
WRK_SECONDS = 3


def measure() -> harness.Row:
    harness.programs("nginx", "wrk")
    client_core, server_core = harness.two_cores()
    with servers.nginx(server_core) as url:
        spent = turns.take_turns(
            ROUNDS,
            {
                "wrk": lambda: rivals.run_wrk(url, CONNECTIONS, WRK_SECONDS, client_core).cpu_microseconds,
                "request": turns.patata(url, REQUESTS, client_core, "request"),
                "tuple": turns.patata(url, REQUESTS, client_core, "tuple"),
            },
        )
    tuples, requests = (spent.ratio(kind, "wrk") for kind in ("tuple", "request"))
    return harness.Row(
        NAME,
        f"tuples in {tuples:.2f}, Requests in {requests:.2f} (wrk {spent.medians['wrk']:.2f} µs)",
        TARGET,
        # A Request is built by the caller's own code, which costs what it costs; it is shown beside.
        harness.verdict(tuples <= MOST),
        spent.figures("wrk"),
    )


if __name__ == "__main__":
    harness.main(NAME, TARGET, measure)
