"""reqstorm: one call over aiohttp, whose results come as they are done."""

import asyncio

import reqstorm

from peers.job import Job

REQUIREMENTS = "reqstorm==2.5.0"
CANNOT = {"callback": "its users write that around it as for any client", "http2": "speaks no HTTP/2"}


def run(job: Job) -> None:
    asyncio.run(main(job))


async def main(job: Job) -> None:
    ids, requests = [], []
    for id_, url, body in job.items():
        ids.append(id_)
        requests.append(reqstorm.Request(url, method=job.method, json=body))
    options = {"ssl": job.ssl_context()} if job.authority else {}
    async for result in reqstorm.stream(
        requests, concurrency=job.connections, retries=job.retries - 1, timeout=60, **options
    ):
        job.take(ids[result.seed_index], result.status or 0, result.json() if result.ok else {})
