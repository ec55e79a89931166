"""primp: one asynchronous client, without posing as a browser."""

import asyncio

import primp

from peers.job import Job
from peers.pool import pool

REQUIREMENTS = "primp==2.0.1"
CANNOT: dict[str, str] = {}


def run(job: Job) -> None:
    asyncio.run(main(job))


async def main(job: Job) -> None:
    options = {"http2_only": True} if job.http2 else {}
    if job.authority:
        options["ca_cert_file"] = job.authority
    async with primp.AsyncClient(timeout=60, **options) as client:
        method = getattr(client, job.method.lower())

        async def fetch(url, body):
            response = await (method(url, json=body) if body is not None else method(url))
            return response.status_code, response.json()

        await pool(job, fetch)
