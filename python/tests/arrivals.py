"""A server that notes when each request arrived, for tests of rates."""

import asyncio
import threading
import time
from bisect import bisect_left
from collections import Counter
from contextlib import closing, suppress

OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-type: application/json\r\n\r\n{}"


class OnALoop:
    """Runs on an event loop of its own thread while its ``with`` block does."""

    def __init__(self):
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    def __enter__(self):
        self._thread.start()
        self._server = asyncio.run_coroutine_threadsafe(self._begin(), self._loop).result(10)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    def __exit__(self, *_):
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _end(self):
        self._server.close()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for other in others:
            other.cancel()
        await asyncio.gather(*others, return_exceptions=True)


class Arrivals(OnALoop):
    """Answers GETs on a thread, running while its ``with`` block does.

    ``answer`` is called with the path of each, and returns its answer, which is sent ``delay`` seconds later:
    a number, or a function of the path too.
    """

    def __init__(self, answer=lambda _: OK, delay=0.0):
        super().__init__()
        self.answer = answer
        self.delay = delay
        self.log = []
        """When each has arrived, and its path."""
        self.told = []
        """When each was answered, and its path."""
        self.in_flight = self.most_in_flight = 0
        self._stood_still = []

    def __enter__(self):
        super().__enter__()
        asyncio.run_coroutine_threadsafe(self._watch(), self._loop)
        self.url = f"http://127.0.0.1:{self.port}"
        return self

    async def _begin(self):
        return await asyncio.start_server(self._serve, "127.0.0.1", 0)

    async def _serve(self, reader, writer):
        with closing(writer), suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                path = head.split(b" ", 2)[1].decode()
                self.log.append((time.monotonic(), path))
                answer = self.answer(path)
                if delay := self.delay(path) if callable(self.delay) else self.delay:
                    self.in_flight += 1
                    self.most_in_flight = max(self.most_in_flight, self.in_flight)
                    await asyncio.sleep(delay)
                    self.in_flight -= 1
                self.told.append((time.monotonic(), path))
                writer.write(answer)

    async def _watch(self):
        """Notes for how long nothing could be noted, as the machine was busy with something else."""
        while True:
            before = time.monotonic()
            await asyncio.sleep(0.005)
            now = time.monotonic()
            self._stood_still.append((now, now - before - 0.005))

    def times(self):
        return sorted(at for at, _ in self.log)

    def paths(self):
        """How often each path was asked for."""
        return Counter(path for _, path in self.log)

    def excess(self, rate):
        """How many more arrived in any second than a shared budget promises: at most 3 % more than its rate.

        What arrives while this server stands still is noted too late, in one second with what comes then.
        """
        times = self.times()
        moments = [at for at, _ in self._stood_still]

        def excess(index, begin):
            noted = self._stood_still[bisect_left(moments, begin) : bisect_left(moments, begin + 1.0) + 1]
            late = max((late for _, late in noted), default=0)
            return bisect_left(times, begin + 1.0) - index - rate * (1.03 + late)

        return max(excess(index, at) for index, at in enumerate(times))

    def mean(self, skipped=1.0):
        """How many arrived in a second, but for the beginning and the end."""
        times = self.times()
        begin, end = times[0] + skipped, times[-1] - skipped
        return (bisect_left(times, end) - bisect_left(times, begin)) / (end - begin)
