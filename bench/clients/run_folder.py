"""Asks for one URL many times, with a run folder or without.

``run_folder.py URL COUNT [FOLDER [COMPRESSION]]``

Prints the CPU seconds of the call.
"""

import resource
import sys

from patata import Patata, RunFolder


def main() -> None:
    url, count, *given = sys.argv[1:]
    options = {}
    if given:
        folder, *compression = given
        options["run_folder"] = RunFolder(folder, **dict(zip(["compression"], compression, strict=False)))
    requests = ((number, url) for number in range(int(count)))
    with Patata(1, verbose=False, concurrency=100) as client:
        begun = used()
        right = sum(response.status_code == 200 for response in client.http("get", requests, **options))
        print(used() - begun)
    if right != int(count):
        sys.exit(f"{right} of {count} were right")


def used() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


if __name__ == "__main__":
    main()
