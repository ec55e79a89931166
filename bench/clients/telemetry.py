"""Sends GETs that nobody is told of, that are measured, and that are traced besides, by OpenTelemetry.

Arguments: url requests. Prints JSON: the CPU microseconds of a request of each.
"""

from __future__ import annotations

import json
import sys
import time

from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from patata import Patata, Telemetry


class Nowhere(SpanExporter):
    """Where spans go: what an exporter costs is the exporter's."""

    def export(self, spans: object) -> SpanExportResult:  # noqa: ARG002 - its base names it
        return SpanExportResult.SUCCESS

    def shutdown(self) -> None: ...


def cost(url: str, count: int, telemetry: Telemetry | bool) -> float:
    """The CPU microseconds of a request."""
    with Patata(1, verbose=False, telemetry=telemetry) as client:
        begun = time.process_time()
        ok = sum(response.ok for response in client.http("get", ((i, url) for i in range(count))))
        if ok != count:
            sys.exit(f"{ok} of {count} were answered")
        return (time.process_time() - begun) / count * 1e6


def main() -> None:
    url, count = sys.argv[1], int(sys.argv[2])
    meters, tracers = MeterProvider([InMemoryMetricReader()]), TracerProvider()
    tracers.add_span_processor(BatchSpanProcessor(Nowhere()))
    metrics = Telemetry(traces=False, meter_provider=meters)
    traces = Telemetry(traces=0.01, meter_provider=meters, tracer_provider=tracers)
    cost(url, count, telemetry=False)
    told = {"nothing": False, "metrics": metrics, "traces": traces}
    print(json.dumps({name: cost(url, count, telemetry) for name, telemetry in told.items()}))


if __name__ == "__main__":
    main()
