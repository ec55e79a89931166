"""aiosonic on uvloop: one client whose pool has as many connections as there are workers."""

import aiosonic
import uvloop
from aiosonic.connectors import TCPConnector
from aiosonic.pools import PoolConfig

from peers.job import Job, parsed
from peers.pool import pool

REQUIREMENTS = "aiosonic==1.3.3 uvloop==0.23.0"
CANNOT = {"http2": "its HTTP/2 is experimental"}


def run(job: Job) -> None:
    uvloop.run(main(job))


async def main(job: Job) -> None:
    connector = TCPConnector(pool_configs={":default": PoolConfig(size=job.connections)})
    async with aiosonic.HTTPClient(connector) as client:

        async def fetch(url, body):
            options = {"ssl": job.ssl_context()} if job.authority else {}
            response = await client.request(url, job.method, json=body, **options)
            return response.status_code, parsed(await response.content())

        await pool(job, fetch)
