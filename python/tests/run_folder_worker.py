"""Goes on with a run until it is done, as one process: ``run_folder_worker.py KIND METHOD COUNT URL FOLDER``.

It writes a line for each response that it is given, once that is so.
"""

import asyncio
import os
import sys
from contextlib import aclosing

from patata import AsyncPatata, Patata, Request, RunFolder

OPTIONS = {"verbose": False, "concurrency": 20, "retries": 3, "backoff": 0.01}


def requests(count, url):
    """GETs have no side effects, each POST has one, which the server counts."""
    for number in range(count):
        id_ = [number, f"id {number}", None][number % 3]
        yield Request(id_, f"{url}/{number}", {"number": number} if METHOD == "post" else None)


def note(line):
    os.write(1, f"{line}\n".encode())


def changed(response):
    response.data = {"was": response.data}
    return response


def run(folder, count, url, callbacks, workers):
    with Patata(workers, **OPTIONS) as client:
        responses = client.http(METHOD, requests(count, url), callbacks, run_folder=folder)
        for response in responses:
            note(response.url.rpartition("/")[2])
        note(f"receipt {client.receipt.ok} {client.receipt.skipped} {client.receipt.unknown}")


async def run_on_a_loop(folder, count, url):
    async with AsyncPatata(2, **OPTIONS) as client:
        responses = client.http(METHOD, requests(count, url), run_folder=folder)
        async with aclosing(responses):
            async for response in responses:
                note(response.url.rpartition("/")[2])
        note(f"receipt {client.receipt.ok} {client.receipt.skipped} {client.receipt.unknown}")


if __name__ == "__main__":
    kind, METHOD, count, url, path = sys.argv[1:]
    folder = RunFolder(path, part_rows=50)
    if kind == "asyncio":
        asyncio.run(run_on_a_loop(folder, int(count), url))
    else:
        workers = 2 if kind == "processes" else 1
        run(folder, int(count), url, [changed] if kind != "plain" else [], workers)
