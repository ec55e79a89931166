//! A run under way: requests are read, sent, and their outcomes written down, until there are no more or somebody ends it.

pub(crate) mod cached;
pub(crate) mod canary;
pub(crate) mod changed;
pub(crate) mod count;
pub(crate) mod feed;
pub(crate) mod joining;
mod names;
mod orders;
pub(crate) mod sink;
mod speed;
pub(crate) mod stdout;

use std::path::PathBuf;
use std::sync::Arc;

use patata::{ConfigError, Control, Method, Outcome, PushedRun, Receipt, Step, Stop};
use patata_run::{Costs, Ending, Gate, Id, LimitsNow, Summary, Ticket};
use serde_json::json;

use self::cached::Cached;
use self::canary::Judged;
use self::count::Total;
use self::feed::{Feed, Next, Origin, Rest, Rows};
use self::joining::{Joining, Noted};
use self::orders::Orders;
use self::sink::Sink;
use self::speed::Speed;
use self::stdout::Reader;
use crate::commands::control::change;
use crate::display::{self, Display, Due};
use crate::exit::{Exit, Failure};
use crate::log::{self, Level};
use crate::paging::{Chain, Led, Told};
use crate::reporting::Reporting;
use crate::resolve::Plan;
use crate::signals::{LOOK, Signals};

/// Outcomes between two looks at the clock.
const BATCH: u32 = 64;

/// What a request has with it until its outcome comes.
#[derive(Debug)]
pub(crate) struct Tag {
    pub(crate) known_as: KnownAs,
    /// What is wanted to ask for the pages after it.
    pub(crate) chain: Option<Box<Chain>>,
}

/// By what a request is known.
#[derive(Debug, Clone)]
pub(crate) enum KnownAs {
    /// Of a run without a folder.
    Row {
        id: Id,
        index: u64,
        method: Method,
    },
    Ticket(Arc<Ticket>),
}

/// How a run, or a part of it, has ended.
#[derive(Debug)]
pub(crate) enum Ended {
    /// With its input.
    Over,
    /// By itself.
    Stopped(Stop),
    /// As the canary showed.
    Refused(String),
    Signal(Exit),
    /// Nobody reads what is written.
    ReaderLeft,
    /// Its input ended before its end.
    Failed(Failure),
}

impl Ended {
    /// Why it ended before its input did.
    pub(crate) fn reason(&self) -> Option<String> {
        match self {
            Self::Over | Self::ReaderLeft => None,
            Self::Stopped(stop) => Some(stop.to_string()),
            Self::Refused(why) => Some(why.clone()),
            Self::Signal(Exit::Terminated) => Some("terminated (SIGTERM)".to_owned()),
            Self::Signal(_) => Some("interrupted (Ctrl-C)".to_owned()),
            Self::Failed(failure) => Some(failure.message.clone()),
        }
    }
}

/// What is to be run.
pub(crate) struct Flow {
    pub(crate) sink: Sink,
    /// Where it can be told things.
    pub(crate) folder: Option<PathBuf>,
    pub(crate) gate: Option<Gate>,
    /// Where responses are pages.
    pub(crate) joining: Option<Joining>,
    pub(crate) display: Display,
    pub(crate) signals: Signals,
    pub(crate) total: Total,
    pub(crate) limits: LimitsNow,
    /// As the plan has them.
    pub(crate) limits_of_plan: LimitsNow,
    /// Whether it was told that answers do not say what they have cost, where they were to.
    pub(crate) has_told_misses: bool,
    /// Who else is told of it.
    pub(crate) reporting: Reporting,
}

/// What a run has come to.
pub(crate) struct Outflow {
    pub(crate) ended: Ended,
    /// What is to be told a folder.
    pub(crate) ending: Ending,
    pub(crate) sink: Sink,
    pub(crate) display: Display,
    pub(crate) submitted: u64,
    pub(crate) cached: Cached,
    pub(crate) limits: LimitsNow,
}

impl Flow {
    /// Runs all of a plan.
    ///
    /// # Errors
    /// What makes it impossible to write outcomes down.
    pub(crate) fn run(mut self, plan: &Plan, canary: Option<usize>) -> Result<Outflow, Failure> {
        let mut parts = Parts::default();
        let ended = match canary {
            None => self.part(plan, Rows::All, &mut parts),
            Some(count) => self.canary_and_rest(plan, count, &mut parts),
        };
        // Whatever it has ended by, what there is to tell is told.
        self.reporting.end(&parts.receipt, matches!(ended, Ok(Ended::Signal(_))));
        let ended = ended?;
        for miss in plan.settling.misses() {
            self.display.message(&miss);
        }
        let mut ending = parts.ending;
        ending.stopped = ended.reason().map(|why| plan.redaction.apply(&why));
        let is_complete = parts.is_complete && ending.cancelled == 0;
        let read_to_its_end = is_complete.then(|| parts.submitted + self.sink.passed());
        ending.total = read_to_its_end.or_else(|| self.total.get());
        Ok(Outflow {
            ended,
            ending,
            sink: self.sink,
            display: self.display,
            submitted: parts.submitted,
            cached: parts.cached,
            limits: self.limits,
        })
    }

    fn canary_and_rest(&mut self, plan: &Plan, count: usize, parts: &mut Parts) -> Result<Ended, Failure> {
        let canary = Arc::new(canary::chosen(plan, count)?);
        let size = canary.len() as u64;
        let before = self.sink.statistics().summary();
        let ended = self.part(plan, Rows::Only(canary.clone()), parts)?;
        if !matches!(ended, Ended::Over) {
            return Ok(ended);
        }
        let after = self.sink.statistics().summary();
        let (failed, done) = match after.done() - before.done() {
            // An earlier process has sent it: if nothing else, it is judged anew.
            0 if before.done() <= size => (before.failed, before.done()),
            sent => (after.failed - before.failed, sent),
        };
        match canary::judged(failed, done, plan.max_failures) {
            Judged::Good => self.part(plan, Rows::Except(canary), parts),
            Judged::Bad(why) => {
                parts.is_complete = false;
                Ok(Ended::Refused(why))
            }
        }
    }

    /// Sends these rows.
    fn part(&mut self, plan: &Plan, rows: Rows, parts: &mut Parts) -> Result<Ended, Failure> {
        let mut run: PushedRun<Tag> = plan.client.run_pushed();
        let control = run.control();
        if let Sink::Folder(recorder) = &self.sink {
            let control = control.clone();
            recorder.listen(move || control.wake());
        }
        let mut gate = self.gate.take();
        if let Some(gate) = &mut gate {
            gate.rewind();
        }
        let (sources, options, template) = (plan.sources.clone(), plan.input.clone(), plan.template.clone());
        let paging = plan.paging.clone();
        let origin = Origin { sources, options, template, rows, gate, paging };
        let mut feed = Feed::start(origin, control.clone())?;
        self.hold_limits(&control)?;
        let orders = Orders::listen(self.folder.as_deref(), &control, &self.limits);
        let under_way = UnderWay { plan, control: &control, orders: &orders, spent: &parts.costs };
        let ended = self.send(&under_way, &mut run, &mut feed);
        run.end();
        let Rest { blocks, gate, is_complete, failure } = feed.close();
        self.gate = gate;
        self.sink.note_input(&blocks)?;
        parts.add(&run, is_complete);
        self.sink.set_costs(parts.costs.clone());
        let ended = ended?;
        let is_left = self.sink.rest(true)? == Reader::HasLeft;
        Ok(match (ended, failure) {
            (Ended::Over, Some(failure)) => Ended::Failed(failure),
            (Ended::Over, None) if is_left => Ended::ReaderLeft,
            (ended, _) => ended,
        })
    }

    /// Has the limits hold that somebody set while an earlier part was under way.
    fn hold_limits(&self, control: &Control) -> Result<(), Failure> {
        let refused = |error: ConfigError| Failure::usage(error.to_string());
        if self.limits == self.limits_of_plan {
            return Ok(());
        }
        control.set_rates(&self.limits.rate).map_err(refused)?;
        let budgets = self.limits.budget.iter().filter_map(|budget| budget.split_once('='));
        control.set_budgets(budgets).map_err(refused)?;
        control.set_concurrency(self.limits.concurrency).map_err(refused)?;
        control.set_paused(self.limits.paused).map_err(refused)
    }

    fn send(
        &mut self,
        under_way: &UnderWay<'_>,
        run: &mut PushedRun<Tag>,
        feed: &mut Feed,
    ) -> Result<Ended, Failure> {
        let mut until_look = 0;
        let mut speed = Speed::new(under_way.plan.limit_rate);
        loop {
            if until_look == 0 {
                until_look = BATCH;
                self.look(under_way, run.receipt());
                run.hold(self.sink.unsafe_count()?);
                self.sink.note_input(&feed.take_blocks())?;
                if let Some(exit) = self.signals.come() {
                    return Ok(Ended::Signal(exit));
                }
            }
            until_look -= 1;
            let room = speed.room(run.receipt().outstanding, self.limits.concurrency);
            push(run, feed, self.joining.as_mut(), room)?;
            let reader = match run.step() {
                Step::Outcome(outcome) => {
                    speed.note(&outcome);
                    self.take(under_way.plan, outcome)?
                }
                Step::Wait => {
                    // What is on its way is written with what is there.
                    let is_quiet = run.receipt().outstanding == 0;
                    let reader = self.sink.rest(is_quiet)?;
                    run.wait(LOOK);
                    until_look = 0;
                    reader
                }
                Step::End => break,
            };
            if reader == Reader::HasLeft {
                return Ok(Ended::ReaderLeft);
            }
        }
        Ok(run.stopped().cloned().map_or(Ended::Over, Ended::Stopped))
    }

    /// Writes an outcome down, and first, where it is a page, what it has led to.
    fn take(&mut self, plan: &Plan, mut outcome: Outcome<Tag>) -> Result<Reader, Failure> {
        let is_ok = plan.client.is_ok(&outcome);
        if !is_ok && log::is_json() {
            log_failure(plan, &outcome);
        }
        let Some((chain, joining)) = outcome.tag.chain.take().zip(self.joining.as_mut()) else {
            return self.sink.write(plan, &outcome, is_ok, &Told::default());
        };
        let Led { mut next, mut told } = joining.paging().led(*chain, &outcome, is_ok);
        let noted = joining.note(&outcome.tag.known_as, &mut next)?.unwrap_or_else(|why| {
            told.error = Some(why);
            told.items = None;
            Noted::default()
        });
        let is_ok = is_ok && told.error.is_none();
        let reader = self.sink.write(plan, &outcome, is_ok, &told)?;
        joining.release(outcome.tag.known_as, next, noted);
        Ok(reader)
    }

    /// Draws, if it is time.
    fn look(&mut self, under_way: &UnderWay<'_>, receipt: &Receipt) {
        let Some(due) = self.display.due() else { return };
        let mut costs = under_way.spent.clone();
        costs.add(&Costs::of_receipt(receipt));
        self.sink.set_costs(costs);
        if !self.has_told_misses {
            let misses = under_way.plan.settling.misses();
            self.has_told_misses = !misses.is_empty();
            misses.iter().for_each(|miss| self.display.message(miss));
        }
        if let Some(limits) = under_way.orders.limits().filter(|limits| *limits != self.limits) {
            self.display.message(&change(&self.limits, &limits));
            self.limits = limits;
        }
        let progress = Some(under_way.control.progress());
        let tick = match due {
            Due::Tick => self.sink.tick(progress.as_ref(), &self.limits, self.total.get()),
            Due::Draw => self.sink.statistics().peek(display::now(), progress.as_ref(), &self.limits),
        };
        self.reporting.publish(&tick);
        if self.display.is_visible() {
            let (total, skipped) = (self.total.get(), self.sink.skipped());
            let summary = Summary { total, skipped, ..self.sink.statistics().summary() };
            self.display.show(due, tick, &summary);
        }
    }
}

/// What a part of a run has while it lasts.
struct UnderWay<'a> {
    plan: &'a Plan,
    control: &'a Control,
    orders: &'a Orders,
    /// What the parts before it have spent.
    spent: &'a Costs,
}

/// The accounts of the parts of a run.
#[derive(Debug, Default)]
struct Parts {
    ending: Ending,
    submitted: u64,
    is_complete: bool,
    costs: Costs,
    cached: Cached,
    /// What is told of all of them; the latency is that of the last.
    receipt: Receipt,
}

impl Parts {
    fn add(&mut self, run: &PushedRun<Tag>, is_complete: bool) {
        let receipt = run.receipt();
        self.submitted += receipt.submitted;
        self.ending.cancelled += receipt.cancelled;
        self.ending.unsent += receipt.unsent;
        self.costs.add(&Costs::of_receipt(receipt));
        self.cached.add(receipt);
        add(&mut self.receipt, receipt);
        let tickets = run.unfinished().unsent.iter().filter_map(|tag| match &tag.known_as {
            KnownAs::Ticket(ticket) => Some(ticket.position()),
            KnownAs::Row { .. } => None,
        });
        self.ending.not_sent.extend(tickets);
        self.is_complete = is_complete;
    }
}

/// Writes the event of a request that has failed.
fn log_failure(plan: &Plan, outcome: &Outcome<Tag>) {
    let (id, index) = match &outcome.tag.known_as {
        KnownAs::Row { id, index, .. } => (id, *index),
        KnownAs::Ticket(ticket) => (ticket.id(), ticket.position()),
    };
    let (status, url, error) = match &outcome.result {
        Ok(response) => (Some(response.status.as_u16()), response.url.to_string(), None),
        Err(error) => (None, error.url().to_owned(), Some(error)),
    };
    log::tell(
        Level::Warning,
        "request failed",
        json!({
            "id": id,
            "index": index,
            "url": plan.redaction.apply(&url),
            "status": status,
            "kind": error.map(|error| error.kind().name()),
            "error": error.map(|error| plan.redaction.apply(&error.to_string())),
            "attempts": outcome.attempts,
            "seconds": outcome.elapsed.as_secs_f64(),
        }),
    );
}

/// Adds the counts of a part.
fn add(all: &mut Receipt, part: &Receipt) {
    all.submitted += part.submitted;
    all.ok += part.ok;
    all.failed += part.failed;
    all.cancelled += part.cancelled;
    all.unsent += part.unsent;
    all.unknown += part.unknown;
    all.attempts += part.attempts;
    all.retries_denied += part.retries_denied;
    all.body_bytes += part.body_bytes;
    all.cache_hits += part.cache_hits;
    all.cache_revalidated += part.cache_revalidated;
    all.cache_misses += part.cache_misses;
    all.latency = part.latency.clone();
}

/// Hands the run as many requests as it has room for, and so many at most: what pages have led to goes before the input.
fn push(
    run: &mut PushedRun<Tag>,
    feed: &mut Feed,
    mut joining: Option<&mut Joining>,
    most: usize,
) -> Result<(), Failure> {
    for _ in 0..run.room().min(most) {
        let request = match next(feed, joining.as_deref_mut())? {
            Next::Request(request) => request,
            Next::Later => return Ok(()),
            Next::End => {
                run.close_input();
                return Ok(());
            }
        };
        if let Err(request) = run.push(request) {
            run.give_up(request);
            return Ok(());
        }
    }
    Ok(())
}

/// What there is to send next.
fn next(feed: &mut Feed, joining: Option<&mut Joining>) -> Result<Next, Failure> {
    let Some(joining) = joining else { return Ok(feed.next()) };
    let next = match joining.next()? {
        Some(request) => Next::Request(request),
        None => feed.next(),
    };
    Ok(match next {
        Next::Request(request) => {
            joining.note_sent(&request);
            Next::Request(request)
        }
        // Of what is on its way, something may lead to more.
        Next::End if !joining.is_over() => Next::Later,
        next => next,
    })
}
