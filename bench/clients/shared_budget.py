"""One of several clients that share a budget: GETs, until its input is closed. Arguments: url.

The handle is the first line of its input. Prints "ready" with the first answer, and at the end as JSON how
many requests were answered, and how many not.
"""

from __future__ import annotations

import itertools
import json
import sys
import threading

from patata import Patata


def main() -> None:
    handle, url = sys.stdin.readline().strip(), sys.argv[1]
    is_over = threading.Event()
    threading.Thread(target=lambda: (sys.stdin.read(), is_over.set()), daemon=True).start()
    requests = ((id_, url) for id_ in itertools.takewhile(lambda _: not is_over.is_set(), itertools.count()))
    answered = failed = 0
    # Little is taken in ahead, as all of it is sent after the end.
    with Patata(1, verbose_level=0, budget=handle, concurrency=50, queue_max_size=500) as client:
        for response in client.http("get", requests):
            answered += response.ok
            failed += not response.ok
            if answered + failed == 1:
                print("ready", flush=True)
    print(json.dumps({"answered": answered, "failed": failed}))


if __name__ == "__main__":
    main()
