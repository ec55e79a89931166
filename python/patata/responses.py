"""What ``http()`` returns: generators of responses that can be asked how far they are, and be told to end."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Generator, Iterable, Mapping
from typing import Any

from patata import _patata
from patata._call_state import AS_IT_IS, CallState, Progress
from patata.models import Request, Response
from patata.receipt import Receipt


class _Controlled:
    """What both kinds have beside their steps."""

    __slots__ = ()

    _state: CallState

    @property
    def receipt(self) -> Receipt | None:
        """The accounts of the call: ``None`` before the first response is asked for, final once it has ended.

        While it is under way, they are those so far: ``submitted`` then also counts what is in none of
        ``ok``, ``failed`` and ``cancelled``, as it is not done yet. Any thread may ask. While the input's own
        code is at work, or a function of yours (``auth``, ``retry_if``, ``cost``, ``settle``), only the
        counts are current, and the rest is what was asked for last.
        """
        return self._state.receipt()

    def progress(self) -> Progress:
        """How far the call has come: a :class:`patata.Progress`, at any time and from any thread."""
        return self._state.progress()

    def cancel(self) -> None:
        """Ends the call, from any thread, and from a signal handler.

        What is in flight is given up. Who iterates over the responses gets a
        :class:`patata.exceptions.CallCancelledError` in the place of the next one, and one that was not begun
        sends nothing. A call that has ended is left as it is.
        """
        self._state.cancel()

    def submit(self, request: Request | tuple[Any, str] | tuple[Any, str, Any]) -> None:
        """Has a request join the call, from any thread: its limits, its accounts, its run folder.

        It goes before what is left of the input. A call ends once its input has, and all is done: one whose
        ``requests`` are ``None`` is kept open until :meth:`close_input`.

        Raises
        ------
        ValueError
            Once the call takes no more, as it has ended, or has ``max_requests``; and for what is no request.
        TooManyFollowUps
            Where ``queue_max_size`` requests wait already. Submit it again once responses were taken.

        Examples
        --------
        >>> import threading
        >>> from patata import Patata
        >>> from patata.testing import Server
        >>> def push(responses, url):
        ...     for id_ in range(100):
        ...         responses.submit((id_, url))
        ...     responses.close_input()
        >>> with Server() as server, Patata(verbose=False) as client:
        ...     responses = client.http("get", None)
        ...     threading.Thread(target=push, args=(responses, server.url)).start()
        ...     sum(response.ok for response in responses)
        100
        """
        self._state.submit(request)

    def close_input(self) -> None:
        """Says that nothing more will be submitted to a call whose ``requests`` are ``None``.

        It ends once all is done. Of no effect on others. Any thread may say so.
        """
        self._state.close_input()

    def set(
        self,
        *,
        rate: str | Iterable[str] | None = AS_IT_IS,
        concurrency: int | None = AS_IT_IS,
        budgets: Mapping[str, str | Iterable[str]] | None = AS_IT_IS,
    ) -> None:
        """Gives the call other limits of its own, at once; those of its client go on holding besides.

        Before the first response is asked for, they are kept for then. Any thread may set them. Where more is
        in flight than ``concurrency`` allows, nothing is cancelled, and nothing is sent until it is less.

        Parameters
        ----------
        rate
            As the option: ``"100/s"``, or a list; ``None`` for none. Default: as it is.
        concurrency
            As the option, but for ``"auto"``, which a call under way cannot become; ``None`` for none.
            Default: as it is.
        budgets
            As the option, in place of all that the call has: ``{"tokens": "90000/min"}``; ``None`` for none.
            What was used of those that stay the same counts on. They hold besides the client's own, and a
            ``budget`` that it shares, of the same units too: the strictest counts. What a shared one allows
            is set by :meth:`patata.BudgetHandle.set`. Default: as they are.

        Raises
        ------
        ValueError
            For a value that cannot be used, which it names, and for a call that has ended.
        """
        self._state.set(rate, concurrency, budgets)

    def _repr_html_(self) -> str:
        """What notebooks show: how far the call is. Nothing is sent for it."""
        return self._state.html()


class Responses(_Controlled, _patata.GeneratorProxy, Generator[Response, None, None]):
    """The responses of a call of :meth:`patata.Patata.http`: a generator that can be asked and told things.

    Attributes
    ----------
    receipt
        The accounts of the call: a :class:`patata.Receipt`; ``None`` before the first response is asked for.

    Examples
    --------
    >>> from patata import Patata
    >>> from patata.testing import Server
    >>> with Server() as server, Patata(verbose=False) as client:
    ...     responses = client.http("get", [(id_, server.url) for id_ in range(100)])
    ...     responses.set(rate="1000/s", concurrency=10)
    ...     for response in responses:
    ...         if responses.progress().done == 50:
    ...             responses.set(rate=None)
    ...     responses.receipt.ok
    100
    """

    __slots__ = ("__weakref__", "_state")

    def __init__(self, _generator: Generator[Response, None, None], state: CallState) -> None:
        self._state = state

    def throw(self, *raised: Any) -> Response:
        """Raises an exception inside the generator, which ends the call."""
        self._state.abandon()
        return super().throw(*raised)

    def close(self) -> None:
        """Ends the call. What is left is cancelled, and nothing is raised."""
        self._state.abandon()
        super().close()


class AsyncResponses(_Controlled, _patata.AsyncGeneratorProxy, AsyncGenerator[Response, None]):
    """The responses of a call of :meth:`patata.AsyncPatata.http`: an asynchronous generator, likewise.

    Attributes
    ----------
    receipt
        The accounts of the call: a :class:`patata.Receipt`; ``None`` before the first response is asked for.

    Examples
    --------
    >>> import asyncio
    >>> from patata import AsyncPatata
    >>> from patata.testing import Server
    >>> async def main(url):
    ...     async with AsyncPatata(verbose=False) as client:
    ...         responses = client.http("get", [(id_, url) for id_ in range(100)])
    ...         responses.set(concurrency=10)
    ...         return sum([response.ok async for response in responses]), responses.receipt.ok
    >>> with Server() as server:
    ...     asyncio.run(main(server.url))
    (100, 100)
    """

    __slots__ = ("__weakref__", "_state")

    def __init__(self, _generator: AsyncGenerator[Response, None], state: CallState) -> None:
        self._state = state

    async def athrow(self, *raised: Any) -> Response:
        """Raises an exception inside the generator, which ends the call."""
        self._state.abandon()
        return await super().athrow(*raised)

    async def aclose(self) -> None:
        """Ends the call. What is left is cancelled, and nothing is raised."""
        self._state.abandon()
        await super().aclose()
