"""What is known of a call outside the generator that performs it, and what it is told from there."""

from __future__ import annotations

import warnings
from typing import Any, NamedTuple

from patata import _options, _patata
from patata.exceptions import CallCancelledError, ClientClosedError
from patata.receipt import Accounts, Receipt

AS_IT_IS: Any = type("AsItIs", (), {"__repr__": lambda _: "as it is"})()
"""Stands for a limit that was not given, where ``None`` has a meaning of its own."""


OF_ENGINE = {"rate": "rates", "budgets": "budgets"}
"""The names that the engine has for limits of which there may be several."""

CANCELLED = "the call was cancelled"
"""What is said of one."""


class Progress(NamedTuple):
    """How far a call has come. The counts are those of a moment just past.

    Attributes
    ----------
    submitted
        How many requests were taken from the input.
    done
        How many of them are done, and were yielded or are about to be, or an earlier process has done
        (``run_folder``).
    failed
        How many of these ended in an error, or were answered with a status that is no success.
    in_flight
        How many are with servers just now.
    bottleneck
        What limits the call: ``"rate"``, ``"budget"``, ``"concurrency"``, ``"server"``, ``"input"``, or
        ``"consumer"``, which is who takes the responses. Before a call has begun, and once it has ended, it
        is the consumer.
    troubled_hosts
        The hosts that do not answer just now (``host_timeout``).
    server_limit
        The limit that a server has told of and that holds the call back just now (``rate="auto"``), by the
        name that the server gives it; or ``None``.
    budget
        The budget that limits the call, where it is one: ``"tokens"``, ``"tokens per host"``, or ``"tokens of
        the shared budget"``; ``"no answer of the shared budget"`` while that does not answer.

    Examples
    --------
    >>> from patata import Patata
    >>> from patata.testing import Server
    >>> with Server() as server, Patata(verbose=False) as client:
    ...     responses = client.http("get", [(id_, server.url) for id_ in range(10)])
    ...     _ = list(responses)
    ...     responses.progress()[:5]
    (10, 10, 0, 0, 'consumer')
    """

    submitted: int = 0
    done: int = 0
    failed: int = 0
    in_flight: int = 0
    bottleneck: str = "consumer"
    troubled_hosts: tuple[str, ...] = ()
    server_limit: str | None = None
    budget: str | None = None

    @classmethod
    def of(cls, control: _patata.Control, accounts: Accounts | None) -> Progress:
        """That of a call that is under way."""
        *_, in_flight, bottleneck, troubled, server_limit, budget = told = control.progress()
        counts = (accounts and accounts.counts()) or told[:3]
        return cls(*counts, in_flight, bottleneck, tuple(troubled), server_limit, budget)

    def _repr_html_(self) -> str:
        """What notebooks show: a picture of it."""
        # Most programs are no notebooks.
        from patata._shown.picture import of_call

        return of_call(self, None, has_begun=True, has_ended=False)


class CallState:
    """One call: what it has come to, and what it is told.

    Any thread may use it, and a signal handler, so it has no lock: what both sides write is written before
    they look at what the other one writes.
    """

    __slots__ = ("_accounts", "_control", "_follow_ups", "_limits", "has_begun", "has_ended", "is_cancelled")

    def __init__(self, follow_ups: _patata.FollowUps | None = None) -> None:
        self._follow_ups = follow_ups
        """What joins it, where something may."""
        self.has_begun = False
        """Whether it has been iterated over."""
        self.has_ended = False
        self.is_cancelled = False
        self._control: _patata.Control | None = None
        self._accounts: Accounts | None = None
        self._limits: dict[str, Any] = {}
        """What was set, as the engine takes it."""

    # By the generator

    def __enter__(self) -> None:
        self.has_begun = True
        self.check()

    def __exit__(self, *_: object) -> None:
        self.end()

    def check(self) -> None:
        """Raises where the call was cancelled."""
        if self.is_cancelled:
            raise CallCancelledError(CANCELLED)

    def start(self, control: _patata.Control | None, accounts: Accounts) -> None:
        """Notes the engine's side of it, and tells that what has been said so far."""
        self._control = control
        self._accounts = accounts
        told: dict[str, Any] = {}
        # Another thread may say something else in the meantime, and be the first to tell the engine.
        while control is not None and self._limits != told:
            told = dict(self._limits)
            control.set(**told)
        if control is not None and self.is_cancelled:
            control.cancel()

    def has_caused(self, error: BaseException) -> bool:
        """Whether ``error`` is how the engine tells that the call was cancelled: it does not know by whom."""
        return self.is_cancelled and type(error) is ClientClosedError

    def end(self) -> None:
        """Notes that it has ended, however it did."""
        self.has_ended = True
        self._control = None
        if self._follow_ups is not None:
            self._follow_ups.end()

    # From outside

    def abandon(self) -> None:
        """Notes that it is closed. If it has not begun, it never will."""
        if not self.has_begun:
            self.has_ended = True

    def receipt(self) -> Receipt | None:
        """Its accounts: those so far, and once it has ended the final ones; ``None`` before it has begun."""
        accounts = self._accounts
        if accounts is None:
            return None
        if self.has_ended:
            return accounts.final()
        return accounts.so_far(self.progress)

    def progress(self) -> Progress:
        """How far it has come."""
        control = self._control
        if control is not None:
            return Progress.of(control, self._accounts)
        if not self.has_ended or self._accounts is None:
            return Progress()
        receipt = self._accounts.final()
        done = receipt.ok + receipt.failed + receipt.skipped
        return Progress(receipt.submitted, done, receipt.failed)

    def html(self) -> str:
        """What notebooks show of it: a picture of how far it is."""
        # Most programs are no notebooks.
        from patata._shown.picture import of_call

        return of_call(self.progress(), self.receipt(), self.has_begun, self.has_ended)

    def cancel(self) -> None:
        """Ends it. One that has ended is left as it is."""
        if not self.has_ended:
            self.is_cancelled = True
            if (control := self._control) is not None:
                control.cancel()

    def submit(self, request: Any) -> None:
        """Has a request join it. Raises for what is none, where there is no room, and once it has ended."""
        if self._follow_ups is None or self.has_ended:
            raise ValueError("submit: the call has ended; begin another one")
        self._follow_ups.submit(request)
        self._wake()

    def close_input(self) -> None:
        """Has it end once all is done, where it was open for what is submitted."""
        if self._follow_ups is not None:
            self._follow_ups.close_input()
            self._wake()

    def _wake(self) -> None:
        if (control := self._control) is not None:
            control.wake()

    def set(self, rate: Any, concurrency: Any, budgets: Any) -> None:
        """Gives it other limits. Raises ``ValueError`` for what cannot be used, and once it has ended."""
        limits = _limits(rate, concurrency, budgets)
        if self.has_ended:
            raise ValueError("rate, concurrency and budgets cannot be set: the call has ended")
        # In one step, or what another thread says meanwhile would be lost.
        self._limits.update(limits)
        if (control := self._control) is not None:
            control.set(**limits)


class NeverIterated:
    """Warns of a call whose generator is thrown away before its first step, as Python warns of a coroutine.

    Only the generator holds it, until it begins.
    """

    __slots__ = ("_state",)

    def __init__(self, state: CallState) -> None:
        self._state = state

    def __del__(self) -> None:
        state = self._state
        if not (state.has_begun or state.has_ended or state.is_cancelled):
            message = "the responses of http() were never iterated over, so no request was sent"
            warnings.warn(message, RuntimeWarning, stacklevel=2, source=self)


def _limits(rate: Any, concurrency: Any, budgets: Any) -> dict[str, Any]:
    """Checked, and as the engine takes them."""
    limits: dict[str, Any] = {}
    given = {name: value for name, value in (("rate", rate), ("budgets", budgets)) if value is not AS_IT_IS}
    if given:
        checked = _options.combined({}, _options.checked(given))
        _patata.check_options(checked)
        limits = {OF_ENGINE[name]: checked.get(name, []) for name in given}
    if concurrency is not AS_IT_IS:
        limits["concurrency"] = 0 if concurrency is None else _options.count("concurrency", concurrency)
    if not limits:
        raise ValueError("set() needs rate, concurrency or budgets, got none of them")
    return limits
