//! The table against the cache by itself: no server, no client, and a clock that goes as the case says.

use std::collections::BTreeMap;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Version};
use patata::{CacheAnswer, CacheRequest, CacheStatus, CacheVerdict, CachedResponse, Came, Times};
use patata_cache::{Cache, CacheMode, StoreOptions};

use crate::judging::{Became, complaint, faults};
use crate::table::{BEGIN, Case, Expect, Headers, Step, body, cases, lines, moment};

const MODE: CacheMode = CacheMode::Standard;

fn map(headers: &Headers) -> HeaderMap {
    let mut map = HeaderMap::new();
    for (name, lines) in headers {
        for line in lines.iter().flat_map(|lines| lines.iter()) {
            map.append(
                HeaderName::from_bytes(name.as_bytes()).unwrap(),
                HeaderValue::from_str(line).unwrap(),
            );
        }
    }
    map
}

fn headers(stated: &Headers, now: u64) -> patata::Headers {
    let lines = lines(stated, now);
    lines.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect()
}

/// Runs a step at a moment, and says what has become of it.
fn run(cache: &Cache, origin: &str, steps: &[Step], number: usize, now: &mut u64) -> Became {
    let step = &steps[number];
    let method = Method::from_bytes(step.method.as_bytes()).unwrap();
    let (url, request) = (format!("{origin}{}", step.url), map(&step.request));
    let asked = CacheRequest { method: &method, url: &url, headers: &request, body: None, saved_to: None };
    let basis = match cache.ask(MODE, asked, moment(*now)) {
        CacheAnswer::Hit(response) => {
            return Became { how: Expect::Hit, conditions: BTreeMap::new(), response: Some(response) };
        }
        CacheAnswer::Missing => {
            return Became { how: Expect::Missing, conditions: BTreeMap::new(), response: None };
        }
        CacheAnswer::Validate { conditions, basis, .. } => Some((conditions, basis)),
        CacheAnswer::Send(_) | CacheAnswer::Pass => None,
    };
    let (conditions, basis) =
        basis.map_or_else(Default::default, |(conditions, basis)| (conditions, Some(basis)));
    let text = |value: &HeaderValue| value.to_str().unwrap().to_owned();
    let conditions: BTreeMap<_, _> =
        conditions.iter().map(|(name, value)| (name.as_str().to_owned(), text(value))).collect();
    let how = if conditions.is_empty() { Expect::Sent } else { Expect::Validated };
    let sent = *now;
    *now += step.takes;
    let times = Times { sent: moment(sent), came: moment(*now) };
    let body = Bytes::from(body(steps, number));
    let status = StatusCode::from_u16(step.status).unwrap();
    let told_headers = headers(&step.response, *now);
    let told = |status, headers, body| Came::Response {
        status,
        version: Version::HTTP_11,
        headers,
        body,
        saved_to: None,
    };
    let first = if step.breaks { Came::Failed } else { told(status, &told_headers, &body) };
    let response = match cache.tell(MODE, asked, basis, first, times) {
        CacheVerdict::Stored(response) => Some(response),
        CacheVerdict::Unchanged => panic!("no file was asked for"),
        CacheVerdict::AsCame => (!step.breaks).then(|| as_told(status, told_headers, body)),
        CacheVerdict::SendAgain => {
            let again = step.again.as_ref().expect("the server is asked once more");
            let (again, body) = (headers(&again.response, *now), Bytes::from("again"));
            let settled = cache.tell(MODE, asked, None, told(StatusCode::OK, &again, &body), times);
            assert!(matches!(settled, CacheVerdict::AsCame));
            Some(as_told(StatusCode::OK, again, body))
        }
    };
    Became { how, conditions, response }
}

/// A response as it came, in the form of one that was stored.
fn as_told(status: StatusCode, headers: patata::Headers, body: Bytes) -> CachedResponse {
    CachedResponse { status, version: Version::HTTP_11, headers, body, file: None, cached: CacheStatus::Sent }
}

fn faults_of(cache: &Cache, case: &Case, origin: &str) -> Option<String> {
    let mut now = BEGIN;
    for (number, step) in case.steps.iter().enumerate() {
        now += step.after;
        let came = run(cache, origin, &case.steps, number, &mut now);
        let wrong = faults(&case.steps, number, &came);
        if !wrong.is_empty() {
            return Some(complaint(case, number, &wrong));
        }
    }
    None
}

#[test]
fn every_case_of_the_table_holds() {
    let folder = tempfile::tempdir().unwrap();
    let cache = Cache::open(folder.path(), &StoreOptions::default()).unwrap();
    let cases = cases();
    assert!(cases.len() >= 120, "there are {} cases", cases.len());
    let wrong = cases
        .iter()
        .enumerate()
        .filter_map(|(number, case)| faults_of(&cache, case, &format!("http://case-{number}.example")));
    let wrong: Vec<_> = wrong.collect();
    assert!(wrong.is_empty(), "\n{} of {}:\n{}\n", wrong.len(), cases.len(), wrong.join("\n"));
    assert!(cache.take_trouble().is_none());
}
