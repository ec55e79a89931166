"""Measures its own time with a callback, in either package. Arguments: url count. Prints the seconds."""

import sys
import time

from patata import Patata, Request

EXPECTED = {"message": "Hello world!"}


def mycallback(response):
    response.id_ = 1337
    return response


def mygen(url, count):
    for id_ in range(count):
        yield Request(id_=id_, url=url)


def main() -> None:
    url, count = sys.argv[1], int(sys.argv[2])
    right = answered = 0
    started = time.perf_counter()
    # The old package loses what is beyond its queue, so that has room for all.
    with Patata(workers=2, queue_max_size=2 * count, verbose_level=0) as client:
        for response in client.http("get", mygen(url, count), callbacks=[mycallback]):
            answered += 1
            right += response.id_ == 1337 and response.data == EXPECTED
    # The processes of both have started and ended within this time.
    seconds = time.perf_counter() - started
    if answered != count or right != count:
        sys.exit(f"of {count} requests {answered} were answered, {right} of them as expected")
    print(seconds)


if __name__ == "__main__":
    main()
