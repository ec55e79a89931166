"""What pages are read by: paths, links, places, parameters; and options that cannot be used."""

import copy
import pickle
import random

import pytest
from patata import Request, pages
from patata._pages.links import links
from patata._pages.parameters import Parameter
from patata._pages.path import MISSING, JsonPath
from patata._pages.place import Place

DOCUMENT = {"a": {"b.c": [1, {"d": None}], "0": "zero"}, "x.y": {"z": 1}, "x": {"w": 2}, "": "empty"}


class TestPaths:
    @pytest.mark.parametrize(
        ("path", "found"),
        [
            ("", DOCUMENT),
            ("$", DOCUMENT),
            ("$.x.w", 2),
            ("x.y.z", 1),
            ("x.w", 2),
            ("a.b.c[0]", 1),
            ("a.b.c.0", 1),
            ("a['b.c'][-1].d", None),
            ('a["0"]', "zero"),
            ("a.b.c[-1]", {"d": None}),
            ("a.b.c[2]", MISSING),
            ("a.b.c[-3]", MISSING),
            ("a.b", MISSING),
            ("a.b.c.d", MISSING),
            ("x.w.v", MISSING),
            (("x.y", "z"), 1),
            (["a", "b.c", 0], 1),
            ((), DOCUMENT),
            (lambda document: document["x"]["w"], 2),
            (lambda _: None, MISSING),
        ],
    )
    def test_find_what_is_there(self, path, found):
        assert JsonPath("path", path).find(DOCUMENT) == found

    @pytest.mark.parametrize("path", ["a[", "a[b]", "a[*]", "*", "a..b", "a.", "[1", "a['b]", (1.5,), [None]])
    def test_that_are_none_are_refused(self, path):
        with pytest.raises(ValueError, match=r"^items_path: "):
            JsonPath("items_path", path)

    def test_put_values_into_copies(self):
        before = copy.deepcopy(DOCUMENT)
        for path in ("new", "x.w", "new.deep.er", "a['b.c'][1].d"):
            changed = JsonPath("path", path).put(DOCUMENT, 7)
            assert JsonPath("path", path).find(changed) == 7
            assert before == DOCUMENT
        assert JsonPath("path", "a.b").put(None, 7) == {"a": {"b": 7}}
        for path in ("x.w.v", "a['b.c'][2]", "a['b.c'].name", lambda _: None):
            with pytest.raises(ValueError, match="put"):
                JsonPath("path", path).put(DOCUMENT, 7)


class TestLinks:
    @pytest.mark.parametrize(
        ("values", "target"),
        [
            (["<b>; rel=next"], "b"),
            (['<b>; rel="next"'], "b"),
            (["<b>;rel=NEXT"], "b"),
            (["<b> ; REL = next"], "b"),
            (['<a>; rel=prev, <b>; rel="next"'], "b"),
            (["<a>; rel=prev", '<b>; rel="next"'], "b"),
            (['<a?x=1,2;y>; rel="prev", <b,;>; rel="next"'], "b,;"),
            (['<a>; title="a, <x>; rel=next"; rel=prev, <b>; rel=next'], "b"),
            (['<a>; title="\\"; rel=next"; rel=prev, <b>; rel=next'], "b"),
            (['<b>; rel="last next"'], "b"),
            (["<a>; rel=prev; rel=next, <b>; rel=next"], "b"),
            (['<a>; rel=next; anchor="#x", <b>; rel=next'], "b"),
            (["<a>; rel=prev;, , <b>; rel=next;"], "b"),
            (["<a> rel=next, <b>; rel=next"], "b"),
            (["<b>; rel"], None),
            (["<b>"], None),
            (["b; rel=next"], None),
            (["<b; rel=next"], None),
            ([], None),
            ([""], None),
        ],
    )
    def test_are_read_as_the_rfc_writes_them(self, values, target):
        assert next((link.target for link in links(values) if link.is_of("next")), None) == target

    def test_of_any_text_are_none_or_some(self):
        source = random.Random(18)
        pieces = ["<", ">", ";", ",", '"', "\\", "=", " ", "rel", "next", "a", "title*", "ü", "\t", "'"]
        for _ in range(20_000):
            text = "".join(source.choices(pieces, k=source.randrange(30)))
            for link in links([text]):
                assert link.target in text
                link.is_of("next")

    def test_are_read_in_a_time_that_grows_with_their_length(self):
        for piece in ("<", "<a>;", '<a>;"', '<a>; a="\\', "<a>; a = ", ";" * 10, " ", ", ", "<a> "):
            list(links([piece * (60_000 // len(piece))]))


class TestPlaces:
    @pytest.mark.parametrize(
        ("fragment", "place"),
        [
            ("", (1, None)),
            ("#top", (1, None)),
            ("#patata-page=7", (7, None)),
            ("#patata-page=7/9", (7, 9)),
            ("#patata-page=0", (1, None)),
            ("#patata-page=7/", (1, None)),
            ("#patata-page=\u0667", (1, None)),
            ("#patata-page=" + "9" * 100, (1, None)),
        ],
    )
    def test_stand_in_the_fragment(self, fragment, place):
        assert Place.of("http://localhost/?a=1" + fragment) == place

    def test_come_back_as_they_were_written(self):
        for place in (Place(2), Place(3, 10)):
            assert Place.of(place.marked("http://localhost/#patata-page=1")) == place


class TestParameters:
    @pytest.mark.parametrize(
        ("url", "params", "changed", "then"),
        [
            ("http://h/", None, "http://h/", [("page", 2)]),
            ("http://h/?page=1", None, "http://h/?page=2", None),
            ("http://h/?a=%2f&page=1&b&page=9#top", None, "http://h/?a=%2f&page=2&b#top", None),
            ("http://h/?p%61ge=1", None, "http://h/?p%61ge=2", None),
            ("http://h/?pages=1", {"a": 1}, "http://h/?pages=1", [("a", 1), ("page", 2)]),
            ("http://h/", [("page", 1), ("a", [1, 2])], "http://h/", [("a", [1, 2]), ("page", 2)]),
        ],
    )
    def test_of_the_query_stay_where_they_are(self, url, params, changed, then):
        parameter = Parameter(("param", "path"), "page", None)
        request = Request(1, url, params=params)
        parameter.put(request, 2)
        assert (request.url, request.params) == (changed, then)
        assert str(parameter.of(request)) == "2"

    @pytest.mark.parametrize("field", ["data", "json", "content"])
    def test_of_the_body_are_put_into_a_copy(self, field):
        parameter = Parameter(("param", "path"), None, "query.after")
        body = b'{"query": {"a": 1}}' if field == "content" else {"query": {"a": 1}}
        request = Request(1, "http://h/", **{field: body})
        assert parameter.of(request) is MISSING
        parameter.put(request, [1, "x"])
        assert parameter.of(request) == [1, "x"]
        assert body in (b'{"query": {"a": 1}}', {"query": {"a": 1}})

    def test_of_a_body_that_is_no_json_are_refused(self):
        parameter = Parameter(("param", "path"), None, "after")
        for given in ({"form": {"a": 1}}, {"content": b"<xml/>"}, {"content": iter([b""])}):
            with pytest.raises(ValueError, match=r"no JSON|Expecting value"):
                parameter.put(Request(1, "http://h/", **given), 1)


class TestOptions:
    @pytest.mark.parametrize(
        ("make", "reason"),
        [
            (lambda: pages.json_link("a[*]"), "^next_url_path: 'a\\[\\*\\]' is no path"),
            (lambda: pages.json_link(has_more_path="a."), "^has_more_path: "),
            (lambda: pages.json_link(allowed_origins=["example.com"]), "^allowed_origins must be origins"),
            (lambda: pages.json_link(allowed_origins=[1]), "^allowed_origins must be origins"),
            (lambda: pages.json_link(maximum_pages=0), "^maximum_pages must be a whole number above 0"),
            (lambda: pages.cursor("a", "b", "c"), "^one of cursor_param and cursor_body_path must be given"),
            (lambda: pages.cursor("a", ""), "^cursor_param must be the name of a query parameter"),
            (lambda: pages.header_cursor(""), "^cursor_key must be the name of a header"),
            (lambda: pages.offset(0), "^limit must be a whole number above 0, got 0"),
            (lambda: pages.offset(5, -1), "^offset must be a whole number, 0 or above, got -1"),
            (lambda: pages.offset(5, maximum_offset=1.5), "^maximum_offset must be"),
            (lambda: pages.offset(5, total_path=None, stop_after_empty_page=False), "nothing says where"),
            (lambda: pages.page_number("1"), "^base_page must be a whole number"),
            (lambda: pages.page_number(stop_after_empty_page=False), "^nothing says where a chain ends"),
            (lambda: pages.page_number(limit_param="size"), "^limit_param needs limit"),
            (lambda: pages.items([], schema={"a": "nothing"}), "nothing"),
        ],
    )
    def test_that_cannot_be_used_are_named_at_once(self, make, reason):
        with pytest.raises(ValueError, match=reason):
            make()

    def test_make_values_that_are_equal_shown_and_pickled(self):
        first, second = (pages.cursor("data[-1].id", "after") for _ in range(2))
        assert first == second
        assert first != pages.cursor("data[-1].id", "before")
        assert "cursor_path='data[-1].id', cursor_param='after'" in repr(first)
        assert pickle.loads(pickle.dumps(first)) == first

    def test_an_item_that_is_no_request_is_left_for_the_call_to_refuse(self):
        follow = pages.offset(5)
        for item in (None, 1, (1,), (1, 2), "text"):
            assert follow.first(item) is item
