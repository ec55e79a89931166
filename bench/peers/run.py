"""Has one peer do one job: in the peer's own environment, as ``run.py ADAPTER JOB``; prints what it took."""

import importlib
import json
import os
import resource
import sys
import time
from pathlib import Path


def cpu_seconds() -> float:
    """User and system, of all threads and of children that have ended."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def main() -> None:
    here = Path(__file__).resolve().parent
    sys.path.insert(0, str(here.parent))
    from clients.status import kilobytes

    from peers.job import Job

    adapter = importlib.import_module(f"peers.with_{sys.argv[1]}")
    job = Job(**json.loads(sys.argv[2]))
    # Neither the interpreter's start nor the import is a part of a request; start-up is measured apart.
    began, cpu = time.perf_counter(), cpu_seconds()
    adapter.run(job)
    ended = time.perf_counter()
    result = {
        "cpu_seconds": cpu_seconds() - cpu,
        "wall_seconds": ended - began,
        "steady_per_second": (job.count - job.connections) / (ended - job.opened) if job.opened else 0,
        # `ru_maxrss` would begin with the peak of the process that started this one.
        "peak_megabytes": kilobytes("VmHWM") / 1024,
        "right": len(job.right),
        "wrong": job.wrong,
        "lost": job.count - len(job.right) - job.wrong,
    }
    print("RESULT " + json.dumps(result), flush=True)
    # Some peers leave threads behind that crash while the interpreter ends.
    os._exit(0)


if __name__ == "__main__":
    # What peers have imported from here must not hide packages of the same names.
    sys.path.pop(0)
    main()
