"""patata: one call."""

import os
from functools import partial

from patata import Patata

from peers.job import Job, worked_on

REQUIREMENTS = ""
CANNOT: dict[str, str] = {}
WORKERS = 1


def called_back(response, milliseconds):
    response.data = worked_on(response.data, milliseconds)
    return response


def run(job: Job) -> None:
    if job.callback_milliseconds:
        run_with_callback(job)
        return
    options = {"verify": job.authority or True, "http_version": "2" if job.http2 else "1.1"}
    requests = job.items() if job.sends else ((id_, url) for id_, url, _ in job.items())
    with Patata(
        WORKERS, verbose=False, concurrency=job.connections, retries=job.retries, **options
    ) as client:
        for response in client.http(job.method, requests):
            job.take(response.id_, response.status_code, response.data)


def run_with_callback(job: Job) -> None:
    callback = partial(called_back, milliseconds=job.callback_milliseconds)
    with Patata(os.cpu_count(), verbose=False, concurrency=job.connections) as client:
        for response in client.http(job.method, ((id_, url) for id_, url, _ in job.items()), [callback]):
            job.take(response.id_, response.status_code, response.data)
