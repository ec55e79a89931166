"""The histogram ``http.client.request.duration``, which takes the durations of many requests at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from patata import _patata

BOUNDARIES = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10)
"""The buckets that the conventions advise, in seconds."""


class DurationHistogram:
    """The histogram of a provider.

    The API takes one duration at a time, for which the SDK needs 8 µs: more than a request costs. So where
    the SDK keeps buckets, these are added to, all durations of a series in one step. Wherever it is not as it
    is known to be, or keeps something else, each duration is recorded by itself, which comes to the same.
    """

    def __init__(self, provider: Any) -> None:
        meter = provider.get_meter("patata", _patata.__version__)
        self._histogram = meter.create_histogram(
            "http.client.request.duration",
            unit="s",
            description="Duration of HTTP client requests.",
            explicit_bucket_boundaries_advisory=BOUNDARIES,
        )

    def add(self, attributes: Mapping[str, Any], durations: _patata.Durations) -> None:
        """Adds durations that have these attributes in common."""
        aggregations = _aggregations(self._histogram, attributes)
        if aggregations is None:
            for seconds in durations.values():
                self._histogram.record(seconds, attributes)
            return
        for lock, aggregation in aggregations:
            with lock:
                _add(aggregation(), durations)


def _aggregations(histogram: Any, attributes: Mapping[str, Any]) -> Sequence[Any] | None:
    """What the SDK keeps for these attributes, one for each reader and view, and what it locks to change it.

    ``None`` where that cannot be told: this looks into the SDK, which may be another one tomorrow.
    """
    try:
        from opentelemetry.sdk.metrics._internal import _view_instrument_match as matching
        from opentelemetry.sdk.metrics._internal import aggregation as kinds

        if not histogram._is_enabled():
            return ()
        found = []
        for storage in histogram._measurement_consumer._reader_storages.values():
            for match in storage._get_or_init_view_instrument_match(histogram):
                if type(match._aggregation) is kinds._DropAggregation:
                    continue
                if type(match._aggregation) is not kinds._ExplicitBucketHistogramAggregation:
                    return None
                wanted = match._view._attribute_keys
                kept = {key: attributes[key] for key in attributes if wanted is None or key in wanted}
                found.append((match._lock, _getter(match, matching._hash_attributes(kept), kept)))
        return found
    except (ImportError, AttributeError):
        return None


def _getter(match: Any, key: Any, kept: dict[str, Any]) -> Any:
    return lambda: match._get_or_create_aggregation(key, kept)


def _add(aggregation: Any, durations: _patata.Durations) -> None:
    counts, total, least, longest = durations.in_buckets(aggregation._boundaries)
    with aggregation._lock:
        if aggregation._value is None:
            aggregation._value = aggregation._get_empty_bucket_counts()
        aggregation._value = [own + more for own, more in zip(aggregation._value, counts, strict=True)]
        aggregation._sum += total
        if aggregation._record_min_max:
            aggregation._min = min(aggregation._min, least)
            aggregation._max = max(aggregation._max, longest)
