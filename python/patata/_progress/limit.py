"""What limits a call, in the word that its bar shows."""

from __future__ import annotations

from patata._call_state import Progress


def limit_of(progress: Progress) -> str:
    """The bottleneck, or what stands behind it: a limit that a server tells of, or the option of a budget."""
    if progress.server_limit is not None:
        return f"the server's {progress.server_limit}"
    if progress.budget is not None:
        return _option_of(progress.budget)
    return progress.bottleneck


def _option_of(budget: str) -> str:
    """The option that a budget stands in."""
    for suffix, option in ((" per host", "budgets_per_host"), (" of the shared budget", "budget")):
        if budget.endswith(suffix):
            return f"{option}[{budget.removesuffix(suffix)!r}]"
    return f"budgets[{budget!r}]"
