"""What robots.txt forbids is not asked for, as RFC 9309 says."""

import asyncio
import sys
import time

import pytest
from patata import AsyncPatata, Patata, Request
from patata._crawl.robots import HOLDS, LONGEST, MOST, Robots, origin_of
from patata.exceptions import CallCancelledError, RequestError, RobotsError
from support import RawServer, answer, refusing_url


def serving(robots):
    """A server with this robots.txt, and pages without links."""
    return RawServer(lambda _, head, __: robots() if b" /robots.txt " in head else answer(b"{}"))


def file(text, status="200 OK", *headers):
    return lambda: answer(text, *headers, status=status)


def paths(raw):
    return sorted(head.split()[1].decode() for head in raw.heads)


def crawled(kind, requests, *, robots=True, client=None, **options):
    """The responses of a call of either client, and its receipt."""
    if kind == "sync":
        with Patata(verbose=False, **(client or {})) as patata:
            responses = patata.http("get", requests, robots=robots, **options)
            return list(responses), responses.receipt

    async def main():
        async with AsyncPatata(verbose=False, **(client or {})) as patata:
            responses = patata.http("get", requests, robots=robots, **options)
            return [response async for response in responses], responses.receipt

    return asyncio.run(main())


def parted(responses):
    """The ids of what was sent, and of what was refused."""
    refused = {response.id_ for response in responses if isinstance(response.error, RobotsError)}
    return {response.id_ for response in responses} - refused, refused


@pytest.fixture(params=["sync", "async"])
def kind(request):
    return request.param


class TestRules:
    @pytest.mark.parametrize(
        ("text", "forbidden"),
        [
            (b"User-agent: *\nDisallow: /a", {"/a", "/a/b"}),
            (b"User-agent: *\nDisallow: /a\nAllow: /a/b", {"/a"}),
            (b"User-agent: *\nDisallow: /*/b$", {"/a/b"}),
            (b"User-agent: *\nDisallow: /\n\nUser-agent: Patata\nDisallow: /c", {"/c"}),
            (b"User-agent: other\nDisallow: /", set()),
            (b"\xef\xbb\xbfUser-Agent: *\r\nDISALLOW: /c # all of it\r\n", {"/c"}),
            (b"User-agent: patata\nUser-agent: other\nDisallow: /a/b", {"/a/b"}),
            (b"Disallow: /a", set()),
            (b"", set()),
            (b"<html>not what it should be</html>\xff\x00", set()),
        ],
    )
    def test_forbid_what_they_say(self, text, forbidden):
        with serving(file(text)) as raw:
            requests = [Request(path, raw.url + path) for path in ("/a", "/a/b", "/c")]
            responses, _ = crawled("sync", requests)
        assert parted(responses) == ({"/a", "/a/b", "/c"} - forbidden, forbidden)
        assert paths(raw) == sorted({"/robots.txt", "/a", "/a/b", "/c"} - forbidden)

    @pytest.mark.parametrize(
        ("status", "is_allowed"),
        [("404 Not Found", True), ("403 Forbidden", True), ("429 Slow", False), ("503 Not now", False)],
    )
    def test_that_are_absent_allow_and_that_cannot_be_read_forbid(self, status, is_allowed):
        with serving(file(b"User-agent: *\nDisallow: /", status)) as raw:
            (response,), _ = crawled("sync", [(1, raw.url + "/a")])
        assert response.ok is is_allowed
        assert is_allowed or "cannot be read, which forbids all: status" in str(response.error)

    def test_that_redirect_for_ever_are_absent(self):
        with serving(file(b"", "302 Found", "location: /robots.txt")) as raw:
            (response,), _ = crawled("sync", [(1, raw.url + "/a")])
        assert response.ok

    def test_behind_a_redirect_hold_for_the_origin_that_was_asked(self):
        with serving(file(b"User-agent: *\nDisallow: /a")) as other:
            moved = file(b"", "301 Moved", f"location: {other.url}/robots.txt")
            with serving(moved) as raw:
                responses, _ = crawled("sync", [(1, raw.url + "/a"), (2, raw.url + "/b")])
        assert parted(responses) == ({2}, {1})

    def test_of_a_host_that_is_not_there_forbid(self, kind):
        with refusing_url() as url:
            (response,), receipt = crawled(kind, [(1, url + "a")])
        assert "/robots.txt cannot be read, which forbids all: Cannot connect" in str(response.error)
        assert (receipt.failed, receipt.errors, receipt.attempts) == (1, {"RobotsError": 1}, 0)

    def test_are_read_so_far(self):
        text = b"#" * (LONGEST - 1) + b"\nUser-agent: *\nDisallow: /"
        with serving(file(text)) as raw:
            (response,), _ = crawled("sync", [(1, raw.url + "/a")])
        assert response.ok

    def test_hold_for_a_day_and_no_longer(self):
        now = [0.0]
        robots = Robots("patata", lambda: now[0])
        robots.learn("http://host/robots.txt", 200, b"User-agent: *\nDisallow: /a\nCrawl-delay: 2.5")
        now[0] = HOLDS - 1
        assert robots.verdict("http://host/b") == 2.5
        assert robots.verdict("http://host/a") == "http://host/robots.txt forbids it for patata"
        assert robots.verdict("https://host/a") is None
        now[0] = HOLDS
        assert robots.verdict("http://host/a") is None

    def test_are_as_many_as_there_is_room_for(self):
        robots = Robots("patata")
        for number in range(MOST + 1):
            robots.learn(f"http://h{number}/robots.txt", 404, b"")
        assert [robots.verdict(f"http://h{number}/") for number in (0, 1, MOST)] == [None, 0.0, 0.0]


class TestCalls:
    def test_a_refusal_is_typed_and_has_the_id_and_counts_as_failed(self, kind):
        id_ = object()
        with serving(file(b"User-agent: *\nDisallow: /a")) as raw:
            responses, receipt = crawled(kind, [(id_, raw.url + "/a"), (2, raw.url + "/b")], ordered=True)
        refused, sent = responses
        assert refused.id_ is id_
        assert (refused.status_code, refused.ok, sent.ok) == (500, False, True)
        assert isinstance(refused.error, RobotsError)
        assert isinstance(refused.error, RequestError)
        assert f"Not sent: {raw.url}/robots.txt forbids it for patata" in str(refused.error)
        assert not refused.error.request_sent
        assert (receipt.submitted, receipt.ok, receipt.failed) == (2, 1, 1)
        assert receipt.errors == {"RobotsError": 1}

    def test_what_follows_is_asked_about_too(self, kind):
        links = {"/": ["/a", "/b"], "/a": ["/a/b", "/"], "/b": []}
        seen = {"/"}

        def follow(response):
            path = response.request.url.removeprefix(raw.url)
            found = [link for link in links.get(path, []) if link not in seen]
            seen.update(found)
            return [(link, raw.url + link) for link in found]

        with serving(file(b"User-agent: *\nDisallow: /a/")) as raw:
            responses, _ = crawled(kind, [("/", raw.url + "/")], follow=follow)
        assert parted(responses) == ({"/", "/a", "/b"}, {"/a/b"})
        assert paths(raw) == ["/", "/a", "/b", "/robots.txt"]

    def test_each_origin_has_its_own_file_which_is_asked_for_once(self, kind):
        with serving(file(b"User-agent: *\nDisallow: /a")) as first, serving(file(b"")) as second:
            requests = [
                ((n, path, raw.url), f"{raw.url}/{path}")
                for n in range(20)
                for raw in (first, second)
                for path in "ab"
            ]
            responses, receipt = crawled(kind, requests)
        sent, refused = parted(responses)
        assert (len(sent), refused) == (60, {(n, "a", first.url) for n in range(20)})
        assert [paths(raw).count("/robots.txt") for raw in (first, second)] == [1, 1]
        assert (receipt.submitted, receipt.ok, receipt.failed) == (80, 60, 20)

    def test_a_redirect_to_what_is_forbidden_is_not_followed(self, kind):
        def answering(_, head, __):
            if b" /robots.txt " in head:
                return answer(b"User-agent: *\nDisallow: /hidden")
            if b" /moved " in head:
                return answer(b"", "location: /hidden", status="302 Found")
            return answer(b"{}")

        with RawServer(answering) as raw:
            (response,), _ = crawled(kind, [(1, raw.url + "/moved")])
        assert isinstance(response.error, RobotsError)
        assert paths(raw) == ["/moved", "/robots.txt"]

    def test_what_waits_for_a_file_is_no_more_than_may_wait(self, kind):
        taken = []

        def requests(url):
            for number in range(1_000):
                taken.append(number)
                yield number, url + "/a"

        largest = []

        def robots():
            largest.append(len(taken))
            return answer(b"")

        with serving(robots) as raw:
            responses, _ = crawled(kind, requests(raw.url), client={"queue_max_size": 50})
        assert len(responses) == 1_000
        assert largest[0] <= 60

    def test_a_call_that_is_cancelled_lets_go_of_what_waits(self):
        calls = []

        def robots():
            calls[0].cancel()

        with serving(robots) as raw, Patata(verbose=False) as client:
            responses = client.http("get", [(n, raw.url + "/a") for n in range(10)], robots=True)
            calls.append(responses)
            with pytest.raises(CallCancelledError):
                next(responses)
            receipt = responses.receipt
        assert (receipt.submitted, receipt.cancelled, receipt.unknown) == (10, 10, 0)
        assert paths(raw) == ["/robots.txt"]

    def test_the_name_is_that_of_the_header_unless_it_is_said(self, kind):
        text = b"User-agent: one\nDisallow: /one\n\nUser-agent: two\nDisallow: /two"
        for options, refused in (
            ({"headers": {"User-Agent": "one/1.0 (+http://one)"}}, "/one"),
            ({"client": {"headers": [("user-agent", "two")]}}, "/two"),
            ({"robots": "two", "headers": {"User-Agent": "one"}}, "/two"),
        ):
            with serving(file(text)) as raw:
                requests = [(path, raw.url + path) for path in ("/one", "/two")]
                responses, _ = crawled(kind, requests, **options)
            assert parted(responses)[1] == {refused}

    def test_a_delay_is_a_rate_for_that_host(self, kind):
        moments = []

        def answering(_, head, __):
            if b" /robots.txt " in head:
                return answer(b"User-agent: *\nCrawl-delay: 0.2")
            moments.append(time.monotonic())
            return answer(b"{}")

        with RawServer(answering) as slow, serving(file(b"")) as fast:
            requests = [((raw.url, n), raw.url + "/a") for n in range(4) for raw in (slow, fast)]
            responses, _ = crawled(kind, requests)
        order = [response.id_[0] for response in responses]
        assert order[:4].count(fast.url) >= 3
        assert sum(response.ok for response in responses) == 8
        # A server that is late with the first of them makes no more of it than that.
        assert max(moments) - min(moments) > 0.5

    def test_a_client_knows_files_in_all_of_its_calls(self):
        with (
            serving(file(b"User-agent: *\nDisallow: /a")) as raw,
            Patata(verbose=False, robots=True) as client,
        ):
            for _ in range(3):
                assert isinstance(client.get(raw.url + "/a").error, RobotsError)
                assert client.get(raw.url + "/b").ok
                assert client.get(raw.url + "/a", robots=False).ok
        assert paths(raw).count("/robots.txt") == 1

    def test_files_are_no_failures_and_no_responses(self, kind):
        with serving(file(b"", "404 Not Found")) as raw:
            responses, receipt = crawled(
                kind, [(1, raw.url + "/a")], max_failures=1, retry_if=lambda response: response.id_ != 1
            )
        assert [response.id_ for response in responses] == [1]
        assert (receipt.ok, receipt.attempts) == (1, 1)

    def test_a_run_folder_has_refusals_and_another_process_asks_for_none(self, kind, tmp_path):
        with serving(file(b"User-agent: *\nDisallow: /a")) as raw:
            requests = [(n, f"{raw.url}/{'ab'[n % 2]}") for n in range(20)]
            first, receipt = crawled(kind, requests, run_folder=tmp_path / "run")
            assert (receipt.ok, receipt.failed, receipt.errors) == (10, 10, {"RobotsError": 10})
            assert len(parted(first)[1]) == 10
            again, receipt = crawled(kind, requests, run_folder=tmp_path / "run")
            assert (again, receipt.skipped) == ([], 20)
        assert len(raw.heads) == 11

    def test_deadlines_end_what_waits_for_a_file(self, kind):
        with RawServer(lambda *_: None) as raw, pytest.raises(TimeoutError):
            crawled(
                kind,
                ((n, raw.url + "/a") for n in iter(int, 1)),
                deadline=0.3,
                client={"queue_max_size": 10},
            )


class TestOptions:
    @pytest.mark.parametrize("name", ["", "1bot", "examplebot/1.0", "*", 1, ["bot"]])
    def test_a_name_that_no_file_can_mean_is_refused(self, client, name):
        with pytest.raises(ValueError, match="robots must be True, False, or the name of a robot"):
            client.http("get", [], robots=name)

    def test_a_header_that_begins_with_no_name_needs_one(self, client):
        with pytest.raises(ValueError, match="robots=True goes by the header User-Agent"):
            client.http("get", [], robots=True, headers={"user-agent": "(compatible)"})

    def test_without_the_library_it_says_what_to_install(self, client, monkeypatch):
        monkeypatch.setitem(sys.modules, "protego", None)
        with pytest.raises(ImportError, match=r'pip install "patata\[crawl\]"'):
            client.http("get", [], robots="another")

    @pytest.mark.parametrize(
        ("url", "origin"),
        [
            ("HTTP://User:pass@Example.COM:8080/a?b#c", "http://example.com:8080"),
            ("https://[::1]/", "https://[::1]"),
        ],
    )
    def test_origins_are_without_credentials(self, url, origin):
        assert origin_of(url) == origin


class TestElsewhere:
    def test_single_requests_and_tables_obey_too(self):
        import pyarrow

        async def asked(url):
            async with AsyncPatata(verbose=False) as client:
                return await client.get(url, robots=True)

        with serving(file(b"User-agent: *\nDisallow: /a")) as raw:
            assert isinstance(asyncio.run(asked(raw.url + "/a")).error, RobotsError)
            with Patata(verbose=False) as client:
                table = pyarrow.table({"url": [raw.url + "/a", raw.url + "/b"]})
                fetched = client.fetch(table, robots=True, body="none")
        assert fetched["error_kind"].to_pylist() == ["robots", None]

    def test_a_cache_keeps_files_and_pages(self, tmp_path):
        kept = "cache-control: max-age=1000"
        with serving(file(b"User-agent: *\nDisallow: /a", "200 OK", kept)) as raw:
            for mode in ("standard", "offline"):
                options = {"cache": tmp_path / "cache", "cache_mode": mode, "robots": True}
                with Patata(verbose=False, **options) as client:
                    assert isinstance(client.get(raw.url + "/a").error, RobotsError)
        assert paths(raw) == ["/robots.txt"]

    def test_ctrl_c_while_a_file_is_read_ends_the_call(self, kind, monkeypatch):
        def interrupted(*_):
            raise KeyboardInterrupt

        with serving(file(b"")) as raw:
            for method in ("learn", "verdict"):
                monkeypatch.setattr(Robots, method, interrupted)
                with pytest.raises(KeyboardInterrupt):
                    crawled(kind, [(1, raw.url + "/a")])

    def test_what_goes_wrong_while_a_file_is_read_forbids_and_is_told(self, kind, monkeypatch):
        told = []
        monkeypatch.setattr(sys, "unraisablehook", told.append)
        monkeypatch.setattr(Robots, "learn", lambda *_: 1 / 0)
        with serving(file(b"")) as raw:
            (response,), _ = crawled(kind, [(1, raw.url + "/a")])
        assert "it could not be found out whether robots.txt allows it" in str(response.error)
        assert [type(each.exc_value) for each in told] == [ZeroDivisionError]
