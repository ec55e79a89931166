//! Servers that tell of their limits: hosts that say that nothing remains are left alone, and with `rate="auto"` what
//! they grant is used and hardly ever asked too much of.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use patata_testserver::{Llm, LlmLimits};

use crate::config::Config;
use crate::config::limits::Limits;
use crate::request::Request;
use crate::simulation::server::{Answer, Arrival, Behaviour, ok};
use crate::simulation::tests::{config, limits, retrying, seeds, url};
use crate::simulation::{Story, World, now};

/// When the simulation begins, in seconds since the epoch.
const BEGIN: u64 = 1_767_323_045;

fn date() -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(BEGIN) + now()
}

fn gets(count: u64) -> Vec<Request<u64>> {
    (0..count).map(|id| Request::get(id, url(1, 0, id))).collect()
}

/// How many words a prompt has.
fn length(id: u64, words: u64) -> u64 {
    1 + id * 7919 % (2 * words - 1)
}

/// A language model's API, to which each request is a prompt of so many words on average.
fn llm(api: Arc<Llm>, path: &'static str, words: u64) -> Behaviour {
    Arc::new(move |arrival: &Arrival| {
        let prompt = "w ".repeat(length(arrival.id, words) as usize);
        let body =
            format!(r#"{{"messages": [{{"role": "user", "content": "{prompt}"}}], "max_tokens": 20}}"#);
        let answer = api.answer(path, body.as_bytes(), now(), date()).unwrap();
        let lines: String =
            answer.headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        let headers = format!("{lines}date: {}\r\n", httpdate::fmt_http_date(date()));
        let after = Duration::from_millis(if answer.status == 200 { 200 + arrival.id % 7 * 300 } else { 5 });
        Answer { after, status: answer.status, headers, ..Answer::default() }
    })
}

/// Statuses are those of the servers: nothing is tried again, so that each 429 is seen.
fn auto(limits: Limits) -> Config {
    Config { limits: Limits { is_rate_auto: true, ..limits }, timeout: Duration::from_secs(60), ..config() }
}

/// In minutes, until the last answer came.
fn took(story: &Story) -> f64 {
    story.ended.iter().map(|(at, _)| at.as_secs_f64()).fold(0.0, f64::max) / 60.0
}

/// Runs for some minutes against both APIs, and asserts what the issue of this asks for.
#[track_caller]
fn assert_used(limits: Limits, granted: LlmLimits, words: u64, count: u64) {
    assert_used_by(limits, granted, words, || gets(count));
}

/// The same with these requests.
#[track_caller]
fn assert_used_by(limits: Limits, granted: LlmLimits, words: u64, requests: impl Fn() -> Vec<Request<u64>>) {
    for (path, has_kinds) in [("/v1/chat/completions", false), ("/v1/messages", true)] {
        let api = Arc::new(Llm::new(granted));
        let world = World { tick: Duration::from_millis(5), ..World::new(1) };
        let world = world.machine(1, 1, llm(api.clone(), path, words));
        let story = world.run(auto(limits.clone()), requests(), |_, _| ());
        let counts = api.counts();
        let refused = counts.refused as f64 / counts.requests as f64;
        let minutes = took(&story);
        let of_requests = (counts.requests - counts.refused) as f64 / f64::from(granted.requests_per_minute);
        let part = |used: u64, a_minute: Option<u64>| a_minute.map_or(0.0, |most| used as f64 / most as f64);
        let of_kind = |used, a_minute: Option<u64>| part(used, a_minute.filter(|_| has_kinds));
        let of_input = of_kind(counts.tokens - counts.output_tokens, granted.input_tokens_per_minute);
        let of_output = of_kind(counts.output_tokens, granted.output_tokens_per_minute);
        let of_tokens = part(counts.tokens, Some(granted.tokens_per_minute));
        let used = of_requests.max(of_tokens).max(of_input).max(of_output) / minutes;
        let shown = format!("{path}: {refused} refused, {used} used in {minutes} min, {counts:?}");
        assert!(minutes > 2.0 && refused <= 0.005 && used >= 0.95, "{shown}");
    }
}

#[test]
fn rate_auto_alone_uses_the_requests_that_are_granted_and_is_hardly_ever_refused() {
    let granted = LlmLimits { requests_per_minute: 600, tokens_per_minute: 900_000, ..LlmLimits::default() };
    assert_used(limits(100, None), granted, 50, 2400);
}

#[test]
fn rate_auto_alone_uses_the_tokens_that_are_granted_and_is_hardly_ever_refused() {
    let granted = LlmLimits { requests_per_minute: 5000, tokens_per_minute: 90_000, ..LlmLimits::default() };
    assert_used(limits(100, None), granted, 100, 2700);
}

#[test]
fn rate_auto_uses_what_is_granted_of_prompts_and_of_answers_by_themselves() {
    let granted = LlmLimits { requests_per_minute: 5000, tokens_per_minute: 90_000, ..LlmLimits::default() };
    let of_prompts = LlmLimits { input_tokens_per_minute: Some(50_000), ..granted };
    assert_used(limits(100, None), of_prompts, 100, 2700);
    let of_answers = LlmLimits { output_tokens_per_minute: Some(10_000), ..granted };
    assert_used(limits(100, None), of_answers, 100, 2700);
    let of_both = LlmLimits { output_tokens_per_minute: Some(10_000), ..of_prompts };
    assert_used(limits(100, None), of_both, 100, 2700);
}

#[test]
fn with_rate_auto_requests_state_what_they_cost_of_a_servers_limit_without_a_budget_of_it() {
    let granted = LlmLimits { requests_per_minute: 5000, tokens_per_minute: 90_000, ..LlmLimits::default() };
    let requests = || {
        let cost = |id| 2.0 * length(id, 2000) as f64;
        (0..180).map(|id| Request::get(id, url(1, 0, id)).cost("tokens", cost(id))).collect()
    };
    assert_used_by(limits(100, None), granted, 2000, requests);
}

#[test]
fn rate_auto_and_concurrency_auto_use_what_is_granted_together() {
    let limits = Limits { adaptive: Some(500), ..Limits::default() };
    let granted = LlmLimits { requests_per_minute: 600, tokens_per_minute: 900_000, ..LlmLimits::default() };
    assert_used(limits.clone(), granted, 50, 2400);
    let granted = LlmLimits { requests_per_minute: 5000, tokens_per_minute: 90_000, ..LlmLimits::default() };
    assert_used(limits, granted, 100, 2700);
}

#[test]
fn with_retries_what_is_refused_is_sent_again_and_the_pace_is_kept() {
    let granted = LlmLimits { requests_per_minute: 600, tokens_per_minute: 900_000, ..LlmLimits::default() };
    let api = Arc::new(Llm::new(granted));
    let inner = llm(api.clone(), "/v1/chat/completions", 50);
    // Others who use the same account have used it up in the second minute.
    let behaviour = move |arrival: &Arrival| {
        if now() > Duration::from_secs(60) && now() < Duration::from_secs(62) {
            (0..30).for_each(|_| drop(inner(arrival)));
        }
        inner(arrival)
    };
    let world = World::new(1).machine(1, 1, Arc::new(behaviour));
    let config = Config { retry: retrying(20), ..auto(limits(100, None)) };
    let story = world.run(config, gets(2400), |_, _| ());
    assert_eq!(story.receipt.ok, 2400, "{:?}", story.receipt);
    let minutes = took(&story);
    assert!(minutes < 2400.0 / 600.0 + 1.7, "{minutes} min, {:?}", story.receipt);
    assert!(story.receipt.attempts < 2500, "{:?}", story.receipt);
}

/// A window of a hundred requests in ten seconds, and what is refused says no more than that.
fn windowed(status: u16) -> Behaviour {
    let count = std::sync::Mutex::new((0, 0));
    Arc::new(move |_: &Arrival| {
        let (window, count) = &mut *count.lock().unwrap();
        let second = now().as_secs();
        if second / 10 != *window {
            (*window, *count) = (second / 10, 0);
        }
        let is_refused = *count >= 100;
        *count += u64::from(!is_refused);
        let (left, resets) = (100 - *count, BEGIN + (*window + 1) * 10);
        let date = httpdate::fmt_http_date(date());
        let headers = format!(
            "x-ratelimit-limit: 100\r\nx-ratelimit-remaining: {left}\r\nx-ratelimit-reset: {resets}\r\ndate: {date}\r\n"
        );
        Answer { status: if is_refused { status } else { 200 }, headers, ..ok(20) }
    })
}

#[test]
fn a_host_that_says_that_nothing_remains_is_left_alone_until_its_reset() {
    for seed in seeds() {
        for status in [429, 403] {
            let world = World::new(seed).machine(1, 1, windowed(status));
            let config = Config { retry: retrying(3), limits: limits(5, None), ..config() };
            let story = world.run(config, gets(450), |_, _| ());
            assert_eq!(story.receipt.ok, 450, "seed {seed}, {status}: {:?}", story.receipt);
            // At the end of a window a few are on their way.
            assert!(story.receipt.attempts <= 450 + 4 * 5, "seed {seed}: {:?}", story.receipt);
            assert!(took(&story) < 50.0 / 60.0, "seed {seed}: {}", took(&story));
        }
    }
}

#[test]
fn who_does_not_want_to_learn_limits_is_refused_as_before() {
    let world = World::new(1).machine(1, 1, windowed(403));
    let config = Config { learns_limits: false, limits: limits(5, None), ..config() };
    let story = world.run(config, gets(450), |_, _| ());
    let refused = story.ended.iter().filter(|(_, outcome)| outcome.result.as_ref().unwrap().status == 403);
    assert!(refused.count() > 300, "{:?}", story.receipt);
}

#[test]
fn a_server_that_says_whether_it_should_be_asked_again_is_obeyed() {
    let behaviour = |arrival: &Arrival| {
        let says = |text: &str| format!("x-should-retry: {text}\r\n");
        match (arrival.id % 4, arrival.times) {
            (0, 1) => Answer { status: 409, headers: says("true"), ..ok(20) },
            (1, 1) => Answer { status: 500, headers: says("false"), ..ok(20) },
            (2, 1) => Answer { status: 500, headers: says("perhaps"), ..ok(20) },
            _ => ok(20),
        }
    };
    let world = World::new(1).machine(1, 1, Arc::new(behaviour));
    let config = Config { retry: retrying(3), limits: limits(5, None), ..config() };
    let posts = (0..40).map(|id| Request::post(id, url(1, 0, id))).collect();
    let story = world.run(config, posts, |_, _| ());
    for (_, outcome) in &story.ended {
        let response = outcome.result.as_ref().unwrap();
        // A POST is not sent again on a mere 500.
        let expected = [(200, 2), (500, 1), (500, 1), (200, 1)][outcome.tag as usize % 4];
        assert_eq!((response.status.as_u16(), outcome.attempts), expected, "{}", outcome.tag);
    }
}
