//! The pacer against simulated servers, event by event, in a time that is made up; alone, and together with the controller
//! of the concurrency.

use std::collections::BinaryHeap;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use http::StatusCode;
use patata_testserver::{Llm, LlmLimits};
use proptest::prelude::*;

use crate::clock;
use crate::cost::Costs;
use crate::job::ticket::Sample;
use crate::response::headers::Headers;
use crate::schedule::adaptive::{Controller, Gate, Report, Verdict};
use crate::schedule::pacer::{FIRST, Heard, Pacer};
use crate::schedule::retry_after::retry_after;
use crate::schedule::timed::Timed;
use crate::schedule::told::{told, wait};

/// What a server answers at once; its headers say what it has counted by then.
struct Answer {
    status: u16,
    headers: Vec<(String, String)>,
}

/// Takes the time that has passed and the number of the request.
type Server<'s> = Box<dyn FnMut(Duration, u64) -> Answer + 's>;

/// What is simulated.
struct Scene<'s> {
    server: Server<'s>,
    /// Whether what remains is told as of the end of an answer, and not as of its beginning.
    tells_late: bool,
    /// In seconds; spread by half.
    latency: f64,
    concurrency: usize,
    seconds: f64,
    controller: Option<Controller>,
    /// The tokens that a request states, by its number.
    states: Option<Tokens>,
}

#[derive(Debug, Default)]
struct Findings {
    accepted: u64,
    refused: u64,
    /// When each was.
    refusals: Vec<f64>,
    most_in_flight: usize,
    /// In the last quarter.
    late: u64,
}

impl Findings {
    fn refused_share(&self) -> f64 {
        self.refused as f64 / (self.accepted + self.refused) as f64
    }
}

/// An answer on its way.
struct Coming {
    who: usize,
    number: u32,
    sent: Instant,
    sample: Option<Sample>,
    answer: Answer,
}

/// One client of a server.
#[derive(Default)]
struct Client {
    pacer: Pacer,
    in_flight: usize,
    held: Option<Instant>,
}

impl Client {
    fn gate(&mut self, now: Instant, scene: &mut Scene<'_>) -> Gate {
        if let Some(until) = self.held.filter(|until| *until > now) {
            return Gate::Until(until);
        }
        if self.in_flight >= scene.concurrency {
            return Gate::Full;
        }
        match (self.pacer.gate(now, self.in_flight), &mut scene.controller) {
            (Gate::Go, Some(controller)) => controller.gate(now, self.in_flight),
            (gate, _) => gate,
        }
    }

    fn settle(
        &mut self,
        passed: Duration,
        now: Instant,
        coming: Coming,
        scene: &mut Scene<'_>,
        findings: &mut Findings,
    ) {
        let Coming { number, sent, sample, mut answer, .. } = coming;
        self.in_flight -= 1;
        if scene.tells_late && answer.status == 200 {
            // As if a request came now that costs nothing.
            answer.headers = (scene.server)(passed, 0).headers;
        }
        let lines = answer.headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes()));
        let headers = Headers::from_pairs(lines);
        let limits = told(&headers, || date(passed));
        let is_refused = answer.status == 429;
        let said = is_refused.then(|| retry_after(&headers, || date(passed))).flatten();
        let hold = said.max(wait(&limits, StatusCode::from_u16(answer.status).unwrap()));
        self.held = self.held.max(hold.map(|hold| now + hold));
        let is_explained = self.pacer.hear(now, &Heard { number, sent, limits, is_refused });
        let verdict = match answer.status {
            429 if !is_explained => Verdict::Rejected,
            429 => Verdict::Neutral,
            _ => Verdict::Success,
        };
        if let (Some(controller), Some(sample)) = (&mut scene.controller, sample) {
            let report = Report { verdict, latency: now - sent, retry_after: said };
            controller.done(now, self.in_flight, sample, report);
        }
        if is_refused {
            findings.refused += 1;
            findings.refusals.push(passed.as_secs_f64());
        } else {
            findings.accepted += 1;
            findings.late += u64::from(passed.as_secs_f64() > scene.seconds * 0.75);
        }
    }
}

impl Scene<'_> {
    fn run(self, seed: u64) -> Findings {
        self.run_shared(seed, 1)
    }

    /// So many clients that know nothing of one another.
    fn run_shared(mut self, seed: u64, clients: usize) -> Findings {
        let begin = clock::now();
        let end = begin + Duration::from_secs_f64(self.seconds);
        let mut random = fastrand::Rng::with_seed(seed);
        let mut clients: Vec<_> = (0..clients).map(|_| Client::default()).collect();
        let mut coming: BinaryHeap<Timed<Coming>> = BinaryHeap::new();
        let (mut now, mut findings, mut sequence) = (begin, Findings::default(), 0);
        while now < end {
            findings.most_in_flight = findings.most_in_flight.max(coming.len());
            let gates: Vec<_> = clients.iter_mut().map(|client| client.gate(now, &mut self)).collect();
            if let Some(who) = gates.iter().position(|gate| *gate == Gate::Go) {
                let client = &mut clients[who];
                client.in_flight += 1;
                sequence += 1;
                let stated = self.states.map(|states| Costs::new([("tokens", states(sequence))]).unwrap());
                let number = client.pacer.sent(now, stated.as_ref());
                let in_flight = client.in_flight;
                let sample = self.controller.as_mut().map(|controller| controller.sent(now, in_flight));
                let answer = (self.server)(now - begin, sequence);
                let latency = Duration::from_secs_f64(self.latency * (0.5 + random.f64()));
                let what = Coming { who, number, sent: now, sample, answer };
                coming.push(Timed { due: now + latency, sequence, what });
                continue;
            }
            let due = gates.into_iter().filter_map(|gate| match gate {
                Gate::Until(due) => Some(due),
                Gate::Go | Gate::Full => None,
            });
            let next = coming.peek().map(|one| one.due);
            if let Some(due) = due.min().filter(|due| next.is_none_or(|next| next > *due)) {
                // Timers are a millisecond late.
                now = due.max(now + Duration::from_millis(1));
                continue;
            }
            let Some(Timed { due, what, .. }) = coming.pop() else { break };
            now = now.max(due);
            clients[what.who].settle(now - begin, now, what, &mut self, &mut findings);
        }
        findings
    }
}

/// When a simulation begins, in seconds since the epoch.
const BEGIN: u64 = 1_767_323_045;
fn date(passed: Duration) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(BEGIN) + passed
}

const PATHS: [&str; 2] = ["/v1/chat/completions", "/v1/messages"];

/// A prompt whose tokens, with those of its answer, are so many.
fn prompt(tokens: u64) -> Vec<u8> {
    let words = "w ".repeat(tokens.saturating_sub(1) as usize);
    format!(r#"{{"messages": [{{"role": "user", "content": "{words}"}}], "max_tokens": 1}}"#).into_bytes()
}

/// A language model's API. Requests cost between nothing and twice the mean.
fn llm<'a>(api: &'a Llm, path: &'static str, mean_tokens: u64) -> Server<'a> {
    let mut random = fastrand::Rng::with_seed(1);
    Box::new(move |passed, number| {
        // What is no prompt costs nothing.
        let body = if number == 0 { Vec::new() } else { prompt(random.u64(1..=2 * mean_tokens)) };
        let answer = api.answer(path, &body, passed, date(passed)).unwrap();
        let mut headers = answer.headers;
        headers.push(("date".to_owned(), httpdate::fmt_http_date(date(passed))));
        Answer { status: answer.status, headers }
    })
}

/// A window of so many requests in so many seconds, the first of which is half over. One that is `lazy` begins with its
/// first request.
fn window(limit: u64, seconds: u64, says: fn(u64, u64) -> String, lazy: bool) -> Server<'static> {
    let (mut ends, mut count) = (seconds / 2, 0);
    Box::new(move |passed, number| {
        let second = passed.as_secs();
        if second >= ends {
            ends = if lazy { second + seconds } else { ends + (second - ends) / seconds * seconds + seconds };
            count = 0;
        }
        let is_refused = count >= limit;
        count += u64::from(!is_refused && number > 0);
        let line = |name: &str, value: String| (name.to_owned(), value);
        let headers = vec![
            line("x-ratelimit-limit", limit.to_string()),
            line("x-ratelimit-remaining", (limit - count).to_string()),
            line("x-ratelimit-reset", says(ends, second)),
        ];
        Answer { status: if is_refused { 429 } else { 200 }, headers }
    })
}

fn scene(server: Server<'_>, latency: f64, seconds: f64) -> Scene<'_> {
    Scene { server, tells_late: false, latency, concurrency: 200, seconds, controller: None, states: None }
}

/// At most 0.5 % refused, and at least 95 % used of what came back.
#[track_caller]
fn assert_good(shown: &str, findings: &Findings, used: f64) {
    let refused = findings.refused_share();
    assert!(refused <= 0.005, "{shown}: {refused} of {findings:?}");
    assert!(used >= 0.95, "{shown}: {used} used, {findings:?}");
}

#[test]
fn the_limits_of_language_models_are_used_and_hardly_ever_met() {
    for (path, tells_late) in [(PATHS[0], false), (PATHS[1], false), (PATHS[0], true), (PATHS[1], true)] {
        for latency in [0.05, 1.0, 8.0] {
            // Now requests are what is short, now tokens.
            for mean_tokens in [20, 400, 2000] {
                let api = Llm::new(LlmLimits::default());
                let scene = Scene { tells_late, ..scene(llm(&api, path, mean_tokens), latency, 300.0) };
                let findings = scene.run(mean_tokens);
                let shown = format!("{path}, {latency} s, {mean_tokens} tokens, late {tells_late}");
                let of_requests = findings.accepted as f64 / (500.0 * 5.0);
                let of_tokens = api.counts().tokens as f64 / (90_000.0 * 5.0);
                assert_good(&shown, &findings, of_requests.max(of_tokens));
            }
        }
    }
}

/// The tokens of a request, by its number.
type Tokens = fn(u64) -> f64;

/// From 10 to 8,000 tokens, most of them few.
fn uneven(number: u64) -> f64 {
    let share = fastrand::Rng::with_seed(number).f64();
    (10.0 * 800_f64.powf(share)).round()
}

/// Many small ones after each other, and then large ones, as in an input that is sorted: no mean is right for either.
fn sorted(number: u64) -> f64 {
    if number % 240 < 200 { 20.0 } else { 6000.0 }
}

/// What is estimated is 30 % off, to one side more often than to the other.
fn off(number: u64) -> f64 {
    0.7 + 0.5 * fastrand::Rng::with_seed(!number).f64()
}

/// A model's API, to which a request is a prompt of so many tokens by its number.
fn llm_of<'a>(api: &'a Llm, path: &'static str, tokens: Tokens) -> Server<'a> {
    Box::new(move |passed, number| {
        let body = if number == 0 { Vec::new() } else { prompt(tokens(number) as u64) };
        let answer = api.answer(path, &body, passed, date(passed)).unwrap();
        let mut headers = answer.headers;
        headers.push(("date".to_owned(), httpdate::fmt_http_date(date(passed))));
        Answer { status: answer.status, headers }
    })
}

#[test]
fn stated_costs_that_are_very_uneven_are_paced_by_what_each_is() {
    let all: [(Tokens, Tokens); 6] = [
        (uneven, uneven),
        (uneven, |number| uneven(number) * off(number)),
        (sorted, sorted),
        (sorted, |number| sorted(number) * off(number)),
        // The most that an answer may use, of which most use little.
        (uneven, |number| uneven(number) * 4.0),
        (sorted, |number| sorted(number) * 4.0),
    ];
    for path in PATHS {
        for (place, (tokens, states)) in all.into_iter().enumerate() {
            for (latency, tells_late) in [(0.05, false), (1.0, false), (8.0, false), (1.0, true)] {
                let api = Llm::new(LlmLimits::default());
                let states = Some(states);
                let scene = Scene { tells_late, states, ..scene(llm_of(&api, path, tokens), latency, 600.0) };
                let findings = scene.run(1);
                let of_tokens = api.counts().tokens as f64 / (90_000.0 * 10.0);
                let shown = format!("{place}, {path}, {latency} s, late {tells_late}");
                assert_good(&shown, &findings, of_tokens);
            }
        }
    }
    // That is what it is good for: a mean is wrong whenever large ones come.
    let api = Llm::new(LlmLimits::default());
    let findings = scene(llm_of(&api, PATHS[0], sorted), 8.0, 600.0).run(1);
    assert!(findings.refused_share() > 0.05, "{findings:?}");
}

#[test]
fn clients_that_know_nothing_of_one_another_come_to_share_what_there_is() {
    for path in PATHS {
        for mean_tokens in [20, 400] {
            let api = Llm::new(LlmLimits::default());
            let findings = scene(llm(&api, path, mean_tokens), 1.0, 600.0).run_shared(1, 8);
            let of_requests = findings.accepted as f64 / (500.0 * 10.0);
            let of_tokens = api.counts().tokens as f64 / (90_000.0 * 10.0);
            let used = of_requests.max(of_tokens);
            let shown = format!("{path}, {mean_tokens} tokens: {used} used, {findings:?}");
            assert!(findings.refused_share() < 0.03 && used > 0.95, "{shown}");
        }
    }
}

#[test]
fn windows_are_used_up_to_their_end() {
    let delay: fn(u64, u64) -> String = |ends, second| (ends - second).to_string();
    let moment: fn(u64, u64) -> String = |ends, _| (BEGIN + ends).to_string();
    for lazy in [false, true] {
        for (says, latency) in [(delay, 0.05), (delay, 1.0), (moment, 0.2)] {
            for (limit, seconds) in [(100, 10), (600, 60), (5000, 60), (5000, 600)] {
                let run = seconds as f64 * 5.0;
                let findings = scene(window(limit, seconds, says, lazy), latency, run).run(1);
                // The first was half over.
                let windows = 5.5;
                let used = findings.accepted as f64 / (limit as f64 * windows);
                let shown = format!("{limit} in {seconds} s, {latency} s, lazy {lazy}");
                // A window begins late at a server whose windows begin with a request, and short ones suffer by the
                // answers that are on their way at the end.
                let part = if lazy { 0.93 } else { 0.95 } - if seconds == 10 { 0.05 } else { 0.0 };
                assert_good(&shown, &findings, used + 0.95 - part);
            }
        }
    }
}

#[test]
fn before_the_first_answer_a_few_are_sent_and_whoever_tells_nothing_is_not_paced() {
    let server = || -> Server<'static> { Box::new(|_, _| Answer { status: 200, headers: Vec::new() }) };
    let first = scene(server(), 10.0, 4.9).run(1);
    assert_eq!(first.most_in_flight, FIRST);
    let findings = scene(server(), 0.1, 10.0).run(1);
    assert_eq!(findings.most_in_flight, 200);
    assert!(findings.accepted > 15_000, "{findings:?}");
}

#[test]
fn no_more_are_in_flight_than_a_server_says_that_it_takes_at_once() {
    let told = |said: &'static str| -> Server<'static> {
        let policy = r#""hour";q=100000;w=3600, "now";q=7;qu="concurrent-requests""#;
        let headers = [("ratelimit-policy", policy), ("ratelimit", said)];
        let headers = headers.map(|(name, value)| (name.to_owned(), value.to_owned()));
        Box::new(move |_, _| Answer { status: 200, headers: headers.to_vec() })
    };
    for (said, most) in [
        (r#""now";r=3, "hour";r=99999;t=3600"#, 7),
        (r#""now";r=0"#, 7),
        // Which limit that would be of, nobody has said.
        (r#""then";r=3"#, 200),
    ] {
        let findings = scene(told(said), 0.5, 60.0).run(1);
        assert_eq!(findings.most_in_flight, most, "{said}");
        assert!(findings.accepted > 700, "{said}: {findings:?}");
    }
}

#[test]
fn the_pace_and_the_controller_of_the_concurrency_do_not_get_in_each_others_way() {
    // Of the server: eight at once are as fast as one, and more queue.
    for path in PATHS {
        let api = Llm::new(LlmLimits {
            requests_per_minute: 1200,
            tokens_per_minute: 90_000,
            ..LlmLimits::default()
        });
        let controller = Some(Controller::new(100));
        let scene = Scene { controller, ..scene(llm(&api, path, 20), 0.5, 300.0) };
        let findings = scene.run(1);
        assert_good(path, &findings, findings.accepted as f64 / (1200.0 * 5.0));
    }
    // One that tells nothing for a while, and then too much: what the controller has cut comes back.
    let api =
        Llm::new(LlmLimits { requests_per_minute: 1200, tokens_per_minute: 900_000, ..LlmLimits::default() });
    let mut model = llm(&api, PATHS[0], 20);
    let server: Server<'_> = Box::new(move |passed, number| {
        let mut answer = model(passed, number);
        if passed < Duration::from_secs(60) {
            answer.headers.clear();
        }
        answer
    });
    let scene = Scene { controller: Some(Controller::new(100)), ..scene(server, 0.2, 600.0) };
    let findings = scene.run(1);
    let late_refusals = findings.refusals.iter().filter(|at| **at > 300.0).count();
    assert!(late_refusals <= 15, "{findings:?}");
    assert!(findings.late as f64 >= 0.95 * 1200.0 * 2.5, "{findings:?}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(8))]

    /// Whatever the limits, latency and costs.
    #[test]
    fn a_bucket_of_any_size_is_used_and_hardly_ever_met(
        requests in 60..6000_u32,
        mean_tokens in 5..500_u64,
        tokens in 40_000..1_000_000_u64,
        latency in 0.02..4.0_f64,
        seed: u64,
    ) {
        let limits = LlmLimits { requests_per_minute: requests, tokens_per_minute: tokens, ..LlmLimits::default() };
        for path in PATHS {
            let api = Llm::new(limits);
            let scene = Scene { concurrency: 1000, ..scene(llm(&api, path, mean_tokens), latency, 240.0) };
            let findings = scene.run(seed);
            let of_requests = findings.accepted as f64 / (f64::from(requests) * 4.0);
            let of_tokens = api.counts().tokens as f64 / (tokens as f64 * 4.0);
            assert_good(path, &findings, of_requests.max(of_tokens));
        }
    }

    /// Whatever a server says, something is sent within the longest wait.
    #[test]
    fn whatever_is_told_something_may_be_sent_in_a_while(
        events in prop::collection::vec(
            (0..4_u8, 0..100_000_u64, any::<f64>(), any::<f64>(), any::<u32>(), any::<bool>()), 1..60,
        ),
    ) {
        let mut pacer = Pacer::default();
        let mut now = clock::now();
        for (kind, passed, limit, remaining, reset, is_refused) in events {
            now += Duration::from_millis(passed);
            let number = pacer.sent(now, None);
            let name = ["x-ratelimit-", "ratelimit-"][usize::from(kind) % 2];
            let unit = ["", "-tokens"][usize::from(kind) / 2];
            let lines = [
                (format!("{name}limit{unit}"), limit.to_string()),
                (format!("{name}remaining{unit}"), remaining.to_string()),
                (format!("{name}reset{unit}"), (reset % 100_000).to_string()),
            ];
            let headers = Headers::from_pairs(lines.iter().map(|(name, value)| (name.as_str(), value.as_bytes())));
            let limits = told(&headers, || date(Duration::ZERO));
            pacer.hear(now, &Heard { number, sent: now, limits, is_refused });
            if let Gate::Until(due) = pacer.gate(now, 0) {
                prop_assert!(due > now && due <= now + Duration::from_secs(301), "{:?}", due - now);
                prop_assert!(pacer.binding(now).is_some());
            }
        }
    }
}
