"""What OpenTelemetry's SDK gets of requests and calls, attribute by attribute, and what servers are told."""

import asyncio
import os
import pickle
import time

import patata
import pytest
from opentelemetry.sdk.metrics import Histogram, MeterProvider
from opentelemetry.sdk.metrics.export import AggregationTemporality, InMemoryMetricReader
from opentelemetry.sdk.metrics.view import (
    DropAggregation,
    ExplicitBucketHistogramAggregation,
    ExponentialBucketHistogramAggregation,
    View,
)
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ALWAYS_ON, ParentBased
from opentelemetry.trace import SpanKind, StatusCode
from patata import AsyncPatata, Patata, Telemetry
from patata._telemetry import durations
from patata._telemetry.durations import BOUNDARIES, DurationHistogram

NAME = "http.client.request.duration"
PORT_1 = "http://127.0.0.1:1/"


class Sdk:
    """What a program sets up, kept in memory."""

    def __init__(self, *, sampler=ALWAYS_ON, views=(), temporality=None):
        self.exporter = InMemorySpanExporter()
        self.tracers = TracerProvider(sampler=ParentBased(sampler))
        self.tracers.add_span_processor(SimpleSpanProcessor(self.exporter))
        self.reader = InMemoryMetricReader(preferred_temporality=temporality)
        self.meters = MeterProvider([self.reader], views=views)

    def telemetry(self, **options):
        return Telemetry(meter_provider=self.meters, tracer_provider=self.tracers, **options)

    @property
    def spans(self):
        return self.exporter.get_finished_spans()

    def named(self, name):
        return [span for span in self.spans if span.name == name]

    def points(self):
        data = self.reader.get_metrics_data()
        return [] if data is None else points_of(data)

    def counts(self):
        """How many requests were measured, by method and what went wrong."""
        counts = {}
        for point in self.points():
            said = point.attributes
            key = said["http.request.method"], said.get("error.type")
            counts[key] = counts.get(key, 0) + point.count
        return counts


def points_of(data):
    metrics = data.resource_metrics[0].scope_metrics[0].metrics
    assert [(metric.name, metric.unit) for metric in metrics] == [(NAME, "s")]
    return list(metrics[0].data.data_points)


def told(response):
    """The ids and the flags that the server was told."""
    _, trace_id, span_id, flags = response.json()["headers"]["traceparent"].split("-")
    return int(trace_id, 16), int(span_id, 16), int(flags, 16)


def ids(span):
    return span.context.trace_id, span.context.span_id, int(span.context.trace_flags)


def requests(remote):
    """Three that are well, of which one is redirected; one that is not there; one that cannot connect."""
    return [
        ("echo", f"{remote}/echo?sig=secret"),
        ("redirect", f"{remote}/redirect/1"),
        ("missing", f"{remote}/status/404"),
        ("refused", PORT_1),
    ]


@pytest.fixture
def origin(remote):
    address, port = remote.removeprefix("http://").split(":")
    return {"server.address": address, "server.port": int(port)}


@pytest.fixture
def sdk():
    return Sdk()


def test_each_exchange_is_a_span_below_its_call_which_is_below_the_users(sdk, remote, origin):
    with Patata(verbose=False, telemetry=sdk.telemetry()) as client:
        with sdk.tracers.get_tracer("user").start_as_current_span("job"):
            responses = {response.id_: response for response in client.http("get", requests(remote))}
        receipt = client.receipt
    (job,), (call,) = sdk.named("job"), sdk.named("patata GET")
    assert call.parent.span_id == job.context.span_id
    assert (call.kind, call.status.status_code) == (SpanKind.INTERNAL, StatusCode.UNSET)
    assert call.attributes["patata.requests.submitted"] == receipt.submitted == 4
    assert call.attributes["patata.requests.ok"] == receipt.ok == 2
    assert call.attributes["patata.requests.failed"] == receipt.failed == 2
    assert call.attributes["patata.attempts"] == receipt.attempts
    assert call.attributes["patata.latency.max"] == receipt.latency.max
    exchanges = sdk.named("GET")
    for span in exchanges:
        assert span.kind == SpanKind.CLIENT
        assert (span.context.trace_id, span.parent.span_id) == ids(call)[:2]
        assert call.start_time <= span.start_time < span.end_time <= call.end_time
    answered = {"http.request.method": "GET", "network.protocol.version": "1.1", **origin}
    got = {**answered, "http.response.status_code": 200}
    by_url = {span.attributes["url.full"]: span for span in exchanges}
    assert {url: dict(span.attributes) for url, span in by_url.items()} == {
        f"{remote}/echo?sig=REDACTED": {**got, "url.full": f"{remote}/echo?sig=REDACTED"},
        f"{remote}/redirect/1": {
            **answered,
            "http.response.status_code": 302,
            "url.full": f"{remote}/redirect/1",
        },
        f"{remote}/redirect/0": {
            **got,
            "url.full": f"{remote}/redirect/0",
            "http.request.resend_count": 1,
        },
        f"{remote}/status/404": {
            **answered,
            "http.response.status_code": 404,
            "error.type": "404",
            "url.full": f"{remote}/status/404",
        },
        PORT_1: {
            "http.request.method": "GET",
            "server.address": "127.0.0.1",
            "server.port": 1,
            "error.type": "connect",
            "url.full": PORT_1,
        },
    }
    failed = by_url[PORT_1].status
    assert failed.status_code == StatusCode.ERROR
    assert failed.description == str(responses["refused"].error)
    assert by_url[f"{remote}/status/404"].status.status_code == StatusCode.ERROR
    # The server was told of the very span that was reported.
    assert told(responses["echo"]) == ids(by_url[f"{remote}/echo?sig=REDACTED"])


def test_each_exchange_is_measured(sdk, remote, origin):
    with Patata(verbose=False, telemetry=sdk.telemetry()) as client:
        for _ in range(3):
            list(client.http("get", requests(remote)))
    points = sdk.points()
    answered = {"http.request.method": "GET", "network.protocol.version": "1.1", **origin}
    refused = {"http.request.method": "GET", "server.address": "127.0.0.1", "server.port": 1}
    expected = [
        ({**answered, "http.response.status_code": 200}, 6),
        ({**answered, "http.response.status_code": 302}, 3),
        ({**answered, "http.response.status_code": 404, "error.type": "404"}, 3),
        ({**refused, "error.type": "connect"}, 3),
    ]
    found = [(dict(point.attributes), point.count) for point in points]
    assert len(found) == 4
    assert all(series in found for series in expected), found
    for point in points:
        assert tuple(point.explicit_bounds) == BOUNDARIES
        assert sum(point.bucket_counts) == point.count
        assert 0 < point.min <= point.max <= point.sum


def test_each_attempt_is_a_span_with_the_number_of_those_before(sdk, remote):
    telemetry = sdk.telemetry()
    with Patata(verbose=False, telemetry=telemetry, retries=3, backoff=0.001) as client:
        (response,) = client.http("get", [(1, f"{remote}/flaky/telemetry/2")])
    assert (response.status_code, response.attempts) == (200, 3)
    spans = sorted(sdk.named("GET"), key=lambda span: span.start_time)
    counts = [span.attributes.get("http.request.resend_count") for span in spans]
    assert counts == [None, 1, 2]


def test_over_http2_it_is_the_same(sdk, httpbin, certificates):
    _, url = httpbin
    with Patata(verbose=False, telemetry=sdk.telemetry(), verify=certificates.ca) as client:
        (response,) = client.http("get", [(1, f"{url}/headers")], http_version="2")
    (span,) = sdk.named("GET")
    assert span.attributes["network.protocol.version"] == "2"
    headers = {name.lower(): value for name, value in response.json()["headers"].items()}
    trace_id, span_id, _ = ids(span)
    assert headers["traceparent"] == f"00-{trace_id:032x}-{span_id:016x}-01"


def test_asyncio_reports_alike(sdk, remote):
    async def main():
        async with AsyncPatata(verbose=False, telemetry=sdk.telemetry()) as client:
            with sdk.tracers.get_tracer("user").start_as_current_span("job"):
                many = [response async for response in client.http("get", requests(remote))]
                ones = await asyncio.gather(*(client.get(f"{remote}/echo") for _ in range(5)))
        return many, ones

    many, ones = asyncio.run(main())
    (job,), (call,) = sdk.named("job"), sdk.named("patata GET")
    assert call.parent.span_id == job.context.span_id
    wait_until(lambda: len(sdk.named("GET")) == 10)
    below_call = [span for span in sdk.named("GET") if span.parent.span_id == call.context.span_id]
    below_job = [span for span in sdk.named("GET") if span.parent.span_id == job.context.span_id]
    assert (len(many), len(below_call), len(below_job)) == (4, 5, 5)
    assert {told(response) for response in ones} == {ids(span) for span in below_job}
    assert sum(sdk.counts().values()) == 10


def wait_until(is_so):
    for _ in range(1000):
        if is_so():
            return
        time.sleep(0.02)
    pytest.fail("it has not come about within 20 s")


def test_what_single_requests_came_to_is_reported_within_a_second_or_so(sdk, remote):
    with Patata(verbose=False, telemetry=sdk.telemetry()) as client:
        for _ in range(3):
            client.get(remote)
        wait_until(lambda: sdk.counts() == {("GET", None): 3})
        client.post(f"{remote}/echo", json=1)
        wait_until(lambda: sdk.counts() == {("GET", None): 3, ("POST", None): 1})


def test_a_call_that_ends_by_an_error_has_it_in_its_span(sdk, remote):
    with Patata(verbose=False, telemetry=sdk.telemetry()) as client:
        with pytest.raises(patata.TooManyFailures):
            list(client.http("get", [(1, f"{remote}/status/500")], max_failures=0))
        responses = client.http("get", ((i, remote) for i in range(1000)))
        next(responses)
        responses.close()
    failed, closed = sdk.named("patata GET")
    assert (failed.status.status_code, failed.attributes["error.type"]) == (
        StatusCode.ERROR,
        "TooManyFailures",
    )
    assert closed.status.status_code == StatusCode.UNSET
    assert closed.attributes["patata.requests.cancelled"] == client.receipt.cancelled


def test_a_fetch_is_a_call_too(sdk, remote):
    import pyarrow as pa

    table = pa.table({"url": [f"{remote}/echo"] * 3})
    with Patata(verbose=False, telemetry=sdk.telemetry()) as client:
        client.fetch(table, body="text")
    (call,) = sdk.named("patata fetch GET")
    assert call.attributes["patata.requests.ok"] == 3
    assert [span.parent.span_id for span in sdk.named("GET")] == [call.context.span_id] * 3


def test_a_share_of_requests_becomes_spans_and_all_are_measured(sdk, remote):
    with Patata(verbose=False, telemetry=sdk.telemetry(traces=0.1)) as client:
        responses = list(client.http("get", ((i, f"{remote}/echo") for i in range(500))))
    spans = sdk.named("GET")
    assert 20 <= len(spans) <= 100
    sampled = {ids_ for response in responses if (ids_ := told(response))[2] == 1}
    assert sampled == {ids(span) for span in spans}
    (call,) = sdk.named("patata GET")
    assert {told(response)[0] for response in responses} == {call.context.trace_id}
    assert sdk.counts() == {("GET", None): 500}


def test_what_is_not_sampled_is_told_so_and_no_span(remote):
    sdk = Sdk(sampler=ALWAYS_OFF)
    tracer = sdk.tracers.get_tracer("user")
    with (
        Patata(verbose=False, telemetry=sdk.telemetry()) as client,
        tracer.start_as_current_span("job") as job,
    ):
        (response,) = client.http("get", [(1, f"{remote}/echo")])
        alone = client.get(f"{remote}/echo")
    assert sdk.spans == ()
    for each in (response, alone):
        trace_id, _, flags = told(each)
        assert (trace_id, flags) == (job.get_span_context().trace_id, 0)
    assert told(alone)[1] == job.get_span_context().span_id


def test_traces_and_metrics_and_the_header_can_be_left_out(sdk, remote):
    with Patata(verbose=False) as client, sdk.tracers.get_tracer("user").start_as_current_span("job") as job:
        (response,) = client.http("get", [(1, f"{remote}/echo")], telemetry=sdk.telemetry(traces=False))
        assert told(response) == (job.get_span_context().trace_id, job.get_span_context().span_id, 1)
        assert sdk.spans == ()
        assert sdk.counts() == {("GET", None): 1}
        silent = sdk.telemetry(propagate=False, metrics=False)
        (response,) = client.http("get", [(1, f"{remote}/echo")], telemetry=silent)
        assert "traceparent" not in response.json()["headers"]
        assert [span.name for span in sdk.spans] == ["GET", "patata GET"]
        assert sdk.counts() == {("GET", None): 1}
        (own,) = client.http(
            "get", [(1, f"{remote}/echo")], telemetry=sdk.telemetry(), headers={"traceparent": "mine"}
        )
        assert own.json()["headers"]["traceparent"] == "mine"


def test_a_call_may_do_without_what_its_client_reports(sdk, remote):
    with Patata(verbose=False, telemetry=sdk.telemetry()) as client:
        list(client.http("get", [(1, remote)], telemetry=False))
    assert (sdk.spans, sdk.points()) == ((), [])


VALUES = [0.001 * i for i in range(40)] + [0.005, 0.25, 1, 3, 11, 400]
ATTRIBUTES = [
    {"http.request.method": "GET", "server.port": 1},
    {"http.request.method": "PUT", "server.port": 2},
]


class Kept:
    """Durations as the engine gives them."""

    def __init__(self, values):
        self._values = values

    def values(self):
        return self._values

    def in_buckets(self, bounds):
        counts = [0] * (len(bounds) + 1)
        for value in self._values:
            counts[sum(bound < value for bound in bounds)] += 1
        return counts, sum(self._values), min(self._values), max(self._values)


DELTA = {Histogram: AggregationTemporality.DELTA}


@pytest.mark.parametrize("temporality", [None, DELTA], ids=["cumulative", "delta"])
@pytest.mark.parametrize(
    "views",
    [
        (),
        (View(instrument_name=NAME, aggregation=ExplicitBucketHistogramAggregation((0.01, 1))),),
        (View(instrument_name=NAME, attribute_keys={"server.port"}),),
        (View(instrument_name=NAME), View(instrument_name=NAME, name="again", attribute_keys=set())),
        (View(instrument_name=NAME, aggregation=ExponentialBucketHistogramAggregation()),),
        (View(instrument_name=NAME, aggregation=DropAggregation()),),
    ],
    ids=["plain", "buckets", "attributes", "two", "exponential", "dropped"],
)
def test_durations_added_at_once_are_what_they_are_one_by_one(views, temporality, monkeypatch):
    def reported(at_once):
        sdk = Sdk(views=views, temporality=temporality)
        histogram = DurationHistogram(sdk.meters)
        if not at_once:
            monkeypatch.setattr(durations, "_aggregations", lambda *_: None)
        rounds = []
        for part in (VALUES, VALUES[:7]):
            for attributes in ATTRIBUTES:
                histogram.add(attributes, Kept(part))
            data = sdk.reader.get_metrics_data()
            rounds.append([] if data is None else shown(data))
        monkeypatch.undo()
        return rounds

    at_once = reported(True)
    assert at_once == reported(False)
    assert bool(at_once[0]) == (views == () or type(views[0]._aggregation) is not DropAggregation)


def shown(data):
    """All that is exported, but for the moments, and sums to the last digit."""
    kept = []
    for metric in data.resource_metrics[0].scope_metrics[0].metrics:
        for point in metric.data.data_points:
            fields = {
                name: getattr(point, name, None)
                for name in (
                    "attributes",
                    "count",
                    "min",
                    "max",
                    "bucket_counts",
                    "explicit_bounds",
                    "positive",
                )
            }
            fields["attributes"] = dict(fields["attributes"])
            kept.append((metric.name, metric.data.aggregation_temporality, fields, pytest.approx(point.sum)))
    return kept


def test_the_sdk_that_is_pinned_is_added_to_at_once():
    sdk = Sdk()
    histogram = DurationHistogram(sdk.meters)
    assert len(durations._aggregations(histogram._histogram, ATTRIBUTES[0])) == 1


def test_a_provider_that_is_set_later_is_the_one_that_is_reported_to(script, remote):
    source = """
        import sys
        from opentelemetry import metrics, trace
        from patata import Patata
        client = Patata(verbose=False, telemetry=True)
        list(client.http("get", [(1, sys.argv[1])]))
        from opentelemetry.sdk.metrics import MeterProvider
        from opentelemetry.sdk.metrics.export import InMemoryMetricReader
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import SimpleSpanProcessor
        from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
        reader, exporter = InMemoryMetricReader(), InMemorySpanExporter()
        metrics.set_meter_provider(MeterProvider([reader]))
        trace.set_tracer_provider(TracerProvider())
        trace.get_tracer_provider().add_span_processor(SimpleSpanProcessor(exporter))
        list(client.http("get", [(1, sys.argv[1])]))
        print([span.name for span in exporter.get_finished_spans()])
        (metric,) = reader.get_metrics_data().resource_metrics[0].scope_metrics[0].metrics
        print(metric.data.data_points[0].count)
    """
    assert script(source, remote).splitlines() == ["['GET', 'patata GET']", "1"]


def test_without_an_sdk_nothing_is_reported_and_nothing_fails(script, remote):
    source = """
        import sys
        from patata import Patata
        with Patata(verbose=False, telemetry=True) as client:
            (response,) = client.http("get", [(1, sys.argv[1] + "/echo")])
            print(response.status_code, "traceparent" in response.json()["headers"])
            print(client.get(sys.argv[1]).status_code)
    """
    assert script(source, remote).splitlines() == ["200 False", "200"]


def test_without_the_api_it_is_said_what_installs_it(script):
    source = """
        import sys

        class Nothing:
            def find_spec(self, name, *_):
                if name.partition(".")[0] == "opentelemetry":
                    raise ModuleNotFoundError(f"No module named {name!r}", name=name)

        sys.meta_path.insert(0, Nothing())
        from patata import Patata
        try:
            Patata(telemetry=True)
        except ImportError as error:
            print(error)
    """
    assert 'pip install "patata[otel]"' in script(source)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Patata(telemetry="yes"), "telemetry must be True, False, or a patata.Telemetry, got 'yes'"),
        (lambda: Telemetry(traces=1.5), "traces must be True, False, or a share between 0 and 1, got 1.5"),
        (
            lambda: Telemetry(traces="all"),
            "traces must be True, False, or a share between 0 and 1, got 'all'",
        ),
    ],
)
def test_what_cannot_be_used_is_refused_at_once(make, message):
    with pytest.raises(ValueError, match="must be True") as raised:
        make()
    assert str(raised.value) == message


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_forked_child_reports_its_own_and_only_that(sdk, remote):
    telemetry = sdk.telemetry()
    with Patata(1, verbose=False, telemetry=telemetry) as client:
        for _ in range(3):
            client.get(remote)
        reader, writer = os.pipe()
        child = os.fork()
        if child == 0:
            try:
                with Patata(1, verbose=False, telemetry=telemetry) as own:
                    own.post(f"{remote}/echo", json=1)
                telemetry.flush()
                os.write(writer, repr(sdk.counts()).encode())
            finally:
                os._exit(0)
        os.close(writer)
        with os.fdopen(reader) as said:
            counts = said.read()
        os.waitpid(child, 0)
        telemetry.flush()
    assert counts in ("{('POST', None): 1}", "{('GET', None): 3, ('POST', None): 1}")
    assert sdk.counts() == {("GET", None): 3}


def test_it_goes_to_other_processes_as_what_is_reported():
    telemetry = pickle.loads(pickle.dumps(Telemetry(metrics=False, traces=0.5, propagate=False)))
    assert repr(telemetry) == "Telemetry(metrics=False, traces=0.5, propagate=False)"
