"""Pages are followed within a call: in order, many chains at a time, by both clients, over run folders."""

import asyncio
from collections import Counter, defaultdict

import pytest
from paged_api import SIZE
from patata import AsyncPatata, Patata, Request, RunFolder, pages
from patata.exceptions import (
    ConnectError,
    FollowError,
    OtherOriginError,
    PageError,
    PagesFailedError,
    RepeatedPageError,
)
from support import RawServer, answer, refusing_url

ALL = list(range(SIZE))

BY_CURSOR = pages.cursor("data[-1].id", "starting_after", has_more_path="has_more")
BY_SORT = pages.cursor("hits.hits[-1].sort", cursor_body_path="search_after")
BY_FROM = pages.offset(5, offset_body_path="from", limit_body_path="size", total_path="hits.total")
BY_SKIP = pages.offset(5, offset_param="$skip", limit_param="$top", total_path="@odata.count")

WAYS = {
    "github": (pages.header_link(), "get", "/github/repos/a/issues?per_page=5", None, "number"),
    "github, found out": (pages.auto(), "get", "/github/repos/a/issues?per_page=5", None, "number"),
    "stripe": (BY_CURSOR, "get", "/stripe/v1/charges?limit=5", None, "id"),
    "shopify": (pages.header_link(), "get", "/shopify/products.json?limit=5&status=active", None, "id"),
    "elasticsearch, search_after": (BY_SORT, "post", "/elastic/_search", {"size": 5, "sort": ["id"]}, "_id"),
    "elasticsearch, from and size": (BY_FROM, "post", "/elastic/_search", {}, "_id"),
    "odata": (pages.odata(), "get", "/odata/People", None, "ID"),
    "odata, relative": (pages.odata(), "get", "/odata/People?relative=true", None, "ID"),
    "odata, top and skip": (BY_SKIP, "get", "/odata/People?$count=true", None, "ID"),
    "hal": (pages.hal(), "get", "/hal", None, None),
    "json api": (pages.json_api(), "get", "/jsonapi", None, None),
    "tokens": (pages.cursor("nextPageToken", "pageToken"), "get", "/tokens", None, None),
    "header": (pages.header_cursor("X-Next-Cursor", "after"), "get", "/header_cursor", None, None),
    "numbers": (pages.page_number(1, total_path="pages"), "get", "/numbered", None, None),
    "numbers, one by one": (pages.page_number(1), "get", "/numbered?counts=none", None, None),
}
"""What follows, and what it begins with: method, path, data, and what says which an item is."""


KNOWN_BY_AN_EMPTY_PAGE = {"elasticsearch, search_after", "numbers, one by one"}
"""The ways whose end is known once a page has no items."""


def count_of(way):
    """How many pages there are."""
    return 6 if way in KNOWN_BY_AN_EMPTY_PAGE else 5


def number_of(item, name):
    """Which of all items one is."""
    given = item if name is None else item[name]
    return int(str(given).removeprefix("ch_"))


def called(kind, requests, follow, *, method="get", client=None, **options):
    """The responses of a call of either client that follows pages, and its receipt."""
    settings = {"verbose": False, "auth": "sk_test", **(client or {})}
    if kind == "sync":
        with Patata(**settings) as patata:
            responses = patata.http(method, requests, follow=follow, **options)
            return list(responses), responses.receipt

    async def main():
        async with AsyncPatata(**settings) as patata:
            responses = patata.http(method, requests, follow=follow, **options)
            return [response async for response in responses], responses.receipt

    return asyncio.run(main())


@pytest.fixture(params=["sync", "async"])
def kind(request):
    return request.param


class TestWays:
    @pytest.mark.parametrize("way", WAYS)
    @pytest.mark.parametrize("has_folder", [False, True], ids=["memory", "folder"])
    def test_each_lead_to_all_items_once(self, kind, paged, tmp_path, way, has_folder):
        follow, method, path, data, name = WAYS[way]
        options = {"run_folder": tmp_path / "run"} if has_folder else {}
        responses, receipt = called(kind, [(7, paged + path, data)], follow, method=method, **options)
        count = count_of(way)
        assert [response.error for response in responses] == [None] * count
        found = [number_of(item, name) for item in pages.items(responses)]
        assert sorted(found) == ALL
        assert (receipt.submitted, receipt.ok, receipt.followed) == (count, count, count - 1)
        assert {response.id_ for response in responses} == {7}
        assert len({(response.url, str(response.request.data)) for response in responses}) == count

    @pytest.mark.parametrize("way", WAYS)
    def test_each_is_gone_on_with_by_a_later_call_over_the_folder(self, kind, paged, tmp_path, way):
        follow, method, path, data, name = WAYS[way]
        found, done = [], 0
        while True:
            options = {"run_folder": tmp_path / "run", "max_requests": done + 1}
            responses, receipt = called(kind, [(7, paged + path, data)], follow, method=method, **options)
            if not responses:
                break
            assert {response.error for response in responses} == {None}
            done += len(responses)
            found += [number_of(item, name) for item in pages.items(responses)]
        assert sorted(found) == ALL
        assert (done, receipt.skipped) == (count_of(way), count_of(way))

    def test_a_scroll_has_the_same_id_each_time(self, kind, paged):
        with Patata(verbose=False) as client:
            first = client.post(f"{paged}/elastic/_search?scroll=1m", json={"size": 5})
        follow = pages.cursor(
            "_scroll_id", cursor_body_path="scroll_id", allow_repeats=True, stop_after_empty_page=True
        )
        scroll = (1, f"{paged}/elastic/_search/scroll", {"scroll_id": first.data["_scroll_id"]})
        responses, _ = called(kind, [scroll], follow, method="post")
        assert [int(item["_id"]) for item in pages.items([first, *responses])] == ALL

    def test_pages_of_a_chain_come_in_order_beside_thousands_of_others(self, kind, paged):
        count = 2_000
        requests = ((n, f"{paged}/github/repos/{n}/issues?per_page=12") for n in range(count))
        responses, receipt = called(kind, requests, pages.header_link())
        found = defaultdict(list)
        for response in responses:
            found[response.id_] += [(item["owner"], item["number"]) for item in response.data]
        assert found == {n: [(str(n), number) for number in ALL] for n in range(count)}
        assert (receipt.ok, receipt.followed) == (2 * count, count)

    def test_what_the_first_page_needs_is_added_to_any_input(self, kind, paged):
        async def asynchronous():
            yield (1, f"{paged}/growing")

        for requests in (
            [(1, f"{paged}/growing")],
            iter([Request(1, f"{paged}/growing")]),
            *([asynchronous()] if kind == "async" else []),
        ):
            responses, _ = called(kind, requests, pages.offset(7, offset=2))
            assert responses[0].url.endswith("/growing?limit=7&offset=2")
            assert len(responses) == 3

    def test_an_item_that_is_no_request_is_refused_as_ever(self, kind):
        with pytest.raises(ValueError, match="is not a request"):
            called(kind, ["http://localhost/"], pages.offset(7))


class TestFailures:
    def test_of_a_page_end_its_chain_only_and_say_which_it_is(self, kind, paged):
        requests = [(n, f"{paged}/broken/{kind}-calls-{n}?times={n}") for n in range(3)]
        responses, receipt = called(kind, requests, pages.page_number(1, items="results"))
        by_id = defaultdict(list)
        for response in responses:
            by_id[response.id_].append(response)
        assert [len(by_id[n]) for n in range(3)] == [6, 3, 3]
        failed = by_id[1][-1]
        assert (failed.status_code, failed.data) == (503, {"message": "not now"})
        assert isinstance(failed.error, PageError)
        assert isinstance(failed.error, FollowError)
        assert "of request 1 ends at page 3: the page failed: status 503" in str(failed.error)
        assert (receipt.ok, receipt.failed, receipt.errors) == (10, 2, {"PageError": 2})

    def test_are_tried_again_first(self, kind, paged):
        url = f"{paged}/broken/{kind}-again?times=2"
        responses, _ = called(
            kind, [(1, url)], pages.page_number(1, items="results"), retries=3, max_backoff=0.01
        )
        assert [response.attempts for response in responses] == [1, 1, 3, 1, 1, 1]

    @pytest.mark.parametrize("parallel", [False, True], ids=["in turn", "at once"])
    def test_are_gone_on_from_by_a_later_call_over_the_folder(self, kind, paged, tmp_path, parallel):
        follow = pages.page_number(1, total_path="pages", parallel=parallel)
        requests = [(1, f"{paged}/broken/{kind}-{parallel}-folder")]
        first, receipt = called(kind, requests, follow, run_folder=tmp_path / "run")
        assert (receipt.failed, receipt.errors) == (1, {"PageError": 1})
        assert called(kind, requests, follow, run_folder=tmp_path / "run")[0] == []
        assert RunFolder(tmp_path / "run").retry(kinds=["page"]) == 1
        rest, receipt = called(kind, requests, follow, run_folder=tmp_path / "run")
        assert len(rest) == (1 if parallel else 3)
        assert receipt.failed == 0
        assert sorted(pages.items([*(one for one in first if one.ok), *rest])) == ALL

    def test_of_transport_stay_what_they_are_and_say_at_which_page(self, kind):
        with refusing_url() as url:
            (response,), receipt = called(kind, [(7, f"{url}?page=4#patata-page=4")], pages.auto())
        assert isinstance(response.error, ConnectError)
        assert "of request 7 ends at page 4: the page failed: Cannot connect" in str(response.error)
        assert not response.error.request_sent
        assert (receipt.failed, receipt.errors) == (1, {"ConnectError": 1})

    def test_a_link_to_another_origin_gets_no_credentials(self, kind):
        with RawServer(answer(b"{}")) as other:
            page = f'{{"next": "{other.url}/?page=2"}}'
            with RawServer(answer(page.encode())) as raw:
                (response,), _ = called(kind, [(1, raw.url)], pages.json_link())
            assert isinstance(response.error, OtherOriginError)
            assert (response.status_code, other.heads) == (200, [])

    def test_credentials_of_a_request_are_refused_by_a_folder_and_it_says_where_they_go(
        self, kind, paged, tmp_path
    ):
        request = Request(1, f"{paged}/stripe/v1/charges", headers={"authorization": "Bearer sk_test"})
        options = {"client": {"auth": None}, "run_folder": tmp_path / "run"}
        (response,), receipt = called(kind, [request], BY_CURSOR, **options)
        assert isinstance(response.error, FollowError)
        assert "give credentials to the client" in str(response.error)
        assert (receipt.failed, len(response.data["data"])) == (1, 10)

    def test_a_repeated_page_ends_a_chain_that_a_folder_has_interrupted(self, kind, tmp_path):
        leads = {b"/": b"/a", b"/a": b"/b", b"/b": b"/a"}
        with RawServer(lambda _, head, __: answer(b'{"next": "%s"}' % leads[head.split()[1]])) as raw:
            asked = []
            for most in range(1, 9):
                responses, _ = called(
                    kind,
                    [(1, raw.url + "/")],
                    pages.json_link(),
                    run_folder=tmp_path / "run",
                    max_requests=most,
                )
                asked += responses
        # What was asked for before is not known to a later call: it sees what it has asked for itself.
        assert [response.depth for response in asked] == list(range(8))
        with RawServer(lambda _, head, __: answer(b'{"next": "%s"}' % leads[head.split()[1]])) as raw:
            responses, _ = called(kind, [(1, raw.url + "/")], pages.json_link())
        assert len(responses) == 3
        assert isinstance(responses[-1].error, RepeatedPageError)

    def test_items_tell_of_them_after_all_others(self, kind, paged):
        requests = [(n, f"{paged}/broken/{kind}-items-{n}?times={n}") for n in range(2)]
        responses, _ = called(kind, requests, pages.page_number(1, total_path="pages"), ordered=True)
        found = pages.items(responses, "results")
        taken = [next(found) for _ in range(2 * SIZE - 5)]
        with pytest.raises(PagesFailedError, match="1 pages have no items: the chain of pages of") as raised:
            next(found)
        assert [response.id_ for response in raised.value.responses] == [1]
        assert Counter(taken) == Counter(ALL) + Counter(n for n in ALL if not 10 <= n < 15)


class TestItems:
    def test_come_while_the_call_is_under_way(self, paged):
        with Patata(verbose=False) as client:
            responses = client.http(
                "get", [(1, f"{paged}/github/repos/a/issues?per_page=1")], follow=pages.header_link()
            )
            found = pages.items(responses)
            assert next(found)["number"] == 0
            found.close()
            assert responses.receipt.submitted < SIZE

    def test_of_an_asynchronous_call_come_as_batches_by_a_schema(self, paged, monkeypatch):
        monkeypatch.setattr("patata._frames.items.ROWS", 10)

        async def main():
            async with AsyncPatata(verbose=False) as client:
                url = f"{paged}/github/repos/a/issues?per_page=7"
                responses = client.http("get", [(1, url)], follow=pages.header_link())
                schema = {"number": "int32", "owner": "string"}
                return [batch async for batch in pages.items(responses, schema=schema)]

        batches = asyncio.run(main())
        assert [batch.num_rows for batch in batches] == [10, 10, 3]
        assert [number for batch in batches for number in batch["number"].to_pylist()] == ALL
