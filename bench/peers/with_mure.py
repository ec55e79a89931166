"""mure: a generator of responses in the order of the requests."""

import mure

from peers.job import Job

REQUIREMENTS = "mure==5.4.1"
CANNOT = {
    "callback": "its users write that around it as for any client",
    "tls": "cannot be told whom to trust",
    "http2": "cannot be told whom to trust",
}


def run(job: Job) -> None:
    ids = []

    def resources():
        for id_, url, body in job.items():
            ids.append(id_)
            yield {"url": url} if body is None else {"url": url, "json": body}

    call = getattr(mure, job.method.lower())
    for number, response in enumerate(call(resources(), batch_size=job.connections)):
        job.take(ids[number], response.status, response.json() if response.ok else {})
