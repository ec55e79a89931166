"""patata with two workers: what sharing one host among event loops costs."""

from peers import with_patata
from peers.job import Job

REQUIREMENTS = ""
CANNOT: dict[str, str] = {}


def run(job: Job) -> None:
    with_patata.WORKERS = 2
    with_patata.run(job)
