"""One budget for all workers: served by the driver, or the one that was named."""

from __future__ import annotations

import socket
from collections.abc import Iterable, Mapping
from typing import Any

from patata.budget import Budget, BudgetHandle


class Shared:
    """The budget that workers lease from, if there is one: a context, whose end is that of what it serves."""

    def __init__(self, handle: BudgetHandle | None, is_served: bool) -> None:
        self.handle = handle
        self.is_served = is_served
        """Whether it is held here, and so ends with the call."""

    def close(self) -> None:
        """Ends the holder, where it is here."""
        if self.handle is not None and self.is_served:
            self.handle.close()

    def __enter__(self) -> Shared:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def shared(limits: dict[str, Any], budget: Any, address: str | None, reachable: str | None) -> Shared:
    """What holds ``rate``, ``concurrency`` and ``budgets`` over all workers.

    Parameters
    ----------
    limits
        Those that were given.
    budget
        The one that was named instead: a handle, its text, or a :class:`Budget` that is held elsewhere.
    address
        Where the driver is to listen, as the user said it.
    reachable
        The driver's address as workers know it; ``None`` where nobody knows.

    Raises
    ------
    ValueError
        For limits beside a budget that was named, and where nobody knows an address.
    OSError
        Where the driver cannot listen there.
    """
    if budget is not None:
        if limits:
            raise ValueError(
                f"{', '.join(limits)} would hold for each worker by itself beside budget=; let the budget "
                'say it: patata.Budget("100/s", concurrency=50)'
            )
        handle = budget.handle if isinstance(budget, Budget) else budget
        return Shared(handle if isinstance(handle, BudgetHandle) else BudgetHandle(handle), is_served=False)
    if not limits:
        return Shared(None, is_served=False)
    held = Budget(concurrency=limits.get("concurrency"), **units(limits.get("rate"), limits.get("budgets")))
    place = address or (reachable and (f"[{reachable}]:0" if ":" in reachable else f"{reachable}:0"))
    if not place:
        raise ValueError(
            "nobody knows by which address workers reach this process, which is to hold the budget: say "
            'budget_address="IP:PORT", or budget="redis://host/0?name=NAME"'
        )
    try:
        return Shared(held.serve(place), is_served=True)
    except OSError as error:
        raise OSError(
            f"this process cannot hold the budget at {place}, where workers are to reach it ({error}): say "
            'budget_address="IP:PORT", or budget="redis://host/0?name=NAME"'
        ) from error


def units(rate: str | Iterable[str] | None, budgets: Mapping[str, Any] | None) -> dict[str, list[str]]:
    """All rates by their units; ``rate`` is of requests, beside those that ``budgets`` has of them."""
    together: dict[str, list[str]] = {}
    for unit, given in [("requests", rate), *dict(budgets or {}).items()]:
        if given is not None:
            together.setdefault(unit, []).extend([given] if isinstance(given, str) else given)
    return together


def towards(host: str, port: int) -> str:
    """The address of this machine by which one that is at ``host`` knows it. Nothing is sent."""
    family, kind, protocol, _, peer = socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM)[0]
    with socket.socket(family, kind, protocol) as probe:
        probe.connect(peer)
        return str(probe.getsockname()[0])
