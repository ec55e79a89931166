"""GETs a URL over one worker, prints the CPU seconds.

Arguments: url count kind (request, tuple), and for https: version of HTTP, file of the authority to trust.
"""

import resource
import sys
from collections.abc import Iterator

from patata import Patata, Request


def requests(url: str, count: int) -> Iterator[Request]:
    for id_ in range(count):
        yield Request(id_=id_, url=url)


def tuples(url: str, count: int) -> Iterator[tuple[int, str]]:
    for id_ in range(count):
        yield id_, url


def cpu_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def main() -> None:
    url, count, kind = sys.argv[1], int(sys.argv[2]), sys.argv[3]
    source = {"request": requests, "tuple": tuples}[kind]
    secure = dict(zip(("http_version", "verify"), sys.argv[4:], strict=False))
    answered = 0
    # The start of the interpreter is not a part of a request; import_time.py has a row for it.
    begun = cpu_seconds()
    with Patata(num_workers=1, verbose_level=0, **secure) as client:
        for response in client.http("get", source(url, count)):
            # The data of a failure has other keys, so this also finds those.
            if "message" in response.data:
                answered += 1
    print(cpu_seconds() - begun)
    if answered != count:
        sys.exit(f"{count - answered} of {count} requests failed")


if __name__ == "__main__":
    main()
