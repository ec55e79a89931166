"""Crawls ask for no page twice: within a call, in later calls over a run folder, and after a kill."""

import asyncio
import importlib
import math
import subprocess
import sys
from pathlib import Path

import pytest
from patata import AsyncPatata, Patata, Request, RunFolder, crawl
from patata.exceptions import NotARunFolderError

BENCH = Path(__file__).resolve().parents[2] / "bench"
PAGES, HOSTS = 2_000, 50


def leading(url, pages=40):
    """The function for a site whose pages link to one another, and back."""

    def links(response):
        page = int(response.url.rpartition("=")[2])
        targets = (page + 1, page * 3, page // 2, page)
        return [(target % pages, f"{url}/?page={target % pages}#part-{page}") for target in targets]

    return links


def crawled(kind, url, follow, **options):
    """The ids of a crawl's responses, and its receipt."""
    requests = [(0, f"{url}/?page=0")]
    if kind == "sync":
        with Patata(verbose=False) as client:
            responses = client.http("get", requests, follow=follow, **options)
            return sorted(response.id_ for response in responses), responses.receipt

    async def main():
        async with AsyncPatata(verbose=False) as client:
            responses = client.http("get", requests, follow=follow, **options)
            return sorted([response.id_ async for response in responses]), responses.receipt

    return asyncio.run(main())


@pytest.fixture(params=["sync", "async"])
def kind(request):
    return request.param


def test_each_page_is_asked_for_once(kind, server):
    ids, receipt = crawled(kind, server.url, crawl.once(leading(server.url)))
    assert ids == list(range(40))
    assert (receipt.submitted, receipt.followed) == (40, 39)


def test_later_calls_over_a_folder_ask_for_what_is_left(kind, server, tmp_path):
    folder = tmp_path / "run"
    found = []
    for most in (5, 17, 30, 100):
        follow = crawl.once(leading(server.url), folder)
        ids, receipt = crawled(kind, server.url, follow, run_folder=folder, max_requests=most)
        found += ids
    assert sorted(found) == list(range(40))
    assert (receipt.submitted, receipt.ok + receipt.skipped) == (40, 40)


def test_a_page_that_is_sent_again_leads_to_none_that_it_led_to_before(server, tmp_path):
    folder = tmp_path / "run"
    crawled("sync", server.url, crawl.once(leading(server.url), folder), run_folder=folder)
    follow = crawl.once(leading(server.url), folder)
    (response,) = [response for response in RunFolder(folder).responses() if response.id_ == 7]
    assert follow(response) == []


def test_requests_that_differ_in_method_parameters_or_body_are_others(server):
    url = server.url
    different = [
        Request(1, url),
        Request(2, url, method="POST"),
        Request(3, url, params={"page": 2}),
        (4, url, {"page": 2}),
        Request(5, url, content=b"2"),
    ]
    equal = [
        (6, url + "#part"),
        Request(7, url),
        Request(8, url, {"page": 2}),
        Request(9, url, headers={"a": "b"}),
    ]
    follow = crawl.once(lambda response: [*different, *equal] if response.depth == 0 else None)
    with Patata(verbose=False) as client:
        responses = list(client.http("get", [(0, url + "/start")], follow=follow))
    assert sorted(response.id_ for response in responses) == [0, 1, 2, 3, 4, 5]


def test_the_input_counts_too(server):
    follow = crawl.once(lambda _: Request("again", server.url + "#part"))
    with Patata(verbose=False) as client:
        assert [response.id_ for response in client.http("get", [(1, server.url)], follow=follow)] == [1]


def test_what_the_function_raises_is_the_responses_own_and_no_request_is_refused(kind, server):
    def broken(response):
        raise KeyError(response.id_)

    ids, receipt = crawled(kind, server.url, crawl.once(broken))
    assert (ids, receipt.errors) == ([0], {"FollowError": 1})
    ids, receipt = crawled(kind, server.url, crawl.once(lambda _: ["no request"]))
    assert (ids, receipt.errors) == ([0], {"FollowError": 1})


def test_what_is_no_plain_function_is_refused():
    async def links(_):
        return None

    for function in (None, links, [1]):
        with pytest.raises(TypeError, match="once takes a plain function"):
            crawl.once(function)


def test_a_folder_whose_rows_are_no_responses_is_refused(server, tmp_path):
    with Patata(verbose=False) as client:
        list(client.http("get", [(1, server.url)], run_folder=RunFolder(tmp_path / "run", format="csv")))
    with pytest.raises(NotARunFolderError):
        crawl.once(lambda _: None, tmp_path / "run")


def test_a_crawl_that_is_killed_is_gone_on_with_and_asks_for_nothing_that_is_forbidden(tmp_path, monkeypatch):
    # Last, as modules of the benchmarks have names that others have too.
    monkeypatch.setattr(sys, "path", [*sys.path, str(BENCH)])
    bench = importlib.import_module("crawl")
    with bench.serving(PAGES, HOSTS, tmp_path) as port:
        command = [sys.executable, str(BENCH / "clients" / "crawl.py")]
        command += [bench.site.url(0, port, HOSTS), str(tmp_path / "run")]
        bench.answer(port, PAGES // 2)
        with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
            while bench.asked(port) < PAGES // 2:
                assert process.poll() is None
            process.kill()
        before = bench.asked(port)
        bench.answer(port, math.inf)
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, timeout=100)
        found = bench.findings(port, PAGES, HOSTS)
    assert (found["missing"], found["forbidden"], found["robots"]) == (0, 0, 2 * HOSTS)
    assert found["again"] < before
    receipt = RunFolder(tmp_path / "run").receipt
    assert (receipt.ok, receipt.failed) == (PAGES, PAGES // bench.site.FORBIDDEN_EVERY)
