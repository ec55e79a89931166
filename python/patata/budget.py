"""Limits that hold once for all who share them: what they are, what holds them, and what opens them."""

from __future__ import annotations

import math
import os
import threading
from collections.abc import Iterable
from types import TracebackType
from typing import Any

from patata import _patata


class BudgetHandle:
    """Where a shared budget is and what opens it, as ``Patata(budget=...)`` takes it.

    It can be pickled, and so be given to any process that is to share the budget. That opens it: treat it
    as a password. What is shown of it has no secret in it; :meth:`reveal` gives the whole.

    The one that :meth:`Budget.serve` returns also ends the holder, by :meth:`close` or at the end of a
    ``with`` block; copies of it, in this process or another, do not. Where neither is said, the holder ends
    with the last of the handle, those that :meth:`with_weight` makes of it, and the clients that have one.

    Parameters
    ----------
    url
        ``budget://HOST:PORT/?secret=...``, ``unix:///PATH`` or ``redis://HOST/0?name=NAME``.

    Raises
    ------
    ValueError
        For what is no handle.

    Examples
    --------
    >>> handle = BudgetHandle("budget://10.0.0.5:7077/?secret=s3cret")
    >>> handle
    BudgetHandle('budget://10.0.0.5:7077/?secret=***')
    >>> handle.with_weight(2).reveal()
    'budget://10.0.0.5:7077/?secret=s3cret&weight=2'
    """

    def __init__(self, url: str) -> None:
        if not isinstance(url, str):
            raise ValueError(
                f"a handle must be a text like 'budget://host:port/?secret=...', got {type(url).__name__}"
            )
        self._url, self._shown = _patata.budget_handle(url)
        self._holder: _patata.BudgetHolder | None = None
        self._held: tuple[dict[str, list[str]], int] = {}, 0
        self._setting = threading.RLock()
        """Held while what is allowed changes: what two threads say at once both holds."""
        self._of: BudgetHandle | None = None
        """The one that this is a part of: a holder lives as long as a handle of it does."""

    def reveal(self) -> str:
        """The whole of it as text, with its secret: for the environment of a process, and for no log."""
        return self._url

    def with_weight(self, weight: float) -> BudgetHandle:
        """The same for one that has a larger or smaller share than others, which have 1.

        Raises
        ------
        ValueError
            For what is no number above 0.
        """
        if isinstance(weight, bool) or not isinstance(weight, (int, float)) or not 0 < weight < math.inf:
            raise ValueError(f"weight must be a number above 0, got {weight!r}")
        handle = BudgetHandle(_patata.budget_handle(self._url, weight)[0])
        handle._of = self
        return handle

    def status(self) -> dict[str, Any]:
        """Who uses how much of the budget, and what is waiting: what ``patata budget status --json`` tells.

        Raises
        ------
        OSError
            A ``ConnectionError`` if nobody answers, a ``PermissionError`` for a wrong secret.
        """
        # Most programs need neither this nor what follows below.
        import json

        status: dict[str, Any] = json.loads(_patata.budget_status(self._url))
        return status

    def set(
        self,
        rate: str | Iterable[str] | None = None,
        *,
        concurrency: int | None = None,
        **units: str | Iterable[str],
    ) -> None:
        """Allows something else from now on, where this is what :meth:`Budget.serve` returned.

        All who share the budget are told, and go on. What was used counts on, and permits that are too many
        now are called back as requests end. A budget in Redis keeps the terms with which it was begun.

        Parameters
        ----------
        rate, concurrency, units
            As of :class:`Budget`; those that are not named stay as they are. There can be no other units than
            there are, and a ``concurrency`` only where there is one already.

        Raises
        ------
        ValueError
            For what is no rate, units that the budget does not have, and a handle that does not hold it.

        Examples
        --------
        >>> with Budget("100/s", tokens="90000/min").serve() as handle:
        ...     handle.set("200/s")
        ...     handle.status()["terms"]
        'requests 200/s, tokens 90000/min'
        """
        if self._holder is None:
            raise ValueError(f"{self} cannot be set here: set the handle that serve() returned")
        if rate is None and concurrency is None and not units:
            raise ValueError("set() needs a rate, concurrency or units, got none of them")
        changed, most = _by_unit(rate, units), _concurrency(concurrency)
        with self._setting:
            rates, count = self._held
            held = {**rates, **changed}, most or count
            self._holder.set(_pairs(held[0]), held[1])
            self._held = held

    def close(self) -> None:
        """Ends the holder, where this is what :meth:`Budget.serve` returned. Clients that share it wait."""
        if self._holder is not None:
            self._holder.stop()

    def __enter__(self) -> BudgetHandle:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def __str__(self) -> str:
        return self._shown

    def __repr__(self) -> str:
        return f"BudgetHandle({self._shown!r})"

    def __eq__(self, other: object) -> bool:
        return self._url == other._url if isinstance(other, BudgetHandle) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._url)

    def __reduce__(self) -> tuple[type[BudgetHandle], tuple[str]]:
        return BudgetHandle, (self._url,)


class Budget:
    """What all who share it may use together: so many requests, tokens or whatever in a time, and in flight.

    :meth:`serve` starts what holds it, and returns the handle that opens it. One that is held elsewhere is
    named by its handle: ``Budget("redis://host/0?name=crm")``, ``Budget("unix:///run/budget.sock")``.

    Parameters
    ----------
    rate
        The most requests sent in a time, or a list of such, as the option ``rate``; or a handle. With that of
        a budget in Redis, the other parameters say what it allows: ``requests="100/s"``, ``tokens=...``.
    concurrency
        The most requests in flight at once. Default: no limit.
    units
        How much of other units may be used in a time, by their names: ``tokens="90000/min"``, as the option
        ``budgets``.

    Raises
    ------
    ValueError
        For what is no rate or handle, and where nothing is limited.

    Examples
    --------
    >>> with Budget("100/s", tokens="90000/min", concurrency=50).serve() as handle:
    ...     handle.status()["units"][1]["rates"]
    ['90000/min']
    """

    def __init__(
        self,
        rate: str | Iterable[str] | None = None,
        *,
        concurrency: int | None = None,
        **units: str | Iterable[str],
    ) -> None:
        self._concurrency = _concurrency(concurrency)
        self._handle: BudgetHandle | None = None
        if isinstance(rate, str) and "://" in rate:
            said: list[tuple[str, Any]] = [*_pairs(_by_unit(None, units))]
            said += [("concurrency", concurrency)] if concurrency else []
            self._handle = BudgetHandle(_with_query(rate, said))
            return
        if rate is not None and "requests" in units:
            raise ValueError(
                "what may be sent is said twice, by the first argument and by requests=; leave one out"
            )
        self._rates = _by_unit(rate, units)
        self._terms = _patata.budget_terms(_pairs(self._rates), self._concurrency)
        if not self._terms:
            raise ValueError("a budget limits something: give a rate, as '100/s', or concurrency=50")

    @property
    def handle(self) -> BudgetHandle:
        """What opens a budget that is held elsewhere.

        Raises
        ------
        ValueError
            For one that nobody holds yet: :meth:`serve` returns its handle.
        """
        if self._handle is None:
            raise ValueError("nobody holds this budget; call serve(), which returns its handle")
        return self._handle

    def serve(
        self,
        address: str | None = None,
        *,
        secret: str | None = None,
        state: str | os.PathLike[str] | None = None,
    ) -> BudgetHandle:
        """Starts what holds the budget, on a thread of this process, until its handle is closed or let go of.

        Parameters
        ----------
        address
            Where it listens: an IP address and a port, ``"10.0.0.5:7077"``, or ``"unix:///path"``. What is
            said on the way is not encrypted. Default: any free port, for this machine only.
        secret
            What opens it. Default: one made up, and none for a unix socket, which its owner only can open.
        state
            A file in which is kept how much is used up, for when it is started again. Default: none.

        Raises
        ------
        ValueError
            For what is no address, and for a budget that is held elsewhere.
        OSError
            If it cannot listen there, or the file cannot be used.
        """
        if self._handle is not None:
            raise ValueError(f"{self._handle} is held elsewhere; give its handle to Patata(budget=...)")
        for name, value in (("address", address), ("secret", secret)):
            if not isinstance(value, (str, type(None))):
                raise ValueError(f"{name} must be a str, got {type(value).__name__}")
        if not isinstance(state, (str, os.PathLike, type(None))):
            raise ValueError(f"state must be the path of a file, got {state!r}")
        path = None if state is None else os.fspath(state)
        holder = _patata.BudgetHolder(_pairs(self._rates), self._concurrency, address, secret, path)
        handle = BudgetHandle(holder.handle)
        handle._holder = holder
        handle._held = self._rates, self._concurrency
        return handle

    def __repr__(self) -> str:
        return f"<Budget {self._terms if self._handle is None else self._handle}>"


def _with_query(url: str, said: list[tuple[str, Any]]) -> str:
    if not said:
        return url
    from urllib.parse import urlencode

    return f"{url}{'&' if '?' in url else '?'}{urlencode(said)}"


def _concurrency(concurrency: int | None) -> int:
    """Checked; 0 for none."""
    if concurrency is not None and not (type(concurrency) is int and 0 < concurrency < 1 << 32):
        raise ValueError(f"concurrency must be an integer of at least 1, got {concurrency!r}")
    return concurrency or 0


def _by_unit(rate: str | Iterable[str] | None, units: dict[str, str | Iterable[str]]) -> dict[str, list[str]]:
    """The rates of each unit."""
    given = {**({} if rate is None else {"requests": rate}), **units}
    return {unit: _texts(unit, rates) for unit, rates in given.items()}


def _pairs(rates: dict[str, list[str]]) -> list[tuple[str, str]]:
    """As the engine takes them."""
    return [(unit, text) for unit, texts in rates.items() for text in texts]


def _texts(unit: str, rates: str | Iterable[str]) -> list[str]:
    """One rate or several."""
    given = [rates] if isinstance(rates, str) else rates
    texts = list(given) if isinstance(given, Iterable) else [given]
    if all(isinstance(text, str) for text in texts):
        return texts
    raise ValueError(f"{unit} must be a rate like '100/s', or a list of such, got {rates!r}")
