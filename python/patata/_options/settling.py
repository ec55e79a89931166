"""What responses say that their requests did cost, by a function of the user's that may fail."""

from __future__ import annotations

import logging
import math
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

from patata.models import Response

logger = logging.getLogger("patata")


class Settling:
    """Calls the function, as the engine does for each response, and logs where it fails.

    The engine's thread of the caller's own calls it, once for each response. Where it fails
    for each of a million responses, these are seven lines of the log: of each class of exception the 1st,
    10th, 100th and so on is told.
    """

    __slots__ = ("_failures", "_function", "_level")

    def __init__(self, function: Callable[[Response], Mapping[str, float] | None], level: int) -> None:
        self._function = function
        self._level = level
        self._failures: Counter[str] = Counter()

    def __call__(self, response: Response) -> list[tuple[str, float]]:
        """The units and amounts that it says; none where it fails."""
        try:
            return amounts(self._function(response))
        except Exception as error:
            if self._level > 0:
                self._tell(response, error)
            return []

    def _tell(self, response: Response, error: Exception) -> None:
        kind = type(error).__name__
        self._failures[kind] += 1
        count = self._failures[kind]
        if is_power_of_ten(count):
            so_far = f" (failure {count:,} of this kind)" if count > 1 else ""
            logger.warning(
                "settle failed for request %r, whose estimate stands: %s: %s%s",
                response.id_,
                kind,
                error,
                so_far,
            )


def is_power_of_ten(count: int) -> bool:
    """Whether it is 1, 10, 100 and so on."""
    return str(count).rstrip("0") == "1"


def amounts(said: Any) -> list[tuple[str, float]]:
    """What a function has said. Raises ``ValueError`` for what is no mapping from units to amounts."""
    if said is None:
        return []
    if not isinstance(said, Mapping):
        raise ValueError(f"settle must return a dict from units to amounts, it returned {said!r}")
    for unit, amount in said.items():
        is_number = isinstance(amount, (int, float)) and not isinstance(amount, bool)
        if not isinstance(unit, str) or not is_number or not 0 <= amount < math.inf:
            raise ValueError(
                f"settle must return amounts that are neither negative nor infinite, it returned {said!r}"
            )
    return [(unit, float(amount)) for unit, amount in said.items()]
