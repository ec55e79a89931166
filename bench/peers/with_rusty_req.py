"""rusty-req: all requests as a list, all responses as a list."""

import asyncio
import json

import rusty_req

from peers.job import Job

REQUIREMENTS = "rusty-req==0.4.27"
CANNOT = {
    "callback": "its users write that around it as for any client",
    "tls": "cannot be told whom to trust",
    "http2": "cannot be told whom to trust",
}


def run(job: Job) -> None:
    asyncio.run(main(job))


async def main(job: Job) -> None:
    # It sends whatever it is given at once: so it is given as many as there may be connections.
    items = list(job.items())
    for begin in range(0, len(items), job.connections):
        requests = [
            rusty_req.RequestItem(url=url, method=job.method, params=body, tag=str(id_), timeout=60.0)
            for id_, url, body in items[begin : begin + job.connections]
        ]
        mode = rusty_req.ConcurrencyMode.SELECT_ALL
        for answer in await rusty_req.fetch_requests(requests, total_timeout=60.0, mode=mode):
            status = answer["http_status"]
            content = json.loads(answer["response"])["content"] if status == 200 else "{}"
            job.take(int(answer["meta"]["tag"]), status, json.loads(content))
