"""httpx: one asynchronous client."""

import asyncio

import httpx

from peers.job import Job
from peers.pool import pool

REQUIREMENTS = "httpx[http2]==0.28.1"
CANNOT: dict[str, str] = {}


def run(job: Job) -> None:
    asyncio.run(main(job))


async def main(job: Job) -> None:
    limits = httpx.Limits(max_connections=job.connections, max_keepalive_connections=job.connections)
    verify = job.ssl_context() or True
    async with httpx.AsyncClient(
        limits=limits, verify=verify, http1=not job.http2, http2=job.http2, timeout=60
    ) as client:

        async def fetch(url, body):
            response = await client.request(job.method, url, json=body)
            return response.status_code, response.json()

        await pool(job, fetch)
