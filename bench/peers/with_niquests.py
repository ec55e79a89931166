"""niquests: one asynchronous session."""

import asyncio

import niquests

from peers.job import Job
from peers.pool import pool

REQUIREMENTS = "niquests==3.21.2"
CANNOT: dict[str, str] = {}


def run(job: Job) -> None:
    asyncio.run(main(job))


async def main(job: Job) -> None:
    async with niquests.AsyncSession(
        pool_connections=job.connections,
        pool_maxsize=job.connections,
        disable_http1=job.http2,
        disable_http2=not job.http2,
        disable_http3=True,
    ) as session:
        # Said with each request: what the environment says goes before a session's own.
        verify = job.authority or True

        async def fetch(url, body):
            response = await session.request(job.method, url, json=body, timeout=60, verify=verify)
            return response.status_code, response.json()

        await pool(job, fetch)
