"""Measures its own memory with all requests in flight at once. Arguments: url count.

Prints JSON: kilobytes, and the seconds that it took.
"""

import json
import sys
import threading
import time

from patata import Patata
from status import kilobytes

SAMPLE_SECONDS = 0.02


def sample(samples: list[int], has_ended: threading.Event) -> None:
    while not has_ended.wait(SAMPLE_SECONDS):
        samples.append(kilobytes("VmRSS"))


def main() -> None:
    url, count = sys.argv[1], int(sys.argv[2])
    answered = 0
    samples: list[int] = []
    has_ended = threading.Event()
    sampler = threading.Thread(target=sample, args=(samples, has_ended), daemon=True)
    with Patata(verbose_level=0, concurrency=count, http_version="1.1") as client:
        sampler.start()
        # The sampler's own memory is no part of a request.
        time.sleep(5 * SAMPLE_SECONDS)
        before, begun = kilobytes("VmRSS"), time.perf_counter()
        for response in client.http("get", ((id_, url) for id_ in range(count))):
            if "message" not in response.data:
                sys.exit(f"a request failed: {response}")
            answered += 1
        seconds = time.perf_counter() - begun
    has_ended.set()
    sampler.join()
    if answered != count:
        sys.exit(f"{answered} responses to {count} requests")
    taken = {"before": before, "sampled": max(samples), "peak": kilobytes("VmHWM"), "seconds": seconds}
    print(json.dumps(taken))


if __name__ == "__main__":
    main()
