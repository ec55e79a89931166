"""Sends 10,000 GETs to the embedded server, and prints the last response and the requests per second."""

import time
from collections import deque
from collections.abc import Iterator

from patata import Patata, Request
from patata.testing import Server

REQUESTS = 10_000


def requests(url: str) -> Iterator[Request]:
    """The input, made while it is read."""
    for id_ in range(REQUESTS):
        yield Request(id_=id_, url=f"{url}/")


def main() -> None:
    """Runs the demo."""
    with Server() as server, Patata() as client:
        begun = time.perf_counter()
        responses = deque(client.http("get", requests(server.url)))
        elapsed = time.perf_counter() - begun
    assert len(responses) == REQUESTS
    print(repr(responses.pop()))
    print(f"{REQUESTS / elapsed:,.0f} requests per second")


if __name__ == "__main__":
    main()
