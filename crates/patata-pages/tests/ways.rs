//! Whole chains of pages, by each way of paging, against servers that are functions.

#![allow(clippy::unwrap_used, reason = "a failure in here fails the test, as it should")]

use std::collections::VecDeque;

use bytes::Bytes;
use patata::Headers;
use patata_pages::{Asked, Came, PageErrorKind, Pages};
use proptest::prelude::*;

/// What a server says to a request: names and values of headers, and a body.
type Answer = (Vec<(&'static str, String)>, String);

/// The requests of a chain in the order in which they are sent, each as it is known to the server, and what it has ended with.
fn chain(
    pages: &Pages,
    first: Asked,
    server: impl Fn(&Asked) -> Answer,
) -> (Vec<String>, Option<(PageErrorKind, String)>) {
    let (mut sent, mut waiting) = (Vec::new(), VecDeque::from([pages.first(first).unwrap()]));
    while let Some(asked) = waiting.pop_front() {
        let (url, mark) = asked.url.split_once('#').unwrap_or((&asked.url, ""));
        let body = asked.body.as_deref().map(String::from_utf8_lossy).unwrap_or_default();
        sent.push(format!("{}{body}", url.strip_prefix("http://h/").unwrap_or(url)));
        assert_eq!(mark.is_empty(), sent.len() == 1, "{mark}");
        assert!(sent.len() < 100, "it does not end: {sent:?}");
        let (headers, body) = server(&asked);
        let headers: Headers = headers.iter().map(|(name, value)| (*name, value.as_bytes())).collect();
        let came = Came { status: 200, url: "http://h/", headers: &headers, body: body.as_bytes() };
        match pages.follow(asked, came) {
            Ok(following) => waiting.extend(following),
            Err(error) => return (sent, Some((error.kind, error.to_string()))),
        }
    }
    (sent, None)
}

fn pages(spec: &str) -> Pages {
    spec.parse().unwrap()
}

/// A chain whose pages have these bodies, one after another; those behind it the last one.
fn bodies(spec: &str, bodies: &[&str]) -> (Vec<String>, Option<(PageErrorKind, String)>) {
    let number = std::cell::Cell::new(0);
    chain(&pages(spec), Asked::new("http://h/", None), |_| {
        let body = bodies.get(number.get()).or(bodies.last()).copied().unwrap_or("{}");
        number.set(number.get() + 1);
        (Vec::new(), body.to_owned())
    })
}

fn query(asked: &Asked, name: &str) -> Option<i64> {
    let url = asked.url.split('#').next().unwrap();
    let pairs = url.split_once('?')?.1.split('&');
    pairs.filter_map(|pair| pair.split_once('=')).find(|(other, _)| *other == name)?.1.parse().ok()
}

#[test]
fn each_way_goes_on_as_the_page_says() {
    for (spec, given, expected) in [
        ("json-link", &[r#"{"next":"?p=2"}"#, r#"{"next":""}"#][..], &["", "?p=2"][..]),
        ("json-link:a.b", &[r#"{"a":{"b":{"href":"/x"}}}"#, r#"{"a":{"b":null}}"#], &["", "x"]),
        ("json_link:next:more", &[r#"{"next":"?p=2","more":false}"#], &[""]),
        ("hal", &[r#"{"_links":{"next":{"href":"?p=2"}}}"#, "{}"], &["", "?p=2"]),
        ("json-api", &[r#"{"links":{"next":"?p=2"}}"#, r#"{"links":{"next":{"url":null}}}"#], &["", "?p=2"]),
        (
            "odata",
            &[r#"{"@odata.nextLink":"?$skip=2"}"#, r#"{"d":{"__next":"?b"}}"#, "{}"],
            &["", "?$skip=2", "?b"],
        ),
        ("cursor", &[r#"{"cursors":{"next":"b2Zm"}}"#, r#"{"cursors":{"next":""}}"#], &["", "?cursor=b2Zm"]),
        (
            "cursor:data[-1].id:starting_after:has_more_path=has_more",
            &[
                r#"{"data":[{"id":1},{"id":"x y"}],"has_more":true}"#,
                r#"{"data":[{"id":9}],"has_more":false}"#,
            ],
            &["", "?starting_after=x+y"],
        ),
        (
            "cursor:hits.hits[-1].sort::search_after:stop_after_empty_page=true",
            &[r#"{"hits":{"hits":[{"sort":[12345678901234567890,"a"]}]}}"#, r#"{"hits":{"hits":[]}}"#],
            &["", r#"{"search_after":[12345678901234567890,"a"]}"#],
        ),
        // An empty page is no end where there is more, and neither is an empty cursor.
        (
            "cursor:next:c:has_more_path=more",
            &[r#"{"next":"","more":true,"data":[]}"#, r#"{"more":"0"}"#],
            &["", "?c="],
        ),
        ("cursor:next:c:empty_cursor=yes", &[r#"{"next":""}"#, "{}"], &["", "?c="]),
        ("cursor:next:c:maximum-pages=2", &[r#"{"next":1}"#, r#"{"next":2}"#], &["", "?c=1"]),
        (
            "cursor:next:c:allow_repeats=true:maximum_pages=3",
            &[r#"{"next":1}"#, r#"{"next":1}"#, r#"{"next":1}"#],
            &["", "?c=1", "?c=1"],
        ),
        (
            "cursor:response_metadata.next_cursor",
            &[r#"{"response_metadata":{"next_cursor":"x="}}"#, "{}"],
            &["", "?cursor=x%3D"],
        ),
        (
            "cursor:next:c",
            &[r#"{"next":0}"#, r#"{"next":"0a","data":[]}"#, r#"{"next":[]}"#],
            &["", "?c=0", "?c=0a"],
        ),
        (
            "offset:2",
            &[r#"{"total":{"value":2,"relation":"gte"},"hits":[1,2]}"#, "[]"],
            &["?limit=2", "?limit=2&offset=2"],
        ),
        (
            "offset:2:total_path=count",
            &[r#"{"count":3,"next":"x","results":[1,2]}"#],
            &["?limit=2", "?limit=2&offset=2"],
        ),
        ("offset:2", &["[1,2]", "[3]", "[]"], &["?limit=2", "?limit=2&offset=2", "?limit=2&offset=4"]),
        ("offset:2:4:o:l", &["[1,2]", "[]"], &["?l=2&o=4", "?l=2&o=6"]),
        (
            "offset:2:limit_param=false:total_path=false:has_more_path=more",
            &[r#"{"more":true,"data":[]}"#, r#"{"more":false}"#],
            &["", "?offset=2"],
        ),
        (
            "offset:2:total_path=meta.count",
            &[r#"{"meta":{"count":"5"},"data":[1,2]}"#],
            &["?limit=2", "?limit=2&offset=2", "?limit=2&offset=4"],
        ),
        (
            "offset:2",
            &[r#"{"total":{"value":3,"relation":"eq"},"hits":[1,2]}"#],
            &["?limit=2", "?limit=2&offset=2"],
        ),
        ("offset:2:maximum_offset=2", &[r#"{"total":99,"data":[1,2]}"#], &["?limit=2", "?limit=2&offset=2"]),
        (
            "offset:2:offset_body_path=from:limit_body_path=size",
            &["[1,2]", "[]"],
            &[r#"{"size":2}"#, r#"{"size":2,"from":2}"#],
        ),
        ("page-number:1", &["[1]", "[]"], &["", "?page=2"]),
        ("page-number:1:2:p", &["[1]", "[]"], &["?p=2", "?p=3"]),
        ("page-number:1:total_path=pages", &[r#"{"pages":3}"#], &["", "?page=2", "?page=3"]),
        (
            "page-number:0:total_path=count:limit=10:limit_param=size",
            &[r#"{"count":21}"#],
            &["?size=10", "?size=10&page=1", "?size=10&page=2"],
        ),
        ("page-number:1:maximum_page=2", &["<html>", "<html>"], &[""]),
        (
            "auto",
            &[r#"{"paging":{"next":"http://h/?p=2"}}"#, r#"{"next_cursor":"x"}"#, r#"{"has_more":false}"#],
            &["", "?p=2", "?p=2&cursor=x"],
        ),
    ] {
        let (sent, error) = bodies(spec, given);
        // One of them is no JSON, which is told.
        assert_eq!(error.is_some(), given.contains(&"<html>"), "{spec}: {error:?}");
        assert_eq!(sent, expected, "{spec}");
    }
}

#[test]
fn a_chain_of_which_something_is_left_out_says_at_which_page_and_why() {
    use PageErrorKind::{OtherOrigin, Page, Repeated};

    for (spec, given, kind, expected) in [
        (
            "json-link",
            &[r#"{"next":"?p=2"}"#, r#"{"next":"?p=2#top"}"#][..],
            Repeated,
            "page 2: it leads to a page that was asked for before, as page 2: http://h/?p=2",
        ),
        (
            "cursor:next:c",
            &[r#"{"next":1}"#, r#"{"next":2}"#, r#"{"next":1}"#],
            Repeated,
            "ends at page 3: it leads to a page that was asked for before, as page 2",
        ),
        (
            "json-link",
            &[r#"{"next":"https://evil/?p=2"}"#],
            OtherOrigin,
            "--pages-allow-origin https://evil allows it",
        ),
        (
            "auto",
            &[r#"{"next":"https://h.evil/"}"#],
            OtherOrigin,
            "page 1: the next page is \"https://h.evil/\"",
        ),
        ("json-link", &[r#"{"next":7}"#], Page, "page 1: \"next\" is no link, but 7"),
        ("json-link", &[r#"{"next":"mailto:me"}"#], Page, "\"mailto:me\" is no http:// or https:// URL"),
        ("json-link:next:more", &[r#"{"more":true}"#], Page, "says that there is more, and has no link"),
        (
            "json-link:next:more",
            &[r#"{"more":"perhaps"}"#],
            Page,
            "is neither true nor false, but \"perhaps\"",
        ),
        (
            "cursor:next:c:has_more_path=more",
            &[r#"{"more":1}"#],
            Page,
            "says that there is more, and has no cursor",
        ),
        ("cursor:next:c", &[r#"{"next":{"a":1}}"#], Page, "is nothing that the query parameter \"c\" can be"),
        ("cursor:next:c", &[r#"{"next":1}"#, "<html>"], Page, "page 2: it is no JSON"),
        (
            "cursor:next:c:stop_after_empty_page=true",
            &[r#"{"next":1}"#],
            Page,
            "not clear where its items are: --items",
        ),
        ("offset:10", &[r#"{"total":20,"data":[1,2,3]}"#], Page, "3 items of the 10 that were asked for"),
        (
            "offset:1",
            &["[1]", "[1]"],
            Repeated,
            "page 2: it has the same items as the page before it: does the server know \"offset\"?",
        ),
        (
            "offset:1",
            &[r#"{"total":-1,"data":[1]}"#],
            Page,
            "the total at \"total\" is no whole number, but -1",
        ),
        ("auto", &[r#"{"has_more":true}"#], Page, "(\"has_more\"), and auto does not see how to ask for it"),
    ] {
        let (_, error) = bodies(spec, given);
        let (found, message) = error.unwrap();
        assert!(message.contains(expected), "{spec}: {message}");
        assert_eq!(found, kind, "{message}");
    }
}

#[test]
fn headers_lead_on_too() {
    let server = |asked: &Asked| {
        let page = query(asked, "page").unwrap_or(1);
        let link = format!("</?page={}>; rel=\"next\", </?page=1>; rel=first", page + 1);
        let headers = if page < 3 { vec![("link", link), ("next", format!("c{page}"))] } else { Vec::new() };
        (headers, String::new())
    };
    for spec in ["header-link", "auto"] {
        let (sent, error) = chain(&pages(spec), Asked::new("http://h/", None), server);
        assert_eq!(
            (sent, error),
            (vec![String::new(), "?page=2".to_owned(), "?page=3".to_owned()], None),
            "{spec}"
        );
    }
    let (sent, _) =
        chain(&pages("header-cursor:next:c:maximum_pages=2"), Asked::new("http://h/?q", None), server);
    assert_eq!(sent, ["?q", "?q&c=c1"]);
}

#[test]
fn a_chain_goes_on_from_a_request_that_was_kept_elsewhere() {
    let pages = pages("offset:2");
    // One of several that were asked for at once leads nowhere, the last one has no more behind it.
    for url in ["http://h/?limit=2&offset=2#patata-page=2/3", "http://h/?limit=2&offset=4#patata-page=3/3"] {
        let headers = Headers::default();
        let body = br#"{"total":5,"data":[1,2]}"#;
        let came = Came { status: 200, url: "http://h/", headers: &headers, body };
        let asked = pages.first(Asked::new(url, None)).unwrap();
        assert_eq!(asked.url, url);
        assert_eq!(pages.follow(asked, came).unwrap().count(), 0, "{url}");
    }
}

#[test]
fn however_large_a_total_is_only_so_many_wait_at_once() {
    let headers = Headers::default();
    let body = format!("{{\"total\":{},\"data\":[1]}}", i64::MAX);
    let came = Came { status: 200, url: "http://h/", headers: &headers, body: body.as_bytes() };
    let pages = pages("offset:1");
    let mut following = pages.follow(pages.first(Asked::new("http://h/", None)).unwrap(), came).unwrap();
    let last = following.by_ref().last().unwrap();
    assert_eq!((last.page(), query(&last, "offset")), (10_001, Some(10_000)));
    // It leads on.
    assert_eq!(pages.follow(last, came).unwrap().next().unwrap().page(), 10_002);
}

#[test]
fn a_body_that_says_the_page_must_be_json() {
    let error = pages("offset:2:offset_body_path=from:limit_body_path=size")
        .first(Asked::new("http://h/", Some(Bytes::from("a=1"))));
    assert!(error.unwrap_err().to_string().contains("page 1: it cannot be asked for: the body is no JSON"));
}

#[test]
fn what_is_wrong_with_a_description_is_named_with_the_fix() {
    for (spec, expected) in [
        (
            "",
            "\"\" is no way of paging; there are json-link, header-link, header-cursor, cursor, offset, page-number, auto, hal, json-api, odata",
        ),
        ("cursors:x", "\"cursors\" is no way of paging"),
        ("cursor:a..b", "cursor: cursor_path: \"a..b\" is no path such as data.results"),
        (
            "cursor:a:b:c",
            "cursor: cursor_param: cursor_body_path says that it is sent in the body; leave one out",
        ),
        (
            "cursor:a:b::d:e",
            "cursor has no place for \"e\"; give it by name, as maximum_pages=10; it knows cursor_path, cursor_param",
        ),
        ("cursor:a:more=x", "cursor has no argument \"more\"; it knows cursor_path"),
        ("cursor:a:cursor_path=b", "cursor: cursor_path is given twice"),
        ("cursor:a:empty_cursor=maybe", "cursor: empty_cursor: it is true or false, got \"maybe\""),
        ("offset", "offset: limit: it must be said how many items are asked for in a page, as offset:100"),
        ("offset:0", "offset: limit: it is a whole number from 1 on, got \"0\""),
        ("offset:10:-1", "offset: offset: it is a whole number from 0 on"),
        ("offset:10:total_path=false:stop_after_empty_page=false", "nothing says where a chain ends"),
        ("page-number:limit_param=size", "page-number: limit_param: it needs limit"),
        ("auto:x", "auto has no place for \"x\""),
        ("auto:maximum_pages=0", "auto: maximum_pages: it is a whole number from 1 on"),
    ] {
        let error = spec.parse::<Pages>().unwrap_err().to_string();
        assert!(error.contains(expected), "{spec}: {error}");
    }
}

#[test]
fn a_colon_within_the_brackets_of_a_path_is_a_part_of_it() {
    let (sent, error) = bodies("cursor:['a:b']:c", &[r#"{"a:b":1}"#, "{}"]);
    assert_eq!((sent.len(), error), (2, None));
}

proptest! {
    #[test]
    fn no_description_and_no_page_make_it_panic(
        spec in "(cursor|offset:1|page-number|json-link|header-link|auto|odata)(:[a-z0-9.=\\[\\]_-]{0,12}){0,4}|\\PC{0,20}",
        body in proptest::collection::vec(any::<u8>(), 0..40),
        url in "http://h/[ -~]{0,20}",
        link in "[ -~]{0,40}",
    ) {
        if let Ok(pages) = spec.parse::<Pages>() {
            let headers: Headers = [("link", link.as_bytes())].into_iter().collect();
            let came = Came { status: 200, url: &url, headers: &headers, body: &body };
            if let Ok(first) = pages.first(Asked::new(&*url, None)) && let Ok(mut following) = pages.follow(first, came) {
                let _ = following.next();
            }
        }
    }

    #[test]
    fn all_items_are_asked_for_once_whatever_the_server_tells_of_them(
        count in 0..60_i64, limit in 1..9_i64, tells_total in any::<bool>(), parallel in any::<bool>()
    ) {
        let pages = pages(&format!("offset:{limit}:parallel={parallel}"));
        let given = std::cell::RefCell::new(Vec::new());
        let (_, error) = chain(&pages, Asked::new("http://h/", None), |asked| {
            let offset = query(asked, "offset").unwrap_or(0);
            let items: Vec<_> = (offset..count.min(offset + limit)).collect();
            given.borrow_mut().extend(items.clone());
            let total = if tells_total { format!("\"total\":{count},") } else { String::new() };
            (Vec::new(), format!("{{{total}\"data\":{items:?}}}"))
        });
        prop_assert_eq!(error, None);
        prop_assert_eq!(given.into_inner(), (0..count).collect::<Vec<_>>());
    }
}
