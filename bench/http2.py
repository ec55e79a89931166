"""Measures the CPU time of one GET from Python over 100 HTTP/2 streams, as a multiple of h2load's."""

import harness
import rivals
import servers
import turns

NAME = "http2"
MOST = 1.6
TARGET = f"at most {MOST} times h2load's"

ROUNDS = 5
REQUESTS = 300_000
STREAMS = 100


def measure() -> harness.Row:
    harness.programs("nginx", "h2load")
    client_core, server_core = harness.two_cores()
    with servers.secure_nginx(server_core) as server:
        options = ("tuple", "2", server.authority)
        spent = turns.take_turns(
            ROUNDS,
            {
                "h2load": lambda: (
                    rivals.run_h2load(server.url, STREAMS, REQUESTS, client_core).cpu_microseconds
                ),
                "patata": turns.patata(server.url, REQUESTS, client_core, *options),
            },
        )
    return spent.row(NAME, TARGET, MOST, "h2load")


if __name__ == "__main__":
    harness.main(NAME, TARGET, measure)
