//! The page as a whole: what it says, and what it never does.

use proptest::prelude::*;

use super::*;
use crate::Id;
use crate::accounts::{Classes, Cluster, Host, LimitedBy, Tick, Use};
use crate::samples::{Kind, sample};

#[test]
fn each_kind_of_run_reads_well() {
    for kind in Kind::ALL {
        let (summary, timeline) = sample(kind);
        let page = report(&summary, &timeline);
        insta::assert_snapshot!(kind.name(), words(&page));
        assert!(page.len() <= 150_000, "{kind:?}: {}", page.len());
    }
}

#[test]
fn a_picture_is_drawn_for_a_desk_and_for_a_phone_with_a_table() {
    let (summary, timeline) = sample(Kind::Long);
    let page = report(&summary, &timeline);
    assert_eq!(page.matches("<div class=\"wide\"><svg").count(), 4);
    assert_eq!(page.matches("<div class=\"narrow\"><svg").count(), 4);
    assert_eq!(page.matches("<details><summary>Table</summary>").count(), 4);
}

fn any_use(any: &mut impl FnMut(u64) -> u64) -> Use {
    Use { used: any(90_000) as f64, granted: Some(any(90_000) as f64) }
}

/// A run in which nothing stays as it is for a second.
fn restless() -> Timeline {
    let mut timeline = Timeline::default();
    let mut number = 7_u64;
    let mut any = |most: u64| {
        number = number.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (number >> 33) % most
    };
    for second in 0..30_000_u32 {
        let responses = Classes {
            success: any(90_000),
            redirect: any(20_000),
            client_error: any(20_000),
            server_error: any(20_000),
            other: any(20_000),
            errors: any(20_000),
        };
        timeline.add(&Tick {
            time: f64::from(second),
            seconds: 1.0,
            process: second / 50,
            responses,
            p50_ms: any(1_000) as f64,
            p90_ms: any(30_000) as f64,
            p99_ms: any(300_000) as f64,
            limited_by: Some(LimitedBy::ALL[any(7) as usize]),
            hosts: (0..5).map(|_| (format!("host-{}", any(20)), any(9_000))).collect(),
            budgets: (0..9).map(|number| (format!("unit-{number}"), any_use(&mut any))).collect(),
            ..Tick::default()
        });
    }
    timeline
}

#[test]
fn the_largest_accounts_make_a_page_that_is_not_too_large() {
    let text = |length: usize| "&".repeat(length);
    let (mut summary, _) = sample(Kind::Long);
    summary.command = text(100_000);
    summary.folder = text(1_000);
    let host =
        |number| Host { host: format!("host-{number}"), done: 7_000_000, failed: 1_000_000, mean_ms: 1.0 };
    summary.hosts = (0..1001).map(host).collect();
    let samples = vec![Id::from(text(59)); 5];
    let (host, message) = (text(999), text(300));
    let cluster = Cluster { kind: Some(text(99)), host, message, count: 1, samples, ..Cluster::default() };
    summary.clusters = vec![cluster; 200];
    summary.options = (0..500).map(|number| (format!("option {number}"), text(200).into())).collect();
    summary.limited_seconds = LimitedBy::ALL.map(|limit| (limit, 7.0)).into();
    let page = report(&summary, &restless());
    assert!(page.len() <= 150_000, "{}", page.len());
    assert!(page.contains("more</p>"));
}

#[test]
fn each_budget_is_drawn_with_what_was_used_and_granted_and_without_budgets_nothing_is() {
    let (summary, timeline) = sample(Kind::Budgeted);
    let page = report(&summary, &timeline);
    for class in ["used", "granted"] {
        assert_eq!(page.matches(&format!("<path class=\"line {class}\"")).count(), 4, "two units, two sizes");
    }
    let (summary, timeline) = sample(Kind::Long);
    assert!(!report(&summary, &timeline).contains("Budgets, used"));
}

#[test]
fn a_sum_that_does_not_come_out_is_said() {
    let summary = Summary { submitted: 10, ok: 7, ended: Some(1.0), ..Summary::default() };
    assert!(report(&summary, &Timeline::default()).contains("The sum does not come out: 3"));
}

/// The texts of a page, a line for each element that has some.
fn words(page: &str) -> String {
    let body = page.split_once("</style>").unwrap().1;
    let mut words = String::new();
    for piece in body.split('<').skip(1) {
        let text = piece.split_once('>').map_or("", |(_, text)| text).trim();
        if !text.is_empty() {
            words.push_str(text);
            words.push('\n');
        }
    }
    words
}

/// All that could be markup: the page without texts and without what attributes in quotes hold.
fn skeleton(page: &str) -> String {
    let mut skeleton = String::new();
    let (mut in_tag, mut in_quotes) = (false, false);
    for character in page.chars() {
        match character {
            '"' if in_tag => in_quotes = !in_quotes,
            '<' if !in_quotes => in_tag = true,
            '>' if !in_quotes => in_tag = false,
            _ => {}
        }
        if in_tag && !in_quotes {
            skeleton.push(character);
        }
    }
    skeleton
}

fn hostile() -> impl Strategy<Value = String> {
    let pieces = prop::sample::select(vec![
        "<script>alert(1)</script>",
        "\"",
        "'",
        "<",
        ">",
        "&",
        "</style>",
        "-->",
        "<!--",
        "]]>",
        "</code>",
        "javascript:",
        "\" onload=\"x",
        "<img src=x onerror=y>",
        "`",
        "\u{202e}",
        "\0",
        "\n",
        "a",
        " ",
        "ü",
        "&lt;",
    ]);
    prop::collection::vec(pieces, 1..6).prop_map(|pieces| pieces.concat())
}

fn filled(text: &str) -> Summary {
    let (summary, _) = sample(Kind::Failing);
    let cluster = Cluster {
        kind: Some(text.to_owned()),
        host: text.to_owned(),
        message: text.to_owned(),
        count: 1,
        samples: vec![Id::from(text)],
        ..Cluster::default()
    };
    Summary {
        command: text.to_owned(),
        folder: text.to_owned(),
        versions: vec![text.to_owned()],
        stopped: Some(text.to_owned()),
        next: Some(text.to_owned()),
        errors: [(text.to_owned(), 7)].into(),
        limited_seconds: [(LimitedBy::Budget, 50.0)].into(),
        limiting_budgets: [(text.to_owned(), 50.0)].into(),
        ok: 1,
        hosts: vec![Host { host: text.to_owned(), done: 1, ..Host::default() }],
        clusters: vec![cluster],
        options: [("name".to_owned(), text.into())].into(),
        ..summary
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_figure_is_too_strange(
        counts in prop::collection::vec(prop_oneof![any::<u64>(), Just(u64::MAX), 0_u64..3], 12),
        times in prop::collection::vec(prop::num::f64::ANY, 8),
        ended in prop::option::of(prop::num::f64::ANY),
    ) {
        let (summary, mut timeline) = sample(Kind::Short);
        let host = Host { host: "a".to_owned(), done: counts[0], failed: counts[1], mean_ms: times[0] };
        let cluster =
            Cluster { status: Some(429), count: counts[2], first: times[1], last: times[2], ..Cluster::default() };
        let strange = Summary {
            started: times[3],
            time: times[4],
            seconds: times[5],
            ended,
            total: Some(counts[3]),
            submitted: counts[4],
            ok: counts[5],
            failed: counts[6],
            cancelled: counts[7],
            unknown: counts[8],
            attempts: counts[9],
            statuses: [(429, counts[10])].into(),
            hosts: vec![host],
            clusters: vec![cluster.clone(), cluster],
            limited_seconds: [(LimitedBy::Rate, times[6]), (LimitedBy::Input, times[7])].into(),
            ..summary
        };
        let responses = Classes { success: counts[11], errors: counts[0], ..Classes::default() };
        for _ in 0..2 {
            timeline.add(&Tick {
                time: times[0],
                seconds: times[1],
                responses,
                p50_ms: times[2],
                p99_ms: times[3],
                hosts: vec![("a".to_owned(), counts[1])],
                budgets: [("a".to_owned(), Use { used: times[4], granted: Some(times[5]) })].into(),
                ..Tick::default()
            });
        }
        let page = report(&strange, &timeline);
        prop_assert!(!page.contains("NaN") && !page.contains("inf"), "{}", page);
        prop_assert!(page.len() < 150_000);
    }

    #[test]
    fn hostile_text_never_gets_out_of_its_place(text in hostile()) {
        let of_unit = |unit: &str| {
            let budgets = [(unit.to_owned(), Use { used: 7.0, granted: Some(9.0) })].into();
            let mut timeline = sample(Kind::Short).1;
            timeline.add(&Tick { seconds: 1.0, budgets, ..Tick::default() });
            timeline
        };
        let page = report(&filled(&text), &of_unit(&text));
        // What is shown depends on how long a text is.
        let tame = "x".repeat(text.chars().count());
        let tame = report(&filled(&tame), &of_unit(&tame));
        prop_assert_eq!(skeleton(&page), skeleton(&tame));
        let is_shown_otherwise = |c: char| c == '\u{202e}' || c == '\0';
        prop_assert!(!page.contains(is_shown_otherwise));
        prop_assert!(!page.contains("<script") && !page.contains("<img"));
    }
}
