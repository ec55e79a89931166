"""Reports what the engine has counted: each second, at the end of a call, and when the program ends."""

from __future__ import annotations

import atexit
import logging
import os
import threading
import time
import weakref
from typing import Any

from opentelemetry import metrics, trace

from patata import _patata
from patata._telemetry.durations import DurationHistogram
from patata._telemetry.spans import Spans

INTERVAL = 1.0
"""Seconds from one report to the next."""

IDLE = 5
"""Reports in a row with nothing to tell after which the thread ends."""

_reporters: weakref.WeakSet[Reporter] = weakref.WeakSet()

_logger = logging.getLogger("patata")


class Reporter:
    """Reports what one recorder has to the providers that hold when there is something."""

    def __init__(self, has_metrics: bool, meter_provider: Any, tracer_provider: Any) -> None:
        self.recorder = _patata.Recorder()
        self._has_metrics = has_metrics
        self._meter_provider = meter_provider
        self._tracer_provider = tracer_provider
        self._histogram: tuple[Any, DurationHistogram] | None = None
        """That of the provider that it was made by."""
        self._spans: tuple[Any, Spans] | None = None
        self._begin_anew()
        _reporters.add(self)

    def _begin_anew(self) -> None:
        """In a process of its own, in which nobody reports yet."""
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def spans(self) -> Spans:
        """What makes spans, by the provider that holds now."""
        provider = self._tracer_provider or trace.get_tracer_provider()
        if self._spans is None or self._spans[0] is not provider:
            self._spans = provider, Spans(provider)
        return self._spans[1]

    def _durations(self) -> DurationHistogram:
        provider = self._meter_provider or metrics.get_meter_provider()
        if self._histogram is None or self._histogram[0] is not provider:
            self._histogram = provider, DurationHistogram(provider)
        return self._histogram[1]

    def flush(self) -> bool:
        """Reports all that there is. Gives whether there was anything."""
        with self._lock:
            durations = self.recorder.drain_durations()
            spans, lost = self.recorder.drain_spans()
            if durations and self._has_metrics:
                histogram = self._durations()
                for attributes, of_series in durations:
                    histogram.add(attributes, of_series)
            if spans:
                self.spans().report(spans)
        if lost:
            _logger.warning("telemetry: %d spans were lost, as they came faster than they are reported", lost)
        return bool(durations or spans)

    def watch(self) -> None:
        """Has a thread report now and then, from now on."""
        if self._thread is None or not self._thread.is_alive():
            with self._lock:
                if self._thread is None or not self._thread.is_alive():
                    self._thread = threading.Thread(target=self._report, name="patata-telemetry", daemon=True)
                    self._thread.start()

    def _report(self) -> None:
        """What the thread does, until there has been nothing for a while. So long it keeps this alive."""
        idle = 0
        while idle < IDLE:
            time.sleep(INTERVAL)
            try:
                idle = 0 if self.flush() else idle + 1
            except Exception:
                # The next second may be better, and no request is worse off.
                _logger.exception("telemetry: what there is could not be reported")


def _flush_all() -> None:
    for reporter in list(_reporters):
        reporter.flush()


def _forked() -> None:
    """In the child of a fork: what there is is the parent's to report, and so is its thread."""
    for reporter in list(_reporters):
        reporter._begin_anew()
        reporter.recorder.drain_durations()
        reporter.recorder.drain_spans()


# Registered behind the providers' own, as a rule, and so called before they are shut down.
atexit.register(_flush_all)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forked)
