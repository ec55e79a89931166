"""The part that telemetry has in one call: its span, and what its requests are told of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opentelemetry import trace
from opentelemetry.trace import Status, StatusCode

from patata.receipt import Accounts, Receipt

if TYPE_CHECKING:
    from patata._telemetry.reporter import Reporter

COUNTS = {
    "patata.requests.submitted": "submitted",
    "patata.requests.ok": "ok",
    "patata.requests.failed": "failed",
    "patata.requests.cancelled": "cancelled",
    "patata.requests.skipped": "skipped",
    "patata.requests.unsent": "unsent",
    "patata.requests.unknown": "unknown",
    "patata.attempts": "attempts",
    "patata.retries_denied": "retries_denied",
    "patata.body_bytes": "bytes",
    "patata.cache.hits": "cache_hits",
    "patata.cache.revalidated": "cache_revalidated",
    "patata.cache.misses": "cache_misses",
}
"""The attributes of a call's span, and what of the receipt they say."""


class CallTelemetry:
    """A call that is told of. ``name`` is that of its span; ``None`` for one request, which needs none."""

    def __init__(self, reporter: Reporter, name: str | None, traces: float, propagate: bool) -> None:
        self._reporter = reporter
        self._is_request = name is None
        self._span: trace.Span | None = None
        above = trace.get_current_span()
        if name is not None and traces > 0:
            self._span = above = reporter.spans().begin(name)
        self.trace_parent = self._told(above, traces, propagate)
        """What the engine is told of the trace; ``None`` where there is none."""
        reporter.watch()

    def _told(self, above: trace.Span, traces: float, propagate: bool) -> tuple[Any, ...] | None:
        context = above.get_span_context()
        if not context.is_valid:
            return None
        spans = self._reporter.spans()
        is_recorded = traces > 0 and above.is_recording() and spans.knows_ids
        return (
            context.trace_id,
            context.span_id,
            int(context.trace_flags),
            context.trace_state.to_header(),
            traces if is_recorded else None,
            propagate,
        )

    def end(self, accounts: Accounts | None, error: BaseException | None = None) -> None:
        """Ends its span, with what became of it, and reports what there is.

        What one request came to is reported within a second, with that of others.
        """
        if not self._is_request:
            self._reporter.flush()
        if (span := self._span) is not None:
            self._span = None
            if accounts is not None:
                span.set_attributes(_attributes(accounts.final()))
            if error is not None and not isinstance(error, GeneratorExit):
                span.set_attribute("error.type", type(error).__qualname__)
                span.set_status(Status(StatusCode.ERROR, str(error) or None))
            span.end()


def _attributes(receipt: Receipt) -> dict[str, Any]:
    counts = {name: getattr(receipt, field) for name, field in COUNTS.items()}
    latency = receipt.latency
    return {
        **counts,
        "patata.latency.p50": latency.p50,
        "patata.latency.p99": latency.p99,
        "patata.latency.max": latency.max,
    }
