"""The client for asyncio: it calls as :class:`patata.Patata` does, and never blocks the event loop."""

from __future__ import annotations

import asyncio
import time
import weakref
from collections.abc import AsyncGenerator, AsyncIterable, Awaitable, Callable, Iterable
from functools import partial
from types import TracebackType
from typing import TYPE_CHECKING, Any

from patata import _options, _patata
from patata._aio import TURN
from patata._aio.call import Call, get_ready
from patata._aio.exchange import Exchange
from patata._aio.threads import result_of
from patata._base import Client, close_after
from patata._call_state import CANCELLED, CallState, NeverIterated
from patata._methods import AsyncMethods
from patata._options import (
    CallOptions,
    ClientOnlyOptions,
    HttpOptions,
    Options,
    RequestOptions,
    Unpack,
    documented,
)
from patata.client import Callback, Item
from patata.exceptions import CallCancelledError
from patata.models import Response
from patata.receipt import tell
from patata.responses import AsyncResponses

if TYPE_CHECKING:
    from patata._frames.options import FetchOptions
    from patata.run_folder import RunFolder

AsyncCallback = Callable[[Response], Awaitable[Response]]


@documented(Parameters=ClientOnlyOptions, Other_Parameters=Options)
class AsyncPatata(Client, AsyncMethods):
    """Performs any number of HTTP requests, many at a time, for programs that run on asyncio.

    It may be used for several calls at once, all on one event loop, uvloop's for instance. Leaving the
    ``async with`` block, or :meth:`aclose`, ends the calls that are still open.

    Its parameters are those of :class:`patata.ClientOptions`.

    Raises
    ------
    ValueError
        For a value that cannot be used; it names the option.
    InvalidVerboseLevelError
        For a level other than 0, 1 and 2.

    Attributes
    ----------
    receipt
        The accounts of the call that ended last, however it did: a :class:`Receipt`. ``None`` before.

    Examples
    --------
    >>> import asyncio
    >>> from patata.testing import Server
    >>> async def main(url):
    ...     async with AsyncPatata(verbose=False) as client:
    ...         responses = client.http("get", ((id_, url) for id_ in range(1_000)))
    ...         return sum([response.status_code == 200 async for response in responses])
    >>> with Server() as server:
    ...     asyncio.run(main(server.url))
    1000
    """

    _OPEN = weakref.WeakSet
    """A call is kept by its generator alone, so that one that is abandoned can be collected."""

    @documented(Other_Parameters=HttpOptions)
    def http(
        self,
        method: str,
        requests: Iterable[Item] | AsyncIterable[Item] | None,
        callbacks: Iterable[Callback | AsyncCallback] | None = (),
        retries: int | None = _options.OF_CLIENT,
        timeout: float | None = _options.OF_CLIENT,
        **options: Unpack[CallOptions],
    ) -> AsyncResponses:
        """Performs the requests and yields each response as soon as it is there, each exactly once.

        What it returns is an asynchronous generator, :class:`patata.AsyncResponses`, for ``async for``, which
        can also be asked how far it is, and told to go slower, or to end. Nothing is sent before its first
        step, and an option that cannot be used raises at once. What is left is cancelled when the task is,
        and when the generator is closed: ``contextlib.aclosing`` does so after a ``break``. Failures,
        exceptions and order are as :meth:`Patata.http` says.

        Parameters
        ----------
        method
            In any case: GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS, TRACE, or any other token.
        requests
            Any iterable or asynchronous iterable of requests, as for :meth:`Patata.http`. It may be endless,
            and no more is taken from it than responses are taken. An input that is neither asynchronous nor
            one of Python's own containers may take its time: a thread of its own, always the same, advances
            it.
        callbacks
            Functions that take a response and return one; each gets what the one before it returned.
            Coroutine functions are awaited on the event loop, for as many responses at a time as
            ``concurrency`` says (1,000 for ``"auto"``). Plain functions run in a thread, or with more than
            one worker in processes, never on the event loop. What becomes of a response whose callback raises
            is as :meth:`Patata.http` says. Default: none.
        retries, timeout, options
            Any of :class:`patata.Options`, for this call, and ``run_folder``, as for :meth:`Patata.http`.

        Raises
        ------
        InvalidMethodError
            For a method that is not a token.
        ValueError
            For an item that is no request, or an option that cannot be used.
        ClientClosedError
            If the client is closed before all responses were taken.
        CallCancelledError
            If the call is cancelled before all responses were taken.
        TooManyFailures, DeadlineExceededError, RunFolderError
            As for :meth:`Patata.http`.

        Examples
        --------
        >>> import asyncio
        >>> from patata.testing import Server
        >>> async def shout(response):
        ...     await asyncio.sleep(0.01)
        ...     response.data = response.data["message"].upper()
        ...     return response
        >>> async def main(url):
        ...     async with AsyncPatata(verbose=False) as client:
        ...         async for response in client.http("get", [("an id", url)], callbacks=[shout]):
        ...             print(response)
        >>> with Server() as server:
        ...     asyncio.run(main(server.url))
        id_='an id' status_code=200 data='HELLO WORLD!'
        """
        functions = _options.callbacks(callbacks, may_be_coroutines=True)
        folder, others = self._folder(options)
        follow_ups, function, others = self._follow_ups(others, requests is None, folder is not None)
        requests = () if requests is None else requests
        engine, settings = self._prepared(requests, retries, timeout, others)
        requests = self._begun(_options.requests(requests), function)
        state = CallState(follow_ups)
        unbegun = NeverIterated(state)
        joining = follow_ups, function
        responses = self._responses(
            state, unbegun, method, requests, functions, joining, engine, settings, folder
        )
        return AsyncResponses(responses, state)

    async def _responses(
        self,
        state: CallState,
        unbegun: NeverIterated,
        method: str,
        requests: Any,
        functions: list[Any],
        joining: tuple[_patata.FollowUps, Any],
        engine: _patata.Client,
        settings: dict[str, Any],
        folder: RunFolder | None,
    ) -> AsyncGenerator[Response, None]:
        with state:
            del unbegun
            log = self._begin(method)
            await get_ready(functions, self.num_workers)
            tasks = settings.get("concurrency", self._limits.get("concurrency"))
            opened = None
            if folder is not None:
                is_called_back = bool(functions) or joining[1] is not None
                opening = partial(folder._opened, method, settings, self._limits, is_called_back)
                opened = await result_of(opening)
                settings = self._kept_in(folder, settings)
                # It may have been closed meanwhile.
                self._check_begin(method)
            following = self._following(joining)
            told, settings = self._told_of(settings, f"patata {method.upper()}")
            call = Call(
                method,
                requests,
                functions,
                (joining[0], following),
                engine,
                settings,
                log,
                state,
                tasks,
                opened,
            )
            del opened
            # The thread that advances a generator should be the one that lets go of it.
            del requests
            self._open.add(call)
            ended_by: BaseException | None = None
            try:
                due = time.monotonic() + TURN
                while (batch := await call.next_batch()) is not None:
                    for response in batch:
                        yield response
                        if time.monotonic() >= due:
                            await asyncio.sleep(0)
                            due = time.monotonic() + TURN
            except BaseException as error:
                call.ended_by(error)
                if state.has_caused(error):
                    ended_by = CallCancelledError(CANCELLED)
                    raise ended_by from None
                ended_by = error
                raise
            finally:
                self._open.discard(call)
                try:
                    await call.close()
                    if ended_by is not None:
                        close_after(ended_by, call.finish)
                finally:
                    # This is done also where the task was cancelled once more meanwhile.
                    self._accounts = call.accounts
                    tell(ended_by, call.accounts)
                    if told is not None:
                        told.end(call.accounts, ended_by)
                    # Its traceback holds this frame, which would hold it in turn.
                    ended_by = None

    async def request(
        self, method: str, url: str, *, id_: Any = None, **options: Unpack[RequestOptions]
    ) -> Response:
        """Sends one request, and gives its response once it is there, as :meth:`Patata.request` does.

        Any number may be under way at once. What the task is cancelled with cancels the request.

        Parameters
        ----------
        method, url, id_, options
            As for :meth:`Patata.request`.

        Raises
        ------
        InvalidMethodError, InvalidRequestError, ValueError, TypeError, ClientClosedError
            As :meth:`Patata.request` does.

        Examples
        --------
        >>> import asyncio
        >>> from patata.testing import Server
        >>> async def main(url):
        ...     async with AsyncPatata(verbose=False) as client:
        ...         responses = await asyncio.gather(*(client.get(url, id_=id_) for id_ in range(100)))
        ...         return sum(response.ok for response in responses), responses[99].id_
        >>> with Server() as server:
        ...     asyncio.run(main(server.url))
        (100, 99)
        """
        self._check_begin(method)
        engine, settings, item = self._prepared_request(url, id_, options)
        _, settings = self._told_of(settings, None)
        exchange = Exchange(method, item, engine, settings)
        self._open.add(exchange)
        try:
            response = await exchange.response()
        except GeneratorExit:
            exchange.abandon()
            raise
        except BaseException as error:
            await exchange.close()
            tell(error, exchange.accounts)
            raise
        finally:
            self._open.discard(exchange)
            self._accounts = exchange.accounts
        return self._log(response)

    async def fetch(self, data: Any, url: str = "url", **options: Unpack[FetchOptions]) -> Any:
        """Sends a request for each row of a table, and gives a table of the same kind back.

        It does as :func:`patata.fetch` does.

        A thread waits for the network meanwhile. What the task is cancelled with cancels the requests. What
        comes as a stream, as a file does, is read without asyncio: its reader waits.

        Parameters
        ----------
        data, url, options
            As for :meth:`Patata.fetch`.

        Raises
        ------
        FrameError, ValueError, TypeError, TooManyFailures, DeadlineExceededError, RunFolderError,
        ClientClosedError
            As :meth:`Patata.fetch` does.

        Examples
        --------
        >>> import asyncio
        >>> import pyarrow as pa
        >>> from patata.testing import Server
        >>> async def main(url):
        ...     async with AsyncPatata(verbose=False) as client:
        ...         return await client.fetch(pa.table({"url": [url] * 3}), body="text")
        >>> with Server() as server:
        ...     asyncio.run(main(server.url))["status"].to_pylist()
        [200, 200, 200]
        """
        from patata._frames.awaited import awaited

        return await awaited(self, data, url, options)

    async def aclose(self) -> None:
        """Ends all calls that are still open. Their generators raise ``ClientClosedError``."""
        self._closed = True
        for call in list(self._open):
            await call.close()
        self._engine.rest()

    async def __aenter__(self) -> AsyncPatata:
        self._closed = False
        return self

    async def __aexit__(
        self,
        exception_type: type[BaseException] | None,
        exception: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.aclose()


# A checker would take what is decorated for a function that is none of asyncio's.
documented(Other_Parameters=RequestOptions)(AsyncPatata.request)
