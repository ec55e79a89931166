"""pyreqwest: reqwest under asyncio, one client."""

import asyncio

from pyreqwest.client import ClientBuilder

from peers.job import Job
from peers.pool import pool

REQUIREMENTS = "pyreqwest==0.15.1"
CANNOT: dict[str, str] = {}


def run(job: Job) -> None:
    asyncio.run(main(job))


async def main(job: Job) -> None:
    builder = ClientBuilder().max_connections(job.connections).pool_max_idle_per_host(job.connections)
    builder = builder.http2(True) if job.http2 else builder.http1_only()
    if authority := job.authority_pem():
        builder = builder.add_root_certificate_pem(authority)
    async with builder.build() as client:

        async def fetch(url, body):
            request = client.request(job.method, url)
            response = await (request.body_json(body) if body is not None else request).build().send()
            return response.status, await response.json()

        await pool(job, fetch)
