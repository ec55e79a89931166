"""Spans of exchanges that the engine has made, and of calls."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from typing import Any

from opentelemetry import trace
from opentelemetry.trace import NonRecordingSpan, SpanContext, SpanKind, Status, StatusCode, TraceFlags

from patata import _patata

FinishedSpan = tuple[int, int, int, str, int, int, dict[str, Any], str | None]
"""Ids of trace, span and parent, name, begin and end in nanoseconds, attributes, and what went wrong."""


class Spans:
    """Makes the spans of a provider."""

    def __init__(self, provider: Any) -> None:
        self._tracer = provider.get_tracer("patata", _patata.__version__)
        self._ids = _Ids(getattr(self._tracer, "id_generator", None))
        self.knows_ids = self._ids.others is not None
        """Whether spans can have the ids that servers were told of: those of the SDK can."""
        if self.knows_ids:
            self._tracer.id_generator = self._ids

    def begin(self, name: str) -> trace.Span:
        """Begins the span of a call, below the current one."""
        span: trace.Span = self._tracer.start_span(name, kind=SpanKind.INTERNAL)
        return span

    def report(self, finished: Iterable[FinishedSpan]) -> None:
        """Makes spans of exchanges that have ended."""
        for trace_id, span_id, parent_id, name, began, end, attributes, error in finished:
            above = SpanContext(trace_id, parent_id, False, TraceFlags(TraceFlags.SAMPLED))
            self._ids.next = span_id
            span = self._tracer.start_span(
                name,
                trace.set_span_in_context(NonRecordingSpan(above)),
                kind=SpanKind.CLIENT,
                attributes=attributes,
                start_time=began,
            )
            self._ids.next = None
            if error is not None:
                span.set_status(Status(StatusCode.ERROR, error or None))
            span.end(end)


class _Ids(threading.local):
    """Gives a span the id that its server was told of, and all others what the provider would give them."""

    def __init__(self, others: Any) -> None:
        self.others = others
        self.next: int | None = None

    def generate_span_id(self) -> int:
        if self.next is None:
            given: int = self.others.generate_span_id()
            return given
        return self.next

    def __getattr__(self, name: str) -> Any:
        # What else the SDK asks of it.
        return getattr(self.others, name)
