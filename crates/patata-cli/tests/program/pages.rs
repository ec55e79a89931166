//! APIs that answer in pages: `--pages` and `--items`, of one request and of many, on stdout and in a folder.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::{Value, json as value};

use super::api::{Api, Asked, json};
use super::support::{Place, rows_in};

/// An API of so many lists, of which each has so many pages of two items; the next one is said by a cursor.
fn by_cursor(pages: u64) -> Api {
    Api::start(move |asked| {
        let page = asked.number("after").unwrap_or(1);
        let next = if page < pages { format!("\"{}\"", page + 1) } else { "null".to_owned() };
        let (first, second) = (2 * page - 2, 2 * page - 1);
        json(format!("{{\"data\":[{{\"n\":{first}}},\n{{\"n\":{second}.0}}],\"meta\":{{\"next\":{next}}}}}"))
    })
}

/// An API of so many items, of which it tells the number.
fn by_offset(count: u64) -> Api {
    Api::start(move |asked| {
        let (offset, limit) = (asked.number("offset").unwrap_or(0), asked.number("limit").unwrap());
        let items: Vec<_> = (offset..count.min(offset + limit)).collect();
        json(format!("{{\"total\":{count},\"data\":{items:?}}}"))
    })
}

/// The urls of so many lists, a line each.
fn lists(place: &Place, api: &Api, count: u64) {
    let lines: Vec<_> = (0..count).map(|list| format!("{}/{list}?q=%41\n", api.url)).collect();
    place.file("lists", lines.concat());
}

/// The value of a member of each row, in their order.
fn members<'r>(rows: &'r [Value], name: &str) -> Vec<&'r Value> {
    rows.iter().map(|row| &row[name]).collect()
}

#[test]
fn all_pages_of_all_lists_are_rows() {
    let (place, api) = (Place::new(), by_cursor(3));
    lists(&place, &api, 4);
    let rows = place.run(&["run", "lists", "--pages", "cursor:meta.next:after"]).ended(0).rows();
    assert_eq!((rows.len(), api.targets().len()), (12, 12));
    for list in 0..4 {
        let expected = ["", "&after=2", "&after=3"].map(|after| format!("{}/{list}?q=%41{after}", api.url));
        let of_list: Vec<_> = rows.iter().filter(|row| row["id"] == list).collect();
        assert!(of_list.iter().map(|row| row["url"].as_str().unwrap()).eq(expected), "{of_list:?}");
    }
    assert!(rows[4..].iter().all(|row| row["index"].as_u64().unwrap() >= 1_000_000_000_000));
}

#[test]
fn each_item_is_a_row_if_that_is_wanted() {
    let (place, api) = (Place::new(), by_cursor(3));
    lists(&place, &api, 1);
    let arguments = ["run", "lists", "--pages", "cursor:meta.next:after", "--items", "data"];
    let on_stdout = place.run(&arguments).ended(0);
    assert!(
        on_stdout.stdout.contains("\"body\":{\"n\":5.0},\"error\":null,\"item\":1}\n"),
        "{}",
        on_stdout.stdout
    );
    place.run(&[&arguments[..], &["-o", "run"]].concat()).ended(0);
    for rows in [on_stdout.rows(), rows_in(&place.path("run"))] {
        let items: Vec<_> = rows.iter().map(|row| row["body"]["n"].as_f64().unwrap()).collect();
        assert_eq!(items, [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]);
        assert_eq!(members(&rows, "item"), [0, 1, 0, 1, 0, 1]);
        assert!(rows.iter().all(|row| row["ok"] == true && row["id"] == 0 && row.get("changed").is_none()));
    }
    let status = place.run(&["status", "run", "--json"]).ended(0).json();
    assert_eq!((&status["ok"], &status["submitted"]), (&value!(3), &value!(3)), "{status}");
    assert_eq!(place.run(&["show", "run", "0"]).ended(0).rows().len(), 6);
}

#[test]
fn items_are_had_without_pages_too() {
    let (place, api) = (Place::new(), by_cursor(1));
    lists(&place, &api, 2);
    let rows = place.run(&["run", "lists", "--items", "auto"]).ended(0).rows();
    assert_eq!(members(&rows, "id"), [0, 0, 1, 1]);
    let wrong = place.run(&["run", "lists", "--items", "none.here"]).ended(1).rows();
    let error = &wrong[0]["error"];
    assert_eq!(
        (&error["kind"], &wrong[0]["ok"], &wrong[0]["status"]),
        (&value!("page"), &value!(false), &value!(200))
    );
    assert!(error["message"].as_str().unwrap().contains("should be at \"none.here\", and there is nothing"));
    assert_eq!(wrong[0]["body"]["meta"]["next"], Value::Null, "what came is not lost");
}

#[test]
fn one_request_prints_its_pages_or_their_items() {
    let (place, api) = (Place::new(), by_cursor(3));
    let url = format!("{}/list", api.url);
    let get =
        |more: &[&str]| place.run(&[&["get", &url, "--pages", "cursor:meta.next:after"], more].concat());
    let items = get(&["--items", "data"]).ended(0).stdout;
    assert_eq!(items, "{\"n\":0}\n{\"n\":1.0}\n{\"n\":2}\n{\"n\":3.0}\n{\"n\":4}\n{\"n\":5.0}\n");
    let pages = get(&[]).ended(0).stdout;
    assert_eq!((pages.matches("\"meta\"").count(), pages.ends_with("}\n")), (3, true));
    let heads = get(&["-i"]).ended(0).stdout;
    assert_eq!(heads.matches("HTTP/1.1 200").count(), 3);
    assert!(get(&["-o", "file"]).ended(2).stderr.contains("write > FILE behind the command"));
}

#[test]
fn pages_whose_number_is_known_are_asked_for_at_once_and_printed_in_their_order() {
    let (place, api) = (Place::new(), by_offset(95));
    let url = format!("{}/list", api.url);
    let got = place.run(&["get", &url, "--pages", "offset:10", "--items", "data"]).ended(0).stdout;
    let expected: Vec<_> = (0..95).map(|number| format!("{number}\n")).collect();
    assert_eq!(got, expected.concat());
    assert_eq!(api.asked()[0].target, "/list?limit=10");
    place.file("lists", format!("{url}\n"));
    let arguments = ["run", "lists", "--pages", "offset:10", "--items", "data", "-o", "run"];
    place.run(&arguments).ended(0);
    let mut numbers: Vec<_> =
        rows_in(&place.path("run")).iter().map(|row| row["body"].as_u64().unwrap()).collect();
    numbers.sort_unstable();
    assert!(numbers.into_iter().eq(0..95));
    assert_eq!(api.asked().len(), 20);
}

#[test]
fn links_in_headers_lead_on_and_headers_of_the_first_request_go_along() {
    let api = Api::start(|asked| {
        let page = asked.number("page").unwrap_or(1);
        let link = format!("link: </list?page={}>; rel=\"next\"\r\n", page + 1);
        (200, if page < 3 { link } else { String::new() }, format!("[{page}]"))
    });
    let place = Place::new().with_variable("KEY", "s3cret");
    place.file("lists", format!("{}/list?page=1\n", api.url));
    let arguments =
        ["-H", "X-Key: env:KEY", "--param", "key=env:KEY", "--param", "per=7", "--pages", "header-link"];
    let rows = place.run(&[&["run", "lists"], &arguments[..]].concat()).ended(0).rows();
    assert_eq!(members(&rows, "body"), [&value!([1]), &value!([2]), &value!([3])]);
    // A link says all that is asked for, but for what is no link's to know.
    assert_eq!(
        api.targets(),
        ["/list?page=1&per=7&key=s3cret", "/list?page=2&key=s3cret", "/list?page=3&key=s3cret"]
            .map(|target| target.replace("&per=7&key=s3cret", "&key=s3cret&per=7"))
    );
    assert!(api.asked().iter().all(|asked| asked.head.contains("x-key: s3cret")));
}

#[test]
fn secrets_in_links_are_not_written_down() {
    let api = Api::start(|asked| {
        let page = asked.number("page").unwrap_or(1);
        let next =
            if page < 3 { format!("\"/list?key=s3cret&page={}\"", page + 1) } else { "null".to_owned() };
        json(format!("{{\"next\":{next},\"data\":[{page}]}}"))
    });
    let place = Place::new().with_variable("KEY", "s3cret");
    place.file("lists", format!("{}/list\n", api.url));
    let arguments =
        ["run", "lists", "--param", "key=env:KEY", "--pages", "auto", "--items", "data", "-o", "run"];
    place.run(&arguments).ended(0);
    assert_eq!(api.targets(), ["/list?key=s3cret", "/list?page=2&key=s3cret", "/list?page=3&key=s3cret"]);
    for file in ["found.jsonl", "manifest.json", "summary.json", "out/w0-000001.jsonl"] {
        let text = place.read(&format!("run/{file}"));
        assert!(!text.contains("s3cret"), "{file}: {text}");
    }
}

#[test]
fn a_cursor_may_be_sent_in_the_body() {
    let api = Api::start(|asked: &Asked| {
        let body: Value = serde_json::from_str(&asked.body).unwrap();
        let next = if body["after"].is_null() { "[12345678901234567890,\"a\"]" } else { "null" };
        json(format!("{{\"next\":{next},\"data\":[{}]}}", asked.body))
    });
    let place = Place::new();
    place.file("lists", format!("{}/search\n", api.url));
    let pages = ["--json", "{\"size\": 2}", "--pages", "cursor:next::after"];
    place.run(&[&["run", "lists", "-o", "run"], &pages[..]].concat()).ended(0);
    let asked = api.asked();
    assert_eq!(asked[1].body, "{\"size\":2,\"after\":[12345678901234567890,\"a\"]}");
    assert!(asked.iter().all(|asked| asked.head.contains("content-type: application/json")), "{asked:?}");
    assert!(asked.iter().all(|asked| asked.head.starts_with("post /search")));
}

#[test]
fn a_chain_that_cannot_go_on_says_at_which_page() {
    let api = Api::start(|asked| match asked.target.split('?').next().unwrap() {
        "/repeats" => json("{\"next\":\"/repeats?page=2\"}"),
        "/elsewhere" => json("{\"next\":\"https://evil.example/?page=2\"}"),
        "/breaks" if asked.number("page").is_some() => (503, String::new(), "gone".to_owned()),
        "/breaks" => json("{\"next\":\"/breaks?page=2\"}"),
        _ => json("{\"next\":null}"),
    });
    let place = Place::new();
    let names = ["repeats", "elsewhere", "breaks", "ends"];
    place.file("lists", names.map(|name| format!("{}/{name}\n", api.url)).concat());
    let ran = place.run(&["run", "lists", "--pages", "json-link:next"]).ended(1);
    let error = |id: u64| {
        let rows = ran.rows();
        let failed: Vec<_> = rows.iter().filter(|row| row["id"] == id && row["ok"] == false).collect();
        failed.iter().map(|row| row["error"]["message"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert!(
        error(0)[0]
            .starts_with("the chain of pages ends at page 2: it leads to a page that was asked for before")
    );
    assert!(
        error(1)[0].contains("page 1: the next page is \"https://evil.example/?page=2\""),
        "{:?}",
        error(1)
    );
    assert!(error(1)[0].contains("--pages-allow-origin https://evil.example allows it"));
    assert_eq!(error(2), ["the chain of pages ends at page 2: the page failed: status 503"]);
    assert_eq!((error(3).len(), ran.rows().len()), (0, 6));
    let got = place.run(&["get", &format!("{}/repeats", api.url), "--pages", "json-link"]).ended(1);
    assert!(got.stderr.contains("error: the chain of pages ends at page 2"), "{}", got.stderr);
}

#[test]
fn pages_of_another_origin_are_asked_for_where_that_is_allowed() {
    let other = Api::start(|_| json("{\"next\":null}"));
    let next = format!("{{\"next\":\"{}/list?page=2\"}}", other.url);
    let api = Api::start(move |_| json(next.clone()));
    let place = Place::new();
    let url = format!("{}/list", api.url);
    let get = |allowed: &str| place.run(&["get", &url, "--pages", "auto", "--pages-allow-origin", allowed]);
    get("http://127.0.0.1:1").ended(1);
    assert!(other.targets().is_empty());
    get(&other.url).ended(0);
    get("any").ended(0);
    assert_eq!(other.targets(), ["/list?page=2", "/list?page=2"]);
}

#[test]
fn what_is_wrong_with_the_description_is_told_before_anything_is_sent() {
    let (place, api) = (Place::new(), by_cursor(1));
    lists(&place, &api, 1);
    for (arguments, expected) in [
        (&["--pages", "cursr:a"][..], "\"cursr\" is no way of paging; there are json-link, header-link"),
        (&["--pages", "offset"], "offset: limit: it must be said how many items are asked for"),
        (&["--items", "a..b"], "\"a..b\" is no path such as data.results"),
        (&["--pages", "auto", "--pages-allow-origin", "example"], "\"example\" is no origin such as"),
        (&["--pages-allow-origin", "any"], "--pages"),
        (
            &["--pages", "auto", "--save-to", "{index}"],
            "--pages: what is on a page is looked for in its body",
        ),
        (&["--items", "data", "--format", "csv", "-o", "run"], "--items: items are written as JSONL"),
    ] {
        let ran = place.run(&[&["run", "lists"], arguments].concat()).ended(2);
        assert!(ran.stderr.contains(expected), "{}", ran.stderr);
    }
    let body = ["-d", "{\"key\":\"env:KEY\"}", "--pages", "auto"];
    let place = place.with_variable("KEY", "s3cret");
    let ran = place.run(&[&["run", "lists"], &body[..]].concat()).ended(2);
    assert!(ran.stderr.contains("--pages: the body names an environment variable"), "{}", ran.stderr);
    assert!(api.targets().is_empty());
}

#[test]
fn what_failed_is_retried_and_its_chain_goes_on() {
    let is_mended = Arc::new(AtomicBool::new(false));
    let mended = is_mended.clone();
    let api = Api::start(move |asked| {
        let page = asked.number("after").unwrap_or(1);
        let next = if page < 4 { (page + 1).to_string() } else { "null".to_owned() };
        match mended.load(Ordering::SeqCst) {
            false if page == 2 => (503, String::new(), "later".to_owned()),
            _ => json(format!("{{\"data\":[{page}],\"next\":{next}}}")),
        }
    });
    let place = Place::new();
    place.file("lists", format!("{}/list\n", api.url));
    let pages = ["run", "lists", "--pages", "cursor:next:after", "--items", "data"];
    let arguments = [&pages[..], &["--part-rows", "1", "-o", "run"]].concat();
    let failed = place.run(&arguments).ended(1);
    assert_eq!(failed.last_line(), "patata retry run");
    assert_eq!(rows_in(&place.path("run"))[1]["error"]["kind"], "page");
    is_mended.store(true, Ordering::SeqCst);
    place.run(&["retry", "run", "--kind", "page"]).ended(0);
    let rows = rows_in(&place.path("run"));
    assert_eq!(members(&rows, "body"), [1, 2, 3, 4]);
    assert_eq!(api.targets(), ["/list", "/list?after=2", "/list?after=2", "/list?after=3", "/list?after=4"]);
}

#[test]
fn a_rehearsal_is_of_first_pages_and_a_canary_of_whole_chains() {
    let (place, api) = (Place::new(), by_cursor(3));
    lists(&place, &api, 5);
    let arguments = ["run", "lists", "--pages", "cursor:meta.next:after"];
    let dry = place.run(&[&arguments[..], &["--dry-run"]].concat()).ended(0).stdout;
    assert!(dry.contains("5 requests") && dry.contains("may lead to more pages"), "{dry}");
    assert!(api.targets().is_empty());
    place.run(&[&arguments[..], &["--canary", "2", "-o", "run"]].concat()).ended(0);
    assert_eq!((rows_in(&place.path("run")).len(), api.targets().len()), (15, 15));
}

#[test]
fn what_has_failed_can_be_the_input_of_another_run_which_goes_on_there() {
    let api = Api::start(|asked| match asked.number("after") {
        Some(2) => (500, String::new(), String::new()),
        page => json(format!("{{\"next\":{}}}", if page.is_none() { "2" } else { "null" })),
    });
    let place = Place::new();
    place.file("lists", format!("{}/list\n", api.url));
    let arguments = ["--pages", "cursor:next:after", "-o"];
    place.run(&[&["run", "lists"], &arguments[..], &["run"]].concat()).ended(1);
    let failed = place.read("run/failed.jsonl");
    assert!(failed.contains("/list?after=2#patata-page=2\""), "{failed}");
    place.run(&[&["run", "run/failed.jsonl"], &arguments[..], &["other"]].concat()).ended(1);
    let again = &rows_in(&place.path("other"))[0];
    assert_eq!(
        (&again["id"], &again["error"]["message"]),
        (&value!(0), &value!("the chain of pages ends at page 2: the page failed: status 500"))
    );
    assert_eq!(api.targets(), ["/list", "/list?after=2", "/list?after=2"]);
}

#[test]
fn a_request_that_a_folder_cannot_keep_is_told_and_not_sent() {
    let (place, api) = (Place::new(), by_cursor(3));
    let row = value!({"url": format!("{}/list", api.url), "headers": {"authorization": "Bearer s3cret"}});
    place.file("lists.jsonl", format!("{row}\n"));
    let arguments = ["run", "lists.jsonl", "--pages", "cursor:meta.next:after"];
    place.run(&[&arguments[..], &["-o", "run"]].concat()).ended(1);
    let error = rows_in(&place.path("run"))[0]["error"]["message"].to_string();
    assert!(error.contains("lists.jsonl:1: ") && error.contains("give credentials to the client"), "{error}");
    assert!(api.targets().is_empty());
    // Nothing is kept without a folder.
    place.run(&arguments).ended(0);
    assert!(api.asked().iter().all(|asked| asked.head.contains("bearer s3cret")));
    assert_eq!(api.asked().len(), 3);
}

#[cfg(unix)]
#[test]
fn a_run_that_was_killed_again_and_again_has_each_item_once() {
    use super::support::{ended, send, wait_until};

    let api = Api::start(|asked| {
        std::thread::sleep(std::time::Duration::from_millis(2));
        let page = asked.number("after").unwrap_or(1);
        let next = if page < 40 { (page + 1).to_string() } else { "null".to_owned() };
        json(format!("{{\"data\":[{page}],\"next\":{next}}}"))
    });
    let place = Place::new();
    lists(&place, &api, 8);
    let pages = ["--pages", "cursor:next:after", "--items", "data"];
    let mut arguments = [&["run", "lists", "--part-rows", "50", "-o", "run"], &pages[..]].concat();
    for kill in 1..=4 {
        let child = place.spawn(&arguments);
        wait_until("some pages", || api.asked().len() > kill * 60);
        send(&child, "-KILL");
        ended(child).ended(-9);
        arguments = vec!["resume", "run"];
    }
    place.run(&arguments).ended(0);
    let rows = rows_in(&place.path("run"));
    for list in 0..8 {
        let mut items: Vec<_> =
            rows.iter().filter(|row| row["id"] == list).map(|row| row["body"].as_u64().unwrap()).collect();
        items.sort_unstable();
        assert!(items.iter().copied().eq(1..=40), "{list}: {items:?}");
    }
    // Pages that had come and were not on the disk are asked for again, and no others.
    let asked = api.asked().len();
    assert!((320..4 * 320).contains(&asked), "{asked}");
    place.run(&["resume", "run"]).ended(0);
    assert_eq!(api.asked().len(), asked);
}
