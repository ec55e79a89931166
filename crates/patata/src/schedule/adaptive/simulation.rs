//! The controller against simulated servers, event by event, in a time that is made up.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::{Duration, Instant};

use proptest::prelude::*;

use crate::clock;
use crate::job::ticket::Sample;
use crate::schedule::adaptive::{Controller, Gate, Report, Verdict};

/// The time of an answer by which a server says no.
const REFUSAL: f64 = 0.005;

/// A server: what it does with a request that comes now.
#[derive(Debug, Clone)]
enum Server {
    /// Does so many at once, and rejects more.
    Rejecting { most: usize },
    /// The same, but it closes the connections of more.
    Closing { most: usize },
    /// Takes as many as come, and closes this share of the connections.
    Flaky { share: f64 },
    /// A token bucket. It may say when to come again.
    Bucket { rate: f64, burst: f64, tokens: f64, filled: f64, says_when: bool },
    /// So many workers and an endless queue.
    Workers { free_at: Vec<f64> },
    /// As many as come.
    Unlimited,
}

/// How long a server takes for a request.
#[derive(Debug, Clone, Copy)]
enum Time {
    Fixed(f64),
    /// A log-normal spread around this mean.
    Noisy(f64),
    /// Nine of ten are fast, and one is slow.
    Mixed(f64, f64),
}

/// What is simulated.
#[derive(Debug, Clone)]
struct Scene {
    server: Server,
    time: Time,
    seconds: f64,
    cap: usize,
    /// Requests a second that the input gives; infinite for more than can be sent.
    input: f64,
    /// In the middle third of the time the server has a third of its capacity.
    falls: bool,
    /// The server answers nothing for 0.3 s every 5 s.
    pauses: bool,
    /// Now and then the client does nothing for so many seconds.
    stalls: f64,
}

impl Scene {
    fn new(server: Server, time: Time) -> Self {
        Self {
            server,
            time,
            seconds: 60.0,
            cap: 1000,
            input: f64::INFINITY,
            falls: false,
            pauses: false,
            stalls: 0.0,
        }
    }
}

/// What came of it.
#[derive(Debug, Default, Clone, PartialEq)]
struct Findings {
    successes: f64,
    rejections: f64,
    /// The mean, in the second half of the time, when it has settled.
    latency: f64,
    late_successes: f64,
    /// Requests in flight when one was sent, likewise.
    late_in_flight: f64,
    most_limit: usize,
    /// When the limit first was the cap.
    capped_at: Option<f64>,
    sent_in_pauses: usize,
    /// A hash of all that happened.
    trace: u64,
}

impl Findings {
    fn rejected_share(&self) -> f64 {
        self.rejections / (self.successes + self.rejections)
    }

    fn note(&mut self, what: u64) {
        self.trace = (self.trace ^ what).wrapping_mul(0x0100_0000_01b3).rotate_left(5);
    }
}

/// An answer on its way.
#[derive(Debug)]
struct Answer {
    at: f64,
    number: u64,
    ticket: Sample,
    verdict: Verdict,
    latency: f64,
    retry_after: Option<f64>,
}

impl PartialEq for Answer {
    fn eq(&self, other: &Self) -> bool {
        self.number == other.number
    }
}

impl Eq for Answer {}

impl PartialOrd for Answer {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Answer {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.at.total_cmp(&other.at).then(self.number.cmp(&other.number))
    }
}

struct Simulation {
    scene: Scene,
    random: fastrand::Rng,
    controller: Controller,
    base: Instant,
    now: f64,
    answers: BinaryHeap<Reverse<Answer>>,
    /// Requests that the server is busy with, for one that rejects.
    in_service: BinaryHeap<Reverse<u64>>,
    in_flight: usize,
    sent: u64,
    late_sent: f64,
    paused_until: f64,
    stalled_until: f64,
    findings: Findings,
}

impl Simulation {
    fn run(scene: &Scene, seed: u64) -> Findings {
        let mut simulation = Self {
            controller: Controller::new(scene.cap),
            scene: scene.clone(),
            random: fastrand::Rng::with_seed(seed),
            base: clock::now(),
            now: 0.0,
            answers: BinaryHeap::new(),
            in_service: BinaryHeap::new(),
            in_flight: 0,
            sent: 0,
            late_sent: 0.0,
            paused_until: 0.0,
            stalled_until: 0.0,
            findings: Findings::default(),
        };
        // As the clock of a machine that has been on for a while, whatever the run.
        simulation.controller.gate(simulation.base, 0);
        while simulation.now < scene.seconds {
            let due = simulation.send_what_may_go();
            simulation.note_limit();
            simulation.go_on_to(due);
        }
        simulation.findings.late_in_flight /= simulation.late_sent;
        simulation.findings.latency /= simulation.findings.late_successes;
        simulation.findings
    }

    fn instant(&self) -> Instant {
        self.base + Duration::from_secs_f64(self.now)
    }

    /// Sends as long as the gate is open. Returns when to look again at the latest.
    fn send_what_may_go(&mut self) -> f64 {
        if self.now < self.stalled_until {
            return self.stalled_until;
        }
        loop {
            let next_input = self.sent as f64 / self.scene.input;
            if next_input > self.now {
                return next_input;
            }
            match self.controller.gate(self.instant(), self.in_flight) {
                Gate::Go => self.send(),
                Gate::Full => return f64::INFINITY,
                Gate::Until(until) => return (until - self.base).as_secs_f64(),
            }
        }
    }

    fn send(&mut self) {
        self.in_flight += 1;
        self.sent += 1;
        if self.now < self.paused_until {
            self.findings.sent_in_pauses += 1;
        }
        if self.now > self.scene.seconds / 2.0 {
            self.findings.late_in_flight += self.in_flight as f64;
            self.late_sent += 1.0;
        }
        let ticket = self.controller.sent(self.instant(), self.in_flight);
        let (takes, verdict, retry_after) = self.serve();
        // It is read when the client is not stalled, which it knows.
        let mut at = self.now + takes;
        if self.scene.stalls > 0.0 && self.random.f64() < 0.002 {
            self.stalled_until = self.now + self.scene.stalls;
        }
        if at < self.stalled_until {
            at = self.stalled_until;
        }
        self.findings.note(at.to_bits());
        let answer = Answer { at, number: self.sent, ticket, verdict, latency: takes, retry_after };
        self.answers.push(Reverse(answer));
    }

    /// How long the server takes, and what it says.
    fn serve(&mut self) -> (f64, Verdict, Option<f64>) {
        let now = self.now;
        let part = now / self.scene.seconds;
        let has_fallen = self.scene.falls && (1.0 / 3.0..2.0 / 3.0).contains(&part);
        let share = if has_fallen { 1.0 / 3.0 } else { 1.0 };
        let mut takes = self.draw_time();
        if self.scene.pauses && (now + takes) % 5.0 < 0.3 {
            takes += 0.3 - (now + takes) % 5.0;
        }
        let closes = matches!(self.scene.server, Server::Closing { .. });
        let refusal = if closes { Verdict::Closed } else { Verdict::Rejected };
        match &mut self.scene.server {
            Server::Unlimited => (takes, Verdict::Success, None),
            Server::Flaky { share } => {
                if self.random.f64() < *share {
                    return (REFUSAL, Verdict::Closed, None);
                }
                (takes, Verdict::Success, None)
            }
            Server::Rejecting { most } | Server::Closing { most } => {
                while self.in_service.peek().is_some_and(|done| f64::from_bits(done.0) <= now) {
                    self.in_service.pop();
                }
                if self.in_service.len() as f64 >= (*most as f64 * share).max(1.0) {
                    return (REFUSAL, refusal, None);
                }
                // The order of positive floats is that of their bits.
                self.in_service.push(Reverse((now + takes).to_bits()));
                (takes, Verdict::Success, None)
            }
            Server::Bucket { rate, burst, tokens, filled, says_when } => {
                *tokens = (*tokens + (now - *filled) * *rate * share).min(*burst);
                *filled = now;
                if *tokens < 1.0 {
                    let wait = says_when.then_some(1.0);
                    return (REFUSAL, Verdict::Rejected, wait);
                }
                *tokens -= 1.0;
                (takes, Verdict::Success, None)
            }
            Server::Workers { free_at } => {
                let workers = ((free_at.len() as f64 * share) as usize).max(1);
                let Some(worker) = free_at[..workers].iter_mut().min_by(|a, b| a.total_cmp(b)) else {
                    return (takes, Verdict::Success, None);
                };
                *worker = worker.max(now) + takes;
                (*worker - now, Verdict::Success, None)
            }
        }
    }

    fn draw_time(&mut self) -> f64 {
        match self.scene.time {
            Time::Fixed(seconds) => seconds,
            Time::Noisy(seconds) => {
                // The sum of twelve is as good as normal.
                let normal = (0..12).map(|_| self.random.f64()).sum::<f64>() - 6.0;
                seconds * (0.4 * normal - 0.08).exp()
            }
            Time::Mixed(fast, slow) => {
                if self.random.f64() < 0.9 {
                    fast
                } else {
                    slow
                }
            }
        }
    }

    /// The next answer, or the moment itself if it comes first.
    fn go_on_to(&mut self, due: f64) {
        let next = self.answers.peek().map_or(f64::INFINITY, |answer| answer.0.at);
        if next > due {
            self.now = due;
            return;
        }
        let Some(Reverse(answer)) = self.answers.pop() else {
            self.now = self.scene.seconds;
            return;
        };
        self.now = answer.at;
        self.in_flight -= 1;
        match answer.verdict {
            Verdict::Success => {
                self.findings.successes += 1.0;
                if self.now > self.scene.seconds / 2.0 {
                    self.findings.latency += answer.latency;
                    self.findings.late_successes += 1.0;
                }
            }
            _ => self.findings.rejections += 1.0,
        }
        if let Some(wait) = answer.retry_after {
            self.paused_until = self.paused_until.max(self.now + wait);
        }
        let report = Report {
            verdict: answer.verdict,
            latency: Duration::from_secs_f64(answer.latency),
            retry_after: answer.retry_after.map(Duration::from_secs_f64),
        };
        self.controller.done(self.instant(), self.in_flight, answer.ticket, report);
    }

    fn note_limit(&mut self) {
        let limit = self.controller.limit();
        self.findings.note(limit as u64);
        self.findings.most_limit = self.findings.most_limit.max(limit);
        if limit == self.scene.cap && self.findings.capped_at.is_none() {
            self.findings.capped_at = Some(self.now);
        }
    }
}

/// The means over several seeds.
fn mean(scene: &Scene) -> Findings {
    const SEEDS: u64 = 4;
    let mut sum = Findings::default();
    for seed in 1..=SEEDS {
        let found = Simulation::run(scene, seed);
        sum.successes += found.successes / SEEDS as f64;
        sum.rejections += found.rejections / SEEDS as f64;
        sum.latency += found.latency / SEEDS as f64;
        sum.late_in_flight += found.late_in_flight / SEEDS as f64;
        sum.sent_in_pauses += found.sent_in_pauses;
        sum.most_limit = sum.most_limit.max(found.most_limit);
        sum.capped_at = found.capped_at.map(|at| at.max(sum.capped_at.unwrap_or_default()));
    }
    sum
}

fn bucket(rate: f64, burst: f64, says_when: bool) -> Server {
    Server::Bucket { rate, burst, tokens: burst, filled: 0.0, says_when }
}

fn workers(count: usize) -> Server {
    Server::Workers { free_at: vec![0.0; count] }
}

/// At least this share of what is ideal, and fewer than 3 % rejected.
#[track_caller]
fn assert_good(found: &Findings, ideal: f64, share: f64) {
    let reached = found.successes / ideal;
    assert!(reached >= share, "{reached:.3} of the ideal, not {share}: {found:?}");
    assert!(found.rejected_share() < 0.03, "{:.4} are rejected: {found:?}", found.rejected_share());
}

#[test]
fn a_server_that_rejects_above_a_number_gets_about_that_many() {
    for most in [2, 8, 50, 300] {
        for time in [Time::Fixed(0.1), Time::Noisy(0.1)] {
            let seconds = f64::max(300.0 / most as f64, 60.0);
            let scene = Scene { seconds, ..Scene::new(Server::Rejecting { most }, time) };
            let found = mean(&scene);
            assert_good(&found, most as f64 * 10.0 * scene.seconds, 0.93);
            let limit = found.late_in_flight / most as f64;
            assert!((0.8..=1.2).contains(&limit), "{most}: {limit}");
        }
    }
}

#[test]
fn a_server_that_closes_what_is_above_a_number_gets_about_that_many() {
    for most in [2, 8, 50, 300] {
        let seconds = f64::max(300.0 / most as f64, 60.0);
        let scene = Scene { seconds, ..Scene::new(Server::Closing { most }, Time::Noisy(0.1)) };
        let found = mean(&scene);
        assert_good(&found, most as f64 * 10.0 * scene.seconds, 0.9);
        let limit = found.late_in_flight / most as f64;
        assert!((0.8..=1.2).contains(&limit), "{most}: {limit}");
    }
}

#[test]
fn a_server_that_closes_a_share_of_all_connections_however_many_is_not_taken_for_a_loaded_one() {
    for share in [0.05, 0.2, 0.4, 0.8] {
        for cap in [2, 10, 1000] {
            // Time enough for what a trial costs.
            let seconds = if cap > 100 { 10.0 } else { 60.0 };
            let scene = Scene { cap, seconds, ..Scene::new(Server::Flaky { share }, Time::Noisy(0.1)) };
            let found = mean(&scene);
            let latency = (1.0 - share) * 0.1 + share * REFUSAL;
            let ideal = cap as f64 / latency * (1.0 - share) * scene.seconds;
            let reached = found.successes / ideal;
            assert!(reached >= 0.9, "{share} of {cap}: {reached:.3} {found:?}");
        }
    }
}

#[test]
fn a_server_that_limits_the_rate_is_paced() {
    for (rate, burst) in [(10.0, 10.0), (100.0, 10.0), (100.0, 250.0), (1000.0, 100.0), (1000.0, 2500.0)] {
        // Long enough that what the search costs is a small part.
        let seconds = f64::max(3000.0 / rate, 60.0);
        let scene = Scene { seconds, ..Scene::new(bucket(rate, burst, false), Time::Noisy(0.1)) };
        let found = mean(&scene);
        assert_good(&found, rate * scene.seconds, 0.95);
    }
}

#[test]
fn a_server_that_says_when_to_come_again_is_obeyed() {
    for (rate, burst, share) in [(10.0, 10.0, 0.95), (100.0, 100.0, 0.95), (100.0, 10.0, 0.8)] {
        let scene = Scene::new(bucket(rate, burst, true), Time::Noisy(0.1));
        let found = mean(&scene);
        assert_good(&found, rate * scene.seconds, share);
        assert_eq!(found.sent_in_pauses, 0);
    }
}

#[test]
fn a_server_with_a_queue_is_kept_busy_and_its_queue_short() {
    for count in [4, 32, 200] {
        let scene = Scene::new(workers(count), Time::Noisy(0.1));
        let found = mean(&scene);
        assert_good(&found, count as f64 * 10.0 * scene.seconds, 0.95);
        assert!(found.latency <= 1.4 * 0.1, "{count}: {}", found.latency);
    }
}

#[test]
fn a_server_without_a_limit_gets_all_there_is_soon() {
    let scenes = [
        (Time::Fixed(0.1), false, 0.1),
        (Time::Noisy(0.1), false, 0.1),
        (Time::Noisy(0.1), true, 0.1),
        (Time::Mixed(0.01, 0.5), false, 0.059),
    ];
    for (time, pauses, latency) in scenes {
        let scene = Scene { pauses, seconds: 20.0, ..Scene::new(Server::Unlimited, time) };
        let found = mean(&scene);
        let ideal = scene.cap as f64 / latency * scene.seconds;
        // Pauses cost everybody their share; the first doublings cost half a second.
        let share = if pauses { 0.95 * 0.94 } else { 0.95 };
        assert_good(&found, ideal, share);
        if let Time::Fixed(latency) = time {
            assert!(found.capped_at.unwrap() <= 8.0 * latency + 1e-6, "{:?}", found.capped_at);
        }
    }
}

#[test]
fn a_server_that_loses_two_thirds_and_gets_them_back_is_followed() {
    // A third of the time there is a third.
    let available = 2.0 / 3.0 + 1.0 / 9.0;
    for (server, ideal, share) in [
        (workers(32), 320.0, 0.95),
        (Server::Rejecting { most: 50 }, 500.0, 0.85),
        // A rejection is paid for by requests, so a slower server is found to have recovered later.
        (bucket(600.0, 60.0, false), 600.0, 0.85),
    ] {
        let scene = Scene { falls: true, ..Scene::new(server, Time::Noisy(0.1)) };
        let found = mean(&scene);
        assert_good(&found, ideal * scene.seconds * available, share);
    }
}

#[test]
fn a_client_that_stalls_does_not_take_itself_for_a_slow_server() {
    let scene = Scene { stalls: 0.05, ..Scene::new(workers(32), Time::Noisy(0.1)) };
    let found = mean(&scene);
    assert_good(&found, 320.0 * scene.seconds, 0.85);
}

#[test]
fn a_limit_that_is_not_used_does_not_grow() {
    let scene = Scene { input: 50.0, ..Scene::new(Server::Unlimited, Time::Noisy(0.1)) };
    let found = mean(&scene);
    assert!(found.most_limit <= 20, "{found:?}");
    assert_good(&found, 50.0 * scene.seconds, 0.99);
}

#[test]
fn the_same_seed_gives_the_same_trace() {
    let scene = Scene { seconds: 20.0, ..Scene::new(Server::Rejecting { most: 50 }, Time::Noisy(0.1)) };
    assert_eq!(Simulation::run(&scene, 7), Simulation::run(&scene, 7));
    assert_ne!(Simulation::run(&scene, 7).trace, Simulation::run(&scene, 8).trace);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn whatever_happens_the_limit_stays_within_its_bounds(
        cap in 1..50_usize,
        steps in prop::collection::vec((0..400_u64, 0..8_u8, 0..3000_u64, 0..20_usize), 1..400),
    ) {
        let mut controller = Controller::new(cap);
        let mut now = clock::now();
        let mut tickets: Vec<Sample> = Vec::new();
        let mut in_flight = 0;
        for (milliseconds, what, latency, which) in steps {
            now += Duration::from_millis(milliseconds);
            if let Gate::Until(until) = controller.gate(now, in_flight) {
                prop_assert!(until > now);
            }
            // Whether the gate is open or not: the controller must bear it.
            in_flight += 1;
            tickets.push(controller.sent(now, in_flight));
            if what > 0 {
                // Tickets come back in any order, and now and then twice.
                let ticket = tickets[which % tickets.len()];
                in_flight = in_flight.saturating_sub(1);
                let verdicts = [Verdict::Success, Verdict::Rejected, Verdict::Neutral, Verdict::Closed];
                let verdict = verdicts[usize::from(what % 4)];
                let retry_after = (what == 4).then(|| Duration::from_millis(latency * 1000));
                let latency = Duration::from_millis(latency);
                controller.done(now, in_flight, ticket, Report { verdict, latency, retry_after });
            }
            prop_assert!(controller.limit.is_finite() && controller.mean.is_finite());
            prop_assert!(!controller.baseline.is_nan() && !controller.good.is_nan());
            prop_assert!((1..=cap).contains(&controller.limit()));
            prop_assert!((-600.0..=1000.0).contains(&controller.probe.debt()));
        }
    }
}
