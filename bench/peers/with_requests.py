"""requests in threads: one session for all, whose pool is as large as there are threads."""

from concurrent.futures import ThreadPoolExecutor

import requests
from requests.adapters import HTTPAdapter
from urllib3.util.retry import Retry

from peers.job import Job

REQUIREMENTS = "requests==2.34.2"
CANNOT = {
    "callback": "has threads, which share one core",
    "http2": "speaks no HTTP/2",
    "latency_8000": "8,000 threads",
    "latency_2000": "2,000 threads take turns at one lock",
}


def run(job: Job) -> None:
    retry = Retry(job.retries - 1, status_forcelist=[503], backoff_factor=0.1, allowed_methods=None)
    adapter = HTTPAdapter(pool_connections=job.connections, pool_maxsize=job.connections, max_retries=retry)
    with requests.Session() as session, ThreadPoolExecutor(job.connections) as threads:
        session.mount("http://", adapter)
        session.mount("https://", adapter)
        # Said with each request: what the environment says goes before a session's own.
        verify = job.authority or True

        def fetch(item):
            id_, url, body = item
            try:
                response = session.request(job.method, url, json=body, timeout=60, verify=verify)
                return id_, response.status_code, response.json()
            except Exception:
                return id_, 0, {}

        for id_, status, data in threads.map(fetch, job.items()):
            job.take(id_, status, data)
