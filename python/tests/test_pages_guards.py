"""A chain of pages that cannot go on says so, and where; none ends quietly, and none is without end."""

import pickle

import pytest
from paged_api import SIZE
from paging import followed, given, restored
from patata import Patata, Request, Response, pages
from patata.exceptions import OtherOriginError, PageError, RepeatedPageError
from support import RawServer, answer


def sizes(responses):
    return [len(response.data["items"]) for response in responses]


class TestRepeats:
    FOLLOW = pages.cursor("next", "cursor")

    @pytest.mark.parametrize(
        ("answers", "page"),
        [
            ({None: {"next": "a"}, "a": {"next": "a"}}, 2),
            ({None: {"next": "a"}, "a": {"next": "b"}, "b": {"next": "a"}}, 3),
            ({None: {"next": "a"}, "a": {"next": "b"}, "b": {"next": "c"}, "c": {"next": "a"}}, 4),
        ],
    )
    def test_of_a_cursor_end_the_chain_with_an_error(self, client, paged, answers, page):
        with pytest.raises(RepeatedPageError, match=rf"of request 'id' ends at page {page}: ") as error:
            followed(client, self.FOLLOW, ("id", given(paged, answers)))
        assert error.value.page == page
        assert error.value.url.startswith(paged)

    def test_of_a_link_do_too(self, client):
        leads = {b"/": b"/a", b"/a": b"/b", b"/b": b"/a"}
        with RawServer(lambda _, head, __: answer(b'{"next": "%s"}' % leads[head.split()[1]])) as raw:
            with pytest.raises(RepeatedPageError, match="ends at page 3: it leads to a page that was"):
                followed(client, pages.json_link(), (1, raw.url + "/"))
            assert len(raw.heads) == 3

    def test_are_found_by_a_run_that_goes_on_too(self, client, paged):
        url = given(paged, {None: {"next": "a"}, "a": {"next": "b"}, "b": {"next": "a"}})
        (second,) = client.http("get", [Request(1, url + "&cursor=a#patata-page=2")])
        (third,) = client.http("get", self.FOLLOW(second))
        with pytest.raises(RepeatedPageError, match="ends at page 3"):
            self.FOLLOW(third)

    def test_are_no_matter_of_other_chains(self, client, paged):
        url = given(paged, {None: {"next": "a"}, "a": {"next": None}})
        assert len(followed(client, self.FOLLOW, (1, url), (1, url), (2, url))) == 6

    def test_may_be_asked_for_as_often_as_one_likes(self, client, paged):
        (response,) = client.http("get", [(1, f"{paged}/tokens")])
        (first,), (second,) = pages.auto()(response), pages.auto()(response)
        assert first == second
        (response,) = client.http("get", [first])
        (first,), (second,) = pages.auto()(response), pages.auto()(response)
        assert first == second

    def test_of_items_are_those_of_a_server_that_does_not_know_the_parameter(self, client, paged):
        for follow in (pages.page_number(1), pages.offset(3, limit_param=False)):
            with pytest.raises(RepeatedPageError, match=r"does the server know '(page|offset)'"):
                followed(client, follow, (1, f"{paged}/ignorant"))
        follow = pages.page_number(1, allow_repeats=True, maximum_pages=5)
        assert len(followed(client, follow, (1, f"{paged}/ignorant"))) == 5


class TestCursors:
    @pytest.mark.parametrize(
        ("last", "options", "expected"),
        [
            ({"next": None}, {}, 1),
            ({}, {}, 1),
            ({"next": ""}, {}, 1),
            ({"next": False}, {}, 1),
            ({"next": []}, {}, 1),
            ({"next": ""}, {"empty_cursor": True}, 2),
            ({"next": "", "more": True}, {"has_more_path": "more"}, 2),
            ({"next": "", "more": False}, {"has_more_path": "more"}, 1),
            ({"next": "x", "more": False}, {"has_more_path": "more"}, 1),
            ({"next": "", "more": None}, {"has_more_path": "more"}, 1),
            ({"next": 0}, {}, 2),
            ({"next": "0"}, {}, 2),
            ({"next": "x", "items": []}, {}, 2),
            ({"next": "x", "items": []}, {"stop_after_empty_page": True}, 1),
            ({"next": "x", "items": [1]}, {"stop_after_empty_page": True}, 2),
        ],
    )
    def test_end_a_chain_where_there_are_none(self, client, paged, last, options, expected):
        end = {"more": False, "items": []}
        url = given(paged, {None: last, "": end, "0": end, "x": end})
        assert len(followed(client, pages.cursor("next", **options), (1, url))) == expected

    def test_are_encoded_for_the_query(self, client, paged):
        cursor = "ü&=#?/+ %41"
        url = given(paged, {None: {"next": cursor}, cursor: {"next": cursor + "2"}, cursor + "2": {}})
        assert len(followed(client, pages.cursor("next"), (1, url))) == 3

    @pytest.mark.parametrize("page", [{"more": True}, {"more": True, "next": None}])
    def test_are_missed_where_there_is_more(self, client, paged, page):
        url = given(paged, {None: page})
        with pytest.raises(PageError, match="ends at page 1: it says that there is more, and has no cursor"):
            followed(client, pages.cursor("next", has_more_path="more"), (1, url))
        with pytest.raises(PageError, match="says that there is more, and has no link at 'next'"):
            followed(client, pages.json_link(has_more_path="more"), (1, url))

    def test_are_missed_by_auto_where_there_is_more(self, client, paged):
        for page in ({"has_more": True}, {"next": "b2Zm"}, {"next_page": 3}):
            with pytest.raises(PageError, match=r"cursor\(\), offset\(\) and page_number\(\) can be told"):
                followed(client, pages.auto(), (1, given(paged, {None: page})))
        assert len(followed(client, pages.auto(), (1, given(paged, {None: {"has_more": False}})))) == 1

    def test_that_are_lists_go_to_a_body_only(self, client, paged):
        url = given(paged, {None: {"next": [1, "a"]}})
        with pytest.raises(PageError, match="a list is nothing that the query parameter 'cursor' can be"):
            followed(client, pages.cursor("next"), (1, url))


class TestOrigins:
    def test_a_link_to_another_one_is_refused(self, paged):
        with RawServer(answer(b"{}")) as other, Patata(verbose=False, auth="secret") as client:
            url = given(paged, {None: {"next": other.url + "/?page=2"}})
            with pytest.raises(OtherOriginError, match=f"allowed_origins='{other.url}' allows it"):
                followed(client, pages.json_link(), (1, url))
            assert other.heads == []
            follow = pages.json_link(allowed_origins=[other.url])
            assert len(followed(client, follow, (1, url))) == 2
            assert b"authorization: Bearer secret" in other.heads[0]
            assert len(followed(client, pages.json_link(allowed_origins=True), (1, url))) == 2

    @pytest.mark.parametrize(
        ("link", "reason"),
        [
            ("https://localhost.evil.example/", "leads to https://localhost.evil.example"),
            ("//evil.example/", "leads to http://evil.example"),
            ("http://localhost@evil.example/", "leads to http://evil.example"),
            ("http://localhost:1/", "leads to http://localhost:1"),
            ("ftp://localhost/", "no http:// or https:// URL"),
            ("javascript:alert(1)", "no http:// or https:// URL"),
            ("http://[::1/", "cannot be asked for"),
        ],
    )
    def test_tricks_do_not_help(self, client, paged, link, reason):
        with pytest.raises(PageError, match=reason):
            followed(client, pages.json_link(), (1, given(paged, {None: {"next": link}})))

    @pytest.mark.parametrize(
        ("asked", "link", "is_allowed"),
        [
            ("http://a.example/", "https://a.example/b", True),
            ("https://a.example/", "http://a.example/b", False),
            ("http://a.example:8080/", "https://a.example/b", False),
            ("https://A.example:443/", "https://a.EXAMPLE./b", True),
            ("https://a.example/", "https://b.a.example/b", False),
        ],
    )
    def test_tls_may_be_begun_and_not_be_left(self, asked, link, is_allowed):
        from patata._pages.origins import Origins

        if is_allowed:
            assert Origins(()).resolved(link, asked, asked) == link
        else:
            with pytest.raises(PermissionError, match="which would get the credentials"):
                Origins(()).resolved(link, asked, asked)


class TestEmptyPages:
    @pytest.mark.parametrize(
        "options", [{"total_path": "total"}, {"total_path": None, "has_more_path": "has_more"}]
    )
    def test_are_no_end_where_there_is_more(self, client, paged, options):
        says = "more" if "has_more_path" in options else "total"
        responses = followed(
            client, pages.offset(5, **options), (1, f"{paged}/sparse?says={says}"), ordered=True
        )
        assert sizes(responses) == [5, 0, 0, 5, 3]

    def test_are_the_end_where_nothing_says_more(self, client, paged):
        follow = pages.offset(5, total_path=None)
        assert sizes(followed(client, follow, (1, f"{paged}/sparse"))) == [5, 0]

    def test_without_end_are_an_error(self, paged, monkeypatch):
        monkeypatch.setattr("patata._pages.ranges.MOST_EMPTY", 10)
        with Patata(verbose=False) as client:
            url = given(paged, {None: {"items": [], "has_more": True}})
            follow = pages.page_number(1, has_more_path="has_more")
            with pytest.raises(PageError, match="ends at page 10: 10 pages on end had no items"):
                followed(client, follow, (1, url))


class TestShortPages:
    def test_of_a_server_that_gives_fewer_than_asked_for_are_an_error(self, client, paged):
        with pytest.raises(PageError, match=r"it has 5 items of the 10 that were asked for.* limit=5 "):
            followed(client, pages.offset(10), (1, f"{paged}/capped"))
        assert sum(sizes(followed(client, pages.offset(5), (1, f"{paged}/capped")))) == SIZE

    def test_of_another_limit_in_the_request_are_an_error(self, client, paged):
        with pytest.raises(PageError, match="its request has '5' for 'limit', and limit is 10"):
            followed(client, pages.offset(10), (1, f"{paged}/growing?limit=5"))

    def test_the_limit_is_sent_with_the_first_page_too(self, client, paged):
        follow = pages.offset(7, offset=2)
        responses = followed(client, follow, (1, f"{paged}/growing"), ordered=True)
        assert responses[0].url.endswith("/growing?limit=7&offset=2")
        assert responses[0].data["items"] == [2, 3, 4, 5, 6, 7, 8]


class TestFailures:
    FOLLOW = pages.page_number(1, total_path="pages", parallel=False)

    def test_of_a_page_say_which_one_it_is(self, client, paged):
        reason = "of request 7 ends at page 3: the page failed: status 503"
        with pytest.raises(PageError, match=reason) as error:
            followed(client, self.FOLLOW, (7, f"{paged}/broken/say"))
        assert error.value.page == 3

    def test_of_one_of_many_pages_are_its_own(self, client, paged):
        follow = pages.page_number(1, total_path="pages")
        (first,) = client.http("get", [(7, f"{paged}/broken/many")])
        *_, failed = sorted(client.http("get", follow(first)), key=lambda response: response.status_code)
        with pytest.raises(PageError, match="ends at page 3 of 5: the page failed"):
            follow(failed)

    def test_are_tried_again_as_retries_say(self, client, paged):
        responses = followed(client, self.FOLLOW, (7, f"{paged}/broken/again"), retries=3, max_backoff=0.01)
        assert [response.attempts for response in responses] == [1, 1, 2, 1, 1]

    def test_are_gone_on_from_by_a_later_run(self, client, paged):
        responses, waiting = [], [Request(7, f"{paged}/broken/later")]
        while (response := next(client.http("get", waiting))).ok:
            responses.append(response)
            waiting = self.FOLLOW(response)
        responses += followed(client, self.FOLLOW, restored(response.request))
        assert [item for response in responses for item in response.data["results"]] == list(range(SIZE))

    def test_of_transport_have_their_cause(self, client):
        (response,) = client.http("get", [Request(7, "http://localhost:1/#patata-page=4")])
        with pytest.raises(PageError, match="ends at page 4: the page failed: Cannot connect") as error:
            pages.auto()(response)
        assert error.value.__cause__ is response.error

    def test_a_page_that_is_no_json_is_one(self, client, paged):
        with pytest.raises(PageError, match="ends at page 2: it is no JSON"):
            followed(client, pages.json_link(), (1, f"{paged}/login"))

    def test_a_body_that_was_saved_is_one(self, client, paged, tmp_path):
        with pytest.raises(PageError, match="saved to a file"):
            followed(client, pages.hal(), (1, f"{paged}/hal"), stream_to=str(tmp_path / "{id}"))

    @pytest.mark.parametrize(
        ("follow", "page", "reason"),
        [
            (pages.json_link(), {"next": 3}, "'next' is no link, but 3"),
            (pages.offset(5), {"total": "many"}, "the total at 'total' is no whole number, but 'many'"),
            (pages.offset(5), {"total": -1}, "no whole number, but -1"),
            (pages.page_number(has_more_path="more"), {"more": "maybe"}, "true nor false, but 'maybe'"),
            (pages.page_number(), {"answer": 42}, "not clear where its items are: items='data.results'"),
            (pages.page_number(items="data"), {"answer": 42}, "items='data' has nothing there"),
            (pages.page_number(items="data"), {"data": 42}, "items='data' has no list, but int there"),
            (pages.cursor(lambda page: page["meta"]), {}, "KeyError: 'meta'"),
            (pages.cursor("a", cursor_body_path="b[0]"), {"a": 1}, "cannot be put"),
        ],
    )
    def test_pages_that_are_not_as_said_are_some(self, client, paged, follow, page, reason):
        with pytest.raises(PageError, match=reason):
            followed(client, follow, (1, given(paged, {None: page})))

    def test_a_response_that_was_made_by_hand_is_no_page(self):
        with pytest.raises(ValueError, match="a response without a request is no page"):
            pages.auto()(Response(1, 200, {}))

    def test_are_picklable(self):
        error = pickle.loads(pickle.dumps(RepeatedPageError("text", 3, "url")))
        assert (type(error), str(error), error.page, error.url) == (RepeatedPageError, "text", 3, "url")
