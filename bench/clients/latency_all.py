"""Measures its own time over slow requests. Arguments: url count concurrency. Prints the seconds."""

import sys
import time

from patata import Patata


def main() -> None:
    url, count, concurrency = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    answered = 0
    # Opening the connections is part of the time; the interpreter's own start is not.
    started = time.perf_counter()
    with Patata(verbose_level=0, concurrency=concurrency) as client:
        for response in client.http("get", ((id_, url) for id_ in range(count))):
            if "message" not in response.data:
                sys.exit(f"a request failed: {response}")
            answered += 1
    seconds = time.perf_counter() - started
    if answered != count:
        sys.exit(f"{answered} responses to {count} requests")
    print(seconds)


if __name__ == "__main__":
    main()
