//! Runs whose responses lead to further requests, and to which threads add some.

use std::collections::BTreeMap;
use std::time::Duration;

use patata::{Client, ErrorKind, Followed, Outcome, Refused, Request, Stop};
use patata_testserver::Server;

use crate::support::Watchdog;

fn client() -> Client {
    Client::builder().build().unwrap()
}

/// The pages that a page of a tree leads to, in which each has three below it.
fn below(url: &str, outcome: &Outcome<Followed<u64>>) -> Vec<Request<u64>> {
    assert!(outcome.result.is_ok());
    (1..4).map(|branch| Request::get(outcome.tag.tag * 3 + branch, url)).collect()
}

#[test]
fn each_page_of_a_tree_is_asked_for_once_and_knows_its_depth() {
    let _watchdog = Watchdog::new();
    let server = Server::start().unwrap();
    let url = server.url();
    let client = client();
    let mut run = client.run_followed([Request::get(0, url)], |outcome| below(url, outcome)).max_depth(6);
    let mut depths: BTreeMap<u32, u64> = BTreeMap::new();
    let mut pages: Vec<_> = run
        .by_ref()
        .map(|outcome| {
            *depths.entry(outcome.tag.depth).or_default() += 1;
            outcome.tag.tag
        })
        .collect();
    pages.sort_unstable();
    assert!(pages.iter().copied().eq(0..1093));
    assert!(
        depths.iter().eq((0..7).map(|depth| (depth, 3_u64.pow(depth))).collect::<BTreeMap<_, _>>().iter())
    );
    let receipt = run.receipt();
    assert_eq!((receipt.submitted, receipt.ok, receipt.followed), (1093, 1093, 1092));
    assert_eq!(server.requests(), 1093);
}

#[test]
fn each_chain_is_handed_out_in_order_whatever_the_others_do() {
    let _watchdog = Watchdog::new();
    let server = Server::start().unwrap();
    let url = server.url();
    let client = Client::builder().concurrency(1).input_chunk_size(1).build().unwrap();
    let chains = (0..3).map(|chain| Request::get((chain, 0), url));
    let next = |outcome: &Outcome<Followed<(u32, u32)>>| {
        let (chain, page) = outcome.tag.tag;
        (page < 20).then(|| Request::get((chain, page + 1), url))
    };
    let pages: Vec<_> = client.run_followed(chains, next).map(|outcome| outcome.tag.tag).collect();
    assert_eq!(pages.len(), 63);
    for chain in 0..3 {
        let of_chain = pages.iter().filter(|page| page.0 == chain).map(|page| page.1);
        assert!(of_chain.eq(0..21));
    }
}

#[test]
fn what_fails_is_followed_too_and_counts_as_a_failure() {
    let _watchdog = Watchdog::new();
    let server = Server::start().unwrap();
    let (good, bad) = (server.url(), format!("{}/status/503", server.url()));
    let client = Client::builder().max_failures(2).build().unwrap();
    let instead = |outcome: &Outcome<Followed<u32>>| {
        let has_failed = outcome.result.as_ref().is_ok_and(|response| response.status == 503);
        has_failed.then(|| Request::get(outcome.tag.tag + 1, &bad))
    };
    let mut run = client.run_followed([Request::get(0, &bad), Request::get(100, good)], instead);
    run.by_ref().for_each(drop);
    assert!(matches!(run.stopped(), Some(Stop::TooManyFailures(_))));
    assert_eq!((run.receipt().failed, run.receipt().ok), (3, 1));
}

#[test]
fn a_follow_up_that_cannot_be_sent_has_an_outcome_of_its_own() {
    let _watchdog = Watchdog::new();
    let server = Server::start().unwrap();
    let client = client();
    let broken =
        |outcome: &Outcome<Followed<u32>>| (outcome.tag.depth == 0).then(|| Request::get(1, "no url"));
    let outcomes: Vec<_> = client.run_followed([Request::get(0, server.url())], broken).collect();
    assert_eq!(outcomes.len(), 2);
    assert_eq!(outcomes[1].result.as_ref().unwrap_err().kind(), ErrorKind::InvalidRequest);
}

#[test]
fn where_order_is_kept_follow_ups_have_places_as_they_are_taken() {
    let _watchdog = Watchdog::new();
    let server = Server::start().unwrap();
    let url = server.url();
    let client = Client::builder().ordered(true).build().unwrap();
    let once = |outcome: &Outcome<Followed<u32>>| {
        (outcome.tag.depth == 0).then(|| Request::get(outcome.tag.tag + 1_000, url))
    };
    let tags: Vec<_> =
        client.run_followed((0..500).map(|id| Request::get(id, url)), once).map(|o| o.tag.tag).collect();
    assert_eq!(tags.len(), 1_000);
    assert!(tags.iter().filter(|tag| **tag < 1_000).is_sorted());
    assert!(tags.iter().filter(|tag| **tag >= 1_000).is_sorted());
}

#[test]
fn endless_chains_end_when_the_run_is_cancelled() {
    let _watchdog = Watchdog::new();
    let server = Server::start().unwrap();
    let url = server.url();
    let client = client();
    let mut run =
        client.run_followed([Request::get(0, url)], |outcome| Some(Request::get(outcome.tag.tag + 1, url)));
    assert_eq!(run.by_ref().take(50).count(), 50);
    run.control().cancel();
    run.by_ref().for_each(drop);
    let receipt = run.receipt();
    assert_eq!(receipt.submitted, receipt.ok + receipt.cancelled);
}

#[test]
fn a_run_that_finds_more_than_there_is_room_for_ends_with_all_that_it_has_found() {
    let _watchdog = Watchdog::new();
    let server = Server::start().unwrap();
    let url = server.url();
    let client = Client::builder().queue_max_size(100).build().unwrap();
    let mut run = client.run_followed([Request::get(0, url)], |outcome| below(url, outcome));
    let mut seen: Vec<_> = run.by_ref().map(|outcome| outcome.tag.tag).collect();
    assert!(run.is_overflown() && run.stopped().is_none());
    let known = 3 * seen.len() as u64 + 1;
    seen.extend(run.take_left().into_iter().map(|request| request.tag));
    seen.sort_unstable();
    seen.dedup();
    assert_eq!(seen.len() as u64, known);
    assert_eq!(run.receipt().outstanding, 0);
}

#[test]
fn threads_add_requests_and_the_run_ends_when_the_last_of_them_has_gone() {
    let _watchdog = Watchdog::new();
    let server = Server::start().unwrap();
    let client = Client::builder().queue_max_size(50).build().unwrap();
    let mut run = client.run_followed(std::iter::empty(), |_: &_| None);
    let submitter = run.submitter();
    let threads: Vec<_> = (0..4)
        .map(|thread| {
            let (submitter, url) = (submitter.clone(), server.url().to_owned());
            std::thread::spawn(move || {
                for id in 0..200 {
                    let mut request = Request::get(thread * 1_000 + id, &url[..]);
                    while let Err((back, why)) = submitter.submit(request) {
                        assert_eq!(why, Refused::Full);
                        request = back;
                        std::thread::sleep(Duration::from_micros(100));
                    }
                }
            })
        })
        .collect();
    drop(submitter);
    let mut tags: Vec<_> = run.by_ref().map(|outcome| outcome.tag.tag).collect();
    threads.into_iter().for_each(|thread| thread.join().unwrap());
    tags.sort_unstable();
    assert!(tags.into_iter().eq((0..4).flat_map(|thread| thread * 1_000..thread * 1_000 + 200)));
    assert!(matches!(run.submitter().submit(Request::get(0, "")), Err((_, Refused::Ended))));
}
