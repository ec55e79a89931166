"""One request of :meth:`patata.AsyncPatata.request`, from its sending to its response."""

from __future__ import annotations

import asyncio
from typing import Any

from patata import _patata, exceptions
from patata._aio import TURN
from patata._aio.threads import in_thread
from patata._aio.wakeup import Wakeup
from patata.models import Request, Response
from patata.receipt import Accounts

ALL = 2
"""One more than there are: who takes so many is told of the end with the last one."""


class Exchange:
    """A request that is under way. It must be closed, unless it has given its response."""

    __slots__ = ("__weakref__", "_ending", "_stream", "_wakeup", "accounts")

    def __init__(
        self,
        method: str,
        item: Request | tuple[object, str],
        engine: _patata.Client,
        settings: dict[str, Any],
    ) -> None:
        self._wakeup = Wakeup()
        self._ending: asyncio.Future[None] | None = None
        try:
            self._stream = _patata.PushStream(method, engine, settings, self._wakeup.from_threads)
            self._stream.push(iter((item,)), 1, TURN)
        except BaseException:
            self._wakeup.close()
            raise
        self._stream.close_input()
        self.accounts = Accounts(self._stream)

    async def response(self) -> Response:
        """The response, once it is there."""
        while True:
            if self._ending is not None:
                raise exceptions.ClientClosedError("the client was closed during this run")
            if taken := self._stream.take(ALL):
                # All has ended by itself, so nothing of this waits.
                self._stream.close()
                self._wakeup.close()
                return taken[0]
            if self._stream.arm():
                await self._wakeup.wait()
            else:
                await asyncio.sleep(0)

    def abandon(self) -> None:
        """Ends it without waiting: there is no event loop any more that would."""
        if (control := self._stream.control()) is not None:
            control.cancel()

    async def close(self) -> None:
        """Ends it, whatever it is at, and waits until that is done."""
        if self._ending is None:
            control = self._stream.control()
            if control is None:
                # It has ended, or this is the child of a fork, where the event loop is the parent's too.
                return
            control.cancel()
            self._ending = in_thread(self._stream.close)
            self._wakeup.close()
        if not self._ending.done():
            # Should this be cancelled too, it ends all the same.
            await asyncio.wait([self._ending])
