"""Counts the callbacks that failed, and puts them into the accounts of their call."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from patata.exceptions import CallbackError
from patata.models import Response
from patata.receipt import Receipt


class Failures:
    """The responses that callbacks failed on. The engine has counted them by what the server answered."""

    def __init__(self) -> None:
        self._counts: Counter[tuple[str, object]] = Counter()

    def count(self, responses: Sequence[Response]) -> None:
        """Counts responses that are handed out next."""
        for response in responses:
            error = response.error
            if isinstance(error, CallbackError):
                self._counts[type(error).__name__, error.status_code] += 1

    def counted(self, responses: Iterator[Response]) -> Iterator[Response]:
        """Passes the responses of a whole call on, and counts them."""
        for response in responses:
            self.count((response,))
            yield response

    def within(self, receipt: Receipt) -> Receipt:
        """The receipt, where they count as failed, by their error instead of their status."""
        ok, failed = receipt.ok, receipt.failed
        statuses, errors = Counter(receipt.failed_statuses), Counter(receipt.errors)
        for (name, status), count in self._counts.items():
            errors[name] += count
            # A status either succeeds or fails in all of a call.
            if status in statuses:
                statuses[status] -= count  # type: ignore[index]
            else:
                ok, failed = ok - count, failed + count
        return receipt._replace(ok=ok, failed=failed, errors=dict(errors), failed_statuses=dict(+statuses))
