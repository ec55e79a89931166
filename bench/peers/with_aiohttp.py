"""aiohttp on uvloop: one session, a worker for each connection."""

import aiohttp
import uvloop

from peers.job import Job
from peers.pool import pool

REQUIREMENTS = "aiohttp==3.14.5 uvloop==0.23.0"
CANNOT = {"http2": "speaks no HTTP/2"}


def run(job: Job) -> None:
    uvloop.run(main(job))


async def main(job: Job) -> None:
    connector = aiohttp.TCPConnector(limit=job.connections, ssl=job.ssl_context() or True)
    async with aiohttp.ClientSession(connector=connector) as session:

        async def fetch(url, body):
            async with session.request(job.method, url, json=body) as response:
                return response.status, await response.json(content_type=None)

        await pool(job, fetch)
