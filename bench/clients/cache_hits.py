"""Sends GETs without a cache, then with one that has nothing, then with the same when it has all.

Arguments: url requests. Prints JSON: the CPU microseconds of a request of each.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time

from patata import Patata

HITS = 4
"""How often all are asked for again."""


def cost(client: Patata, url: str, count: int) -> float:
    """The CPU microseconds of a request."""
    begun = time.process_time()
    ok = sum(response.ok for response in client.http("get", ((i, f"{url}?{i}") for i in range(count))))
    if ok != count:
        sys.exit(f"{ok} of {count} were answered")
    return (time.process_time() - begun) / count * 1e6


def main() -> None:
    url, count = sys.argv[1], int(sys.argv[2])
    with (
        tempfile.TemporaryDirectory() as folder,
        Patata(1, verbose=False) as plain,
        Patata(1, verbose=False, cache=folder, cache_mode="forever") as cached,
    ):
        sent = cost(plain, url, count)
        stored = cost(cached, url, count)
        hit = sum(cost(cached, url, count) for _ in range(HITS)) / HITS
    print(json.dumps({"sent": sent, "sent and stored": stored, "hit": hit}))


if __name__ == "__main__":
    main()
