"""Measures the CPU time of one GET from Python over 100 TLS connections, as a multiple of wrk's."""

import harness
import rivals
import servers
import turns

NAME = "tls"
MOST = 1.6
TARGET = f"at most {MOST} times wrk's"

ROUNDS = 5
REQUESTS = 300_000
CONNECTIONS = 100
WRK_SECONDS = 3


def measure() -> harness.Row:
    harness.programs("nginx", "wrk")
    client_core, server_core = harness.two_cores()
    with servers.secure_nginx(server_core) as server:
        options = ("tuple", "1.1", server.authority)
        spent = turns.take_turns(
            ROUNDS,
            {
                "wrk": lambda: (
                    rivals.run_wrk(server.url, CONNECTIONS, WRK_SECONDS, client_core).cpu_microseconds
                ),
                "patata": turns.patata(server.url, REQUESTS, client_core, *options),
            },
        )
    return spent.row(NAME, TARGET, MOST, "wrk")


if __name__ == "__main__":
    harness.main(NAME, TARGET, measure)
