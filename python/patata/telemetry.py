"""Reports what requests come to with OpenTelemetry: metrics, traces, and what servers are told of these.

>>> from patata import Patata
>>> from patata.testing import Server
>>> with Server() as server, Patata(verbose=False, telemetry=True) as client:
...     client.get(server.url).status_code
200
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from patata import _patata

if TYPE_CHECKING:
    from opentelemetry.metrics import MeterProvider
    from opentelemetry.trace import TracerProvider

    from patata._telemetry.reporter import Reporter

__all__ = ["Telemetry"]


class Telemetry:
    """What the option ``telemetry`` takes: what is reported, and to which providers of OpenTelemetry.

    By its stable conventions for HTTP clients. Each attempt, and each redirect by itself, is measured as
    ``http.client.request.duration``, and is a span of kind ``CLIENT`` below that of its call, which is below
    the span that is current where the call begins; the call's has the receipt as attributes. Servers are told
    of the trace by the header ``traceparent``. What a cache answers is neither measured nor a span.

    Only the API of OpenTelemetry is needed, ``pip install "patata[otel]"``; where a program sets no SDK up,
    nothing is reported. The engine counts without Python; what there is is reported each second by a thread,
    and when a call ends.

    Parameters
    ----------
    metrics
        Whether durations are reported. Default: ``True``.
    traces
        The share of requests that become spans, between 0 and 1, where the current span is recorded, or none
        is; ``True`` for all of them, ``False`` for none, and none of calls. A span costs some 20 µs, as much
        as four requests: 0.01 is much for a million. Default: ``True``.
    propagate
        Whether servers are told of the trace. Say ``False`` where they are others' and it is none of their
        business. Default: ``True``.
    meter_provider, tracer_provider
        Where it is reported. Default: the program's global ones, also where they are set later.

    Raises
    ------
    ValueError
        For a share that is none.
    ImportError
        Where OpenTelemetry is not installed; says how it is.

    Examples
    --------
    >>> from patata import Patata, Telemetry
    >>> from patata.testing import Server
    >>> telemetry = Telemetry(traces=0.01)
    >>> with Server() as server, Patata(verbose=False, telemetry=telemetry) as client:
    ...     sum(response.ok for response in client.http("get", ((i, server.url) for i in range(100))))
    100
    >>> telemetry.flush()
    """

    _shared: Telemetry | None = None
    """What ``telemetry=True`` stands for, once somebody has said it."""

    def __init__(
        self,
        *,
        metrics: bool = True,
        traces: float | bool = True,
        propagate: bool = True,
        meter_provider: MeterProvider | None = None,
        tracer_provider: TracerProvider | None = None,
    ) -> None:
        if not isinstance(traces, (bool, int, float)) or not 0 <= traces <= 1:
            raise ValueError(f"traces must be True, False, or a share between 0 and 1, got {traces!r}")
        self.metrics = bool(metrics)
        self.traces = float(traces)
        self.propagate = bool(propagate)
        try:
            import opentelemetry.trace  # noqa: F401
        except ModuleNotFoundError:
            message = 'telemetry needs the API of OpenTelemetry: pip install "patata[otel]"'
            raise ImportError(message, name="opentelemetry") from None
        # Most programs have no telemetry, and do not pay for importing what it needs.
        from patata._telemetry.reporter import Reporter

        self._reporter: Reporter = Reporter(self.metrics, meter_provider, tracer_provider)
        self._recorder: _patata.Recorder = self._reporter.recorder

    @classmethod
    def _of_all(cls) -> Telemetry:
        """The one that is meant where nothing is said of it."""
        if Telemetry._shared is None:
            Telemetry._shared = cls()
        return Telemetry._shared

    def flush(self) -> None:
        """Reports now what there is, instead of within a second.

        The providers have ways of their own to send on what was reported: ``force_flush``.
        """
        self._reporter.flush()

    def __repr__(self) -> str:
        return f"Telemetry(metrics={self.metrics}, traces={self.traces}, propagate={self.propagate})"

    def __reduce__(self) -> Any:
        # What goes to another process reports there to that one's own providers.
        return _again, (self.metrics, self.traces, self.propagate)


def _again(metrics: bool, traces: float, propagate: bool) -> Telemetry:
    return Telemetry(metrics=metrics, traces=traces, propagate=propagate)
