"""floodr: all requests as a list, all responses as a list."""

import asyncio

import floodr

from peers.job import Job, parsed

REQUIREMENTS = "floodr==0.1.0"
CANNOT = {
    "callback": "its users write that around it as for any client",
    "tls": "cannot be told whom to trust",
    "http2": "cannot be told whom to trust",
}


def run(job: Job) -> None:
    asyncio.run(main(job))


async def main(job: Job) -> None:
    items = list(job.items())
    requests = [floodr.Request(url=url, method=job.method, json=body) for _, url, body in items]
    responses = await floodr.request(requests, max_concurrent=job.connections)
    for (id_, _, _), response in zip(items, responses, strict=True):
        # Its json() is one of pydantic's, which makes text of the response itself.
        job.take(id_, response.status_code, parsed(response.text) if response.ok else {})
