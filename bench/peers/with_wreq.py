"""wreq: a fork of reqwest under asyncio, one client."""

import asyncio
from pathlib import Path

import wreq

from peers.job import Job
from peers.pool import pool

REQUIREMENTS = "wreq==0.13.0"
CANNOT: dict[str, str] = {}


def run(job: Job) -> None:
    asyncio.run(main(job))


async def main(job: Job) -> None:
    options = {"http2_only": True} if job.http2 else {"http1_only": True}
    if job.authority:
        options["tls_verify"] = Path(job.authority)
    client = wreq.Client(pool_max_idle_per_host=job.connections, **options)
    method = getattr(client, job.method.lower())

    async def fetch(url, body):
        response = await (method(url, json=body) if body is not None else method(url))
        return response.status.as_int(), await response.json()

    await pool(job, fetch)
