"""patata 3.6.0, the older package: asyncio in processes. It takes chunks, and no connections can be set."""

import os
from functools import partial

from patata import Patata
from patata.models import Request

from peers.job import Job, worked_on

REQUIREMENTS = "patata==3.6.0"
CANNOT = {
    "tls": "cannot be told whom to trust",
    "http2": "speaks no HTTP/2",
    "latency_8000": "has no setting for the connections",
    "latency_2000": "has no setting for the connections",
}


def called_back(response, milliseconds):
    response.data = worked_on(response.data, milliseconds)
    return response


def run(job: Job) -> None:
    requests = (Request(id_=id_, url=url, data=body) for id_, url, body in job.items())
    if job.callback_milliseconds:
        callbacks = [partial(called_back, milliseconds=job.callback_milliseconds)]
    else:
        callbacks = []
    with Patata(workers=os.cpu_count() if callbacks else 1, queue_max_size=10**7, verbose_level=0) as client:
        for response in client.http(job.method.lower(), requests, callbacks, retries=job.retries):
            job.take(response.id_, response.status_code, response.data)
