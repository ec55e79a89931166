"""Pages are followed to the last one, as services give them."""

import asyncio

import pytest
from paged_api import SIZE
from paging import followed, restored
from patata import AsyncPatata, Patata, Request, pages
from patata.exceptions import PagesFailedError

ALL = list(range(SIZE))


def taken(responses, path=None):
    return list(pages.items(responses, path))


class TestGitHub:
    def test_links_of_the_header_lead_to_the_last_page(self, client, paged):
        url = f"{paged}/github/repos/a/issues?per_page=5"
        responses = followed(client, pages.header_link(), ("a", url))
        assert [item["number"] for item in taken(responses)] == ALL
        assert [response.id_ for response in responses] == ["a"] * 5

    def test_many_chains_run_side_by_side(self, client, paged):
        requests = [(n, f"{paged}/github/repos/{n}/issues?per_page=10") for n in range(100)]
        responses = followed(client, pages.header_link(), *requests)
        found = {n: [] for n in range(100)}
        for response in responses:
            found[response.id_] += [(item["owner"], item["number"]) for item in response.data]
        assert found == {n: [(str(n), number) for number in ALL] for n in range(100)}

    def test_parameters_of_the_request_are_those_of_the_first_page_only(self, client, paged):
        request = Request(1, f"{paged}/github/repos/a/issues", params={"per_page": 5, "page": 3})
        responses = followed(client, pages.header_link(), request)
        assert [item["number"] for item in taken(responses)] == ALL[10:]
        assert responses[-1].url == f"{paged}/github/repos/a/issues?per_page=5&page=5"

    def test_the_way_of_paging_is_found_out(self, client, paged):
        url = f"{paged}/github/repos/a/issues?per_page=5"
        assert len(followed(client, pages.auto(), (1, url))) == 5


class TestStripe:
    FOLLOW = pages.cursor("data[-1].id", "starting_after", has_more_path="has_more")

    def test_the_id_of_the_last_item_asks_for_the_next_page(self, paged):
        with Patata(verbose=False, auth="sk_test") as client:
            responses = followed(client, self.FOLLOW, (1, f"{paged}/stripe/v1/charges?limit=4"))
        assert [item["id"] for item in taken(responses, "data")] == [f"ch_{n:03}" for n in ALL]
        assert len(responses) == 6

    def test_headers_of_the_request_go_with_every_page(self, client, paged):
        request = Request(1, f"{paged}/stripe/v1/charges", headers={"authorization": "Bearer sk_test"})
        assert len(taken(followed(client, self.FOLLOW, request))) == SIZE


class TestShopify:
    def test_the_links_come_without_the_filters_of_the_first_page(self, client, paged):
        request = Request(1, f"{paged}/shopify/products.json?limit=5", params={"status": "active"})
        responses = followed(client, pages.header_link(), request)
        assert [item["id"] for item in taken(responses)] == ALL
        assert all(response.ok for response in responses)


class TestElasticsearch:
    SORTED = ({"_id": "asc"}, "id")

    def test_sort_values_of_the_last_hit_ask_for_the_next_page(self, client, paged):
        follow = pages.cursor("hits.hits[-1].sort", cursor_body_path="search_after")
        body = {"size": 5, "sort": list(self.SORTED), "query": {"match_all": {}}}
        responses = followed(client, follow, (1, f"{paged}/elastic/_search", body), method="post")
        assert [item["_id"] for item in taken(responses, "hits.hits")] == [str(n) for n in ALL]
        assert responses[2].request.data == {**body, "search_after": [9, "id-9"]}
        assert "search_after" not in body

    def test_from_and_size_are_in_the_body_and_a_total_that_is_exact_counts(self, client, paged):
        follow = self.by_offset()
        responses = followed(client, follow, (1, f"{paged}/elastic/_search", {}), method="post")
        assert [int(item["_id"]) for item in taken(responses)] == ALL
        assert [str(response.request.url).rpartition("=")[2] for response in responses[1:]] == [
            "2/5",
            "3/5",
            "4/5",
            "5/5",
        ]

    def test_a_total_that_is_a_lower_bound_is_none(self, client, paged):
        request = (1, f"{paged}/elastic/_search", {"track_total_hits": False})
        responses = followed(client, self.by_offset(), request, method="post")
        assert [int(item["_id"]) for item in taken(responses)] == ALL

    @staticmethod
    def by_offset():
        paths = {"offset_body_path": "from", "limit_body_path": "size", "total_path": "hits.total"}
        return pages.offset(5, **paths)

    def test_a_scroll_has_the_same_id_each_time(self, client, paged):
        start = f"{paged}/elastic/_search?scroll=1m"
        (first,) = client.http("post", [(1, start, {"size": 5})])
        scroll = Request(1, f"{paged}/elastic/_search/scroll", {"scroll_id": first.data["_scroll_id"]})
        follow = pages.cursor(
            "_scroll_id", cursor_body_path="scroll_id", allow_repeats=True, stop_after_empty_page=True
        )
        responses = followed(client, follow, scroll, method="post")
        assert [int(item["_id"]) for item in taken([first, *responses])] == ALL

    def test_a_body_that_a_run_folder_has_kept_as_json_is_gone_on_with(self, client, paged):
        follow = pages.cursor("hits.hits[-1].sort", cursor_body_path="search_after")
        body = b'{"size": 10, "sort": ["id"], "search_after": [4, "id-4"]}'
        request = Request(1, f"{paged}/elastic/_search", content=body)
        responses = followed(client, follow, request, method="post")
        assert [int(item["_id"]) for item in taken(responses)] == ALL[5:]


class TestOData:
    def test_the_next_link_leads_on(self, client, paged):
        responses = followed(client, pages.odata(), (1, f"{paged}/odata/People"))
        assert [item["ID"] for item in taken(responses, "value")] == ALL
        assert len(responses) == 5

    def test_top_and_skip_are_asked_for_at_once_by_the_count(self, client, paged):
        request = (1, f"{paged}/odata/People?$count=true")
        follow = pages.offset(5, offset_param="$skip", limit_param="$top", total_path="@odata.count")
        responses = followed(client, follow, request, ordered=True)
        assert [item["ID"] for item in taken(responses)] == ALL

    @pytest.mark.parametrize(
        "document", [{"@odata.nextLink": "/b"}, {"odata.nextLink": "/b"}, {"d": {"__next": "/b"}}]
    )
    def test_older_versions_say_it_otherwise(self, client, server, document):
        (response,) = client.http("post", [(1, server.url + "/echo", document)])
        response.data = document
        (request,) = pages.odata()(response)
        assert request.url == server.url + "/b#patata-page=2"


class TestOthers:
    @pytest.mark.parametrize(
        ("path", "follow"),
        [
            ("hal", pages.hal()),
            ("hal", pages.auto()),
            ("jsonapi", pages.json_api()),
            ("jsonapi", pages.auto()),
            ("tokens", pages.auto()),
            ("tokens", pages.cursor("nextPageToken", "pageToken")),
            ("header_cursor", pages.header_cursor("X-Next-Cursor", "after")),
            ("numbered", pages.page_number(1, total_path="pages")),
            ("numbered?first=0", pages.page_number(total_path="pages", page=0)),
            ("numbered?counts=items", pages.page_number(1, total_path="total", limit=5)),
            ("numbered?counts=none", pages.page_number(1)),
            ("numbered?counts=none", pages.page_number(1, limit=8, limit_param="limit")),
        ],
    )
    def test_each_page_is_asked_for_once(self, client, paged, path, follow):
        if path == "numbered?first=0":
            path += "&page=0"
        responses = followed(client, follow, (1, f"{paged}/{path}"), ordered=True)
        assert taken(responses) == ALL
        assert len({response.url for response in responses}) == len(responses)


class TestPlaces:
    def test_a_run_goes_on_from_any_page_as_if_it_had_not_ended(self, client, paged):
        ways = [
            ("numbered", pages.page_number(1, total_path="pages")),
            ("numbered?counts=none", pages.page_number(1)),
            ("growing", pages.offset(5)),
            ("hal", pages.hal()),
            ("tokens", pages.auto()),
        ]
        for path, follow in ways:
            whole = followed(client, follow, (1, f"{paged}/{path}"))
            responses, waiting = [], [follow.first((1, f"{paged}/{path}"))]
            while waiting:
                came = list(client.http("get", waiting))
                responses += came
                waiting = [restored(request) for response in came for request in follow(response)]
            assert [response.url for response in responses] == [response.url for response in whole], path

    def test_a_total_that_grows_is_followed(self, client, paged):
        responses = followed(client, pages.offset(5), (1, f"{paged}/growing"), ordered=True)
        assert taken(responses) == list(range(SIZE + 7))

    def test_a_chain_may_begin_anywhere(self, client, paged):
        by_number = pages.page_number(1, total_path="pages")
        responses = followed(client, by_number, (1, f"{paged}/numbered?page=3"), ordered=True)
        assert taken(responses) == ALL[10:]

    def test_pages_of_a_known_number_are_asked_for_at_once_unless_told_otherwise(self, client, paged):
        for parallel, expected in ((True, [4, 0, 0, 0, 0]), (False, [1, 1, 1, 1, 0])):
            follow = pages.page_number(1, total_path="pages", parallel=parallel)
            responses = followed(client, follow, (1, f"{paged}/numbered"), ordered=True)
            assert [len(list(follow(response))) for response in responses] == expected

    def test_there_are_no_more_pages_than_are_wanted(self, client, paged):
        for follow, expected in (
            (pages.page_number(1, total_path="pages", maximum_page=3), 3),
            (pages.page_number(1, maximum_page=3), 3),
            (pages.page_number(1, total_path="pages", maximum_pages=2), 2),
            (pages.page_number(1, maximum_pages=1), 1),
        ):
            assert len(followed(client, follow, (1, f"{paged}/numbered"))) == expected, follow
        assert len(followed(client, pages.hal(maximum_pages=2), (1, f"{paged}/hal"))) == 2
        (response,) = client.http("get", [(1, f"{paged}/numbered?counts=none")])
        response.data = {"answer": 42}
        assert len(pages.page_number(1, maximum_page=3)(response)) == 1
        offset = pages.offset(5, maximum_offset=10, allow_short_pages=True)
        assert len(followed(client, offset, (1, f"{paged}/growing"))) == 3

    def test_what_a_class_of_the_user_keeps_comes_along(self, client, paged):
        class Mine(Request):
            pass

        request = Mine(1, f"{paged}/hal")
        request.note = "kept"
        responses = followed(client, pages.hal(), request)
        assert {(type(one.request), one.request.note) for one in responses} == {(Mine, "kept")}
        assert len(responses) == 5


class TestItems:
    def test_come_as_batches_of_arrow_by_a_schema(self, client, paged):
        responses = followed(client, pages.header_link(), ("a", f"{paged}/github/repos/a/issues"))
        table = pages.items(responses, schema={"number": "int32", "owner": "string"}).read_all()
        assert table["number"].to_pylist() == ALL
        assert [str(kind) for kind in table.schema.types] == ["int32", "string"]

    def test_that_do_not_fit_are_named(self, client, paged):
        responses = followed(client, pages.header_link(), ("a", f"{paged}/github/repos/a/issues"))
        with pytest.raises(PagesFailedError, match="the items 0 to 22 do not fit the schema"):
            pages.items(responses, schema={"owner": "int32"}).read_all()
        with pytest.raises(ValueError, match="schema must say the members of items"):
            pages.items(responses, schema="int64")

    def test_of_what_has_failed_are_told_of_after_all_others(self, client, paged):
        urls = [f"{paged}/hal", f"{paged}/stripe/v1/charges", f"{paged}/tokens", f"{paged}/login?page=2"]
        found = pages.items(client.http("get", enumerate(urls), ordered=True))
        assert [next(found) for _ in range(10)] == [0, 1, 2, 3, 4] * 2
        with pytest.raises(PagesFailedError, match="2 pages have no items: 401 Unauthorized") as failed:
            next(found)
        assert [response.id_ for response in failed.value.responses] == [1, 3]

    def test_closing_them_ends_the_call(self, client, paged):
        responses = client.http("get", ((n, f"{paged}/hal") for n in range(1_000)))
        found = pages.items(responses)
        assert next(found) == 0
        found.close()
        assert next(responses, None) is None

    def test_of_an_asynchronous_call_are_asynchronous(self, paged):
        async def main():
            async with AsyncPatata(verbose=False) as client:
                responses = client.http("get", [(1, f"{paged}/hal")])
                return [item async for item in pages.items(responses, "_embedded.orders")]

        assert asyncio.run(main()) == [0, 1, 2, 3, 4]
