"""How much is asked of servers, what is tried again, and how long that may take."""

import threading
import time

import pytest
from patata import DeadlineExceededError, Patata, Request
from patata.exceptions import RequestTimeoutError
from support import RawServer

BUSY = b"HTTP/1.1 503 Busy\r\ncontent-length: 0\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}"


def all_of(requests, method="get", **options):
    options = {"num_workers": 1, "verbose": False, **options}
    with Patata(**options) as client:
        return list(client.http(method, requests))


class Arrivals:
    """Notes when requests arrive, and how many are there at once."""

    def __init__(self, answer=lambda _: OK, seconds=0.0):
        self.times = []
        self.most = 0
        self._now = 0
        self._answer = answer
        self._seconds = seconds
        self._lock = threading.Lock()

    def __call__(self, *_):
        with self._lock:
            self.times.append(time.monotonic())
            number = len(self.times)
            self._now += 1
            self.most = max(self.most, self._now)
        time.sleep(self._seconds)
        with self._lock:
            self._now -= 1
        return self._answer(number)

    def span(self):
        return self.times[-1] - self.times[0]


@pytest.mark.parametrize("rate", ["50/s", "3000/min", ["50/s", "10000/day"], ("1000/s", "50/s")])
def test_a_rate_spreads_requests_over_time(rate):
    arrivals = Arrivals()
    with RawServer(arrivals) as server:
        assert len(all_of([(i, server.url) for i in range(11)], rate=rate)) == 11
    assert arrivals.span() > 0.175


def test_each_host_has_a_rate_and_a_concurrency_of_its_own():
    ours, other = Arrivals(seconds=0.01), Arrivals(seconds=0.01)
    with RawServer(ours) as a, RawServer(other) as b:
        requests = [(i, (a if i % 2 else b).url) for i in range(60)]
        assert len(all_of(requests, rate_per_host="200/s", concurrency_per_host=2, concurrency=50)) == 60
    for arrivals in (ours, other):
        assert arrivals.most <= 2
        assert arrivals.span() > 0.12


def test_auto_concurrency_answers_all(server):
    responses = all_of([(i, server.url + "/delay/5") for i in range(2000)], concurrency="auto")
    assert sorted(response.id_ for response in responses) == list(range(2000))


def test_a_call_may_take_away_what_ends_it_and_not_the_rate_of_its_client(server):
    requests = [(i, server.url + "/delay/5") for i in range(11)]
    with Patata(1, verbose=False, rate="50/s", max_failures=0, deadline=0.1) as client:
        begun = time.monotonic()
        assert len(list(client.http("get", requests, rate=None, max_failures=None, deadline=None))) == 11
        assert time.monotonic() - begun > 0.19


def test_retry_after_holds_back_all_requests_to_that_host():
    asking = b"HTTP/1.1 429 Too Many\r\nretry-after: 1\r\ncontent-length: 0\r\n\r\n"
    arrivals = Arrivals(lambda number: asking if number == 1 else OK)
    with RawServer(arrivals) as server:
        responses = all_of([(i, server.url) for i in range(4)], retries=2, concurrency=1)
    assert [response.status_code for response in responses] == [200] * 4
    assert sorted(response.attempts for response in responses) == [1, 1, 1, 2]
    assert arrivals.times[1] - arrivals.times[0] > 0.99


def test_only_the_statuses_that_are_named_are_tried_again(server):
    for code, attempts in [(404, 3), (503, 1)]:
        url = f"{server.url}/status/{code}"
        (response,) = all_of([(1, url)], retries=3, backoff=0, retry_statuses={404})
        assert response.attempts == attempts


def test_a_post_that_may_have_arrived_is_sent_again_only_with_leave():
    with RawServer(None) as server:
        (response,) = all_of([(1, server.url, {})], "post", retries=3, backoff=0)
        assert (response.attempts, len(server.heads)) == (1, 1)
        (response,) = all_of([(1, server.url, {})], "post", retries=3, backoff=0, retry_non_idempotent=True)
        assert (response.attempts, len(server.heads)) == (3, 4)


def test_an_idempotency_key_stays_the_same_in_all_attempts():
    with RawServer(None) as server:
        requests = [
            Request(1, server.url, {}),
            Request(2, server.url, {}, headers={"Idempotency-Key": "mine"}),
        ]
        responses = all_of(requests, "post", retries=2, backoff=0, idempotency_key=True, concurrency=1)
        assert [response.attempts for response in responses] == [2, 2]
        keys = [head.split("idempotency-key: ")[1].split("\r\n")[0] for head in map(str.lower, heads(server))]
    assert len(set(keys)) == 2
    assert sorted(map(keys.count, set(keys))) == [2, 2]
    assert "mine" in keys


def heads(server):
    return [head.decode() if isinstance(head, bytes) else head for head in server.heads]


@pytest.mark.parametrize(("budget", "least", "most"), [(0.1, 100, 200), (0, 0, 100), (None, 4000, 4000)])
def test_an_outage_is_amplified_by_no_more_than_the_retry_budget(server, budget, least, most):
    requests = [(i, server.url + "/status/503") for i in range(2000)]
    responses = all_of(requests, retries=3, backoff=0, retry_budget=budget)
    assert {response.status_code for response in responses} == {503}
    assert least <= server.requests - 2000 <= most


def test_all_attempts_together_end_at_the_total_timeout(server):
    url = server.url + "/delay/60000"
    (response,) = all_of([(1, url)], retries=9, timeout=0.08, total_timeout=0.2, backoff=0)
    assert isinstance(response.error, RequestTimeoutError)
    assert "total_timeout" in str(response.error)


@pytest.mark.parametrize("callbacks", [[], [lambda response: response]])
@pytest.mark.parametrize("workers", [1, 2])
def test_at_the_deadline_an_endless_call_ends_with_all_its_responses(server, callbacks, workers):
    endless = iter(lambda: (0, server.url + "/delay/30"), None)
    responses = []
    with Patata(workers, verbose=False, deadline=0.3, concurrency=5, queue_max_size=20) as client:
        calls = client.http("get", endless, callbacks=callbacks)
        with pytest.raises(DeadlineExceededError, match=r"0\.3 s"):
            responses.extend(calls)
        assert client.receipt.ok + client.receipt.failed == len(responses)
        assert client.receipt.submitted == client.receipt.ok + client.receipt.failed
        assert client.receipt.ok > 0
        # Where processes take long to start, the queue may be full of what is done by then.
        assert set(client.receipt.errors) <= {"RequestTimeoutError"}
        assert client.receipt.unsent + client.receipt.unknown == client.receipt.failed


def test_a_deadline_is_a_timeout_error():
    assert issubclass(DeadlineExceededError, TimeoutError)


def test_what_the_retry_budget_denies_is_flagged_counted_and_logged_once(server, caplog):
    requests = [(i, server.url + "/status/503") for i in range(500)]
    with Patata(1, verbose_level=1, retries=3, backoff=0, retry_budget=0) as client:
        responses = list(client.http("get", requests))
    assert all(response.retry_denied for response in responses if response.attempts < 3)
    assert client.receipt.retries_denied == sum(response.retry_denied for response in responses) > 0
    told = [record.message for record in caplog.records if "retry budget" in record.message]
    assert len(told) == 1
    assert "retry_budget=None" in told[0]


def test_retries_alone_get_along_with_an_api_that_limits_its_rate():
    windows = {}

    def answer(*_):
        window = int(time.monotonic())
        windows[window] = windows.get(window, 0) + 1
        if windows[window] <= 100:
            return OK
        return b"HTTP/1.1 429 Too Many\r\ncontent-length: 0\r\n\r\n"

    with RawServer(answer) as server, Patata(1, verbose=False, retries=5) as client:
        responses = list(client.http("get", ((i, server.url) for i in range(1000))))
    assert {response.status_code for response in responses} == {200}
    assert client.receipt.attempts <= 1150
    assert client.receipt.retries_denied == 0
