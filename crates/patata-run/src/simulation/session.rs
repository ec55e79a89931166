//! One process: it works at a run until it is done, gives up, or is ended by whatever happens to its disk.

use std::collections::VecDeque;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use patata::Request;

use crate::accounts::{LimitsNow, Summary};
use crate::error::RunError;
use crate::folder::earlier::Earlier;
use crate::folder::{Recording, RunFolder};
use crate::found::{FoundRequests, Left, NotedRequest};
use crate::gate::{Admission, Gate, Identity, Passed, RecordOptions, Unknown, Why};
use crate::id::Id;
use crate::identity::InputBlock;
use crate::journal::files::LIVE;
use crate::manifest::{Compression, Format, Manifest};
use crate::output::changed::{Changed, ChangedBody};
use crate::recorder::{Ending, Recorder};
use crate::simulation::dice::Dice;
use crate::simulation::disk::SimulatedDisk;
use crate::simulation::world::{Asked, World};
use crate::storage::disk::Disk;
use crate::ticket::Ticket;

pub(crate) const FOLDER: &str = "/runs/run";

/// What a run is like.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    pub(crate) input: Vec<Asked>,
    pub(crate) part_rows: u64,
    pub(crate) format: Format,
    /// Whether responses are pages of two items, each of which is a row once its part is sealed.
    pub(crate) items: bool,
    pub(crate) schema: Option<&'static str>,
    pub(crate) compression: Compression,
    pub(crate) identity: Identity,
    pub(crate) unknown: Unknown,
    pub(crate) in_flight: usize,
    /// How likely it is, in percent, that a process gives up early.
    pub(crate) gives_up: u64,
    /// Whether responses lead to further requests.
    pub(crate) follows: bool,
}

/// How a process has ended.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "there is one of it at a time")]
pub(crate) enum End {
    Done(Summary),
    GaveUp,
    Failed(RunError),
}

/// What a process has in hand.
struct Session<'a> {
    plan: &'a Plan,
    world: &'a mut World,
    dice: &'a mut Dice,
    gate: Gate,
    recorder: Recorder,
    found: FoundRequests,
    /// Follow-ups that are in memory.
    ready: VecDeque<(Asked, Arc<Ticket>)>,
    earlier: Earlier,
    /// Rows that were recorded and not acknowledged yet.
    waiting: VecDeque<(i64, u64)>,
    acknowledged: u64,
}

impl Plan {
    pub(crate) fn options(&self) -> RecordOptions {
        RecordOptions { unknown: self.unknown, identity: self.identity, idempotency_keys: false }
    }

    pub(crate) fn manifest(&self) -> Manifest {
        let mut manifest = Manifest::new("test");
        manifest.output.part_rows = self.part_rows;
        manifest.output.format = self.format;
        manifest.output.items = self.items;
        manifest.output.schema = self.schema.map(str::to_owned);
        manifest.output.compression = self.compression;
        manifest
    }
}

/// Runs a process.
pub(crate) fn session(disk: &SimulatedDisk, plan: &Plan, world: &mut World, dice: &mut Dice) -> End {
    let (options, manifest) = (plan.options(), plan.manifest());
    let path = Path::new(FOLDER);
    let disk: Arc<dyn Disk> = Arc::new(disk.clone());
    let opened = match disk.length(&path.join(crate::manifest::NAME)).is_ok() {
        true => RunFolder::resume_on(disk.clone(), path, options),
        false => RunFolder::create_on(disk.clone(), path, manifest, options),
    };
    work_at(opened, plan, world, dice)
}

/// Works at a folder that was opened, as far as that went well.
pub(crate) fn work_at(
    opened: Result<Recording, RunError>,
    plan: &Plan,
    world: &mut World,
    dice: &mut Dice,
) -> End {
    let recording = match opened {
        Ok(recording) => recording,
        Err(error) => return End::Failed(error),
    };
    let earlier = recording.earlier();
    let Recording { gate, recorder, found, .. } = recording;
    let mut session = Session {
        plan,
        world,
        dice,
        gate,
        recorder,
        found,
        ready: VecDeque::new(),
        earlier,
        waiting: VecDeque::new(),
        acknowledged: 0,
    };
    let result = session.work();
    match result {
        Ok(Some(ending)) => {
            let Session { recorder, waiting, world, .. } = session;
            let is_done = ending.stopped.is_none();
            match recorder.finish(&ending) {
                Ok(summary) => {
                    world.acknowledged.extend(waiting);
                    if is_done { End::Done(summary) } else { End::GaveUp }
                }
                Err(error) => End::Failed(error),
            }
        }
        Ok(None) => End::GaveUp,
        Err(error) => {
            session.note_acknowledged();
            End::Failed(error)
        }
    }
}

pub(crate) fn request(asked: Asked) -> Request<()> {
    let url = format!("http://host-{}/{}", asked.id % 3, asked.id);
    match asked.is_post {
        true => Request::post((), url).body("a body"),
        false => Request::get((), url),
    }
}

impl Session<'_> {
    /// Returns how it ends in order, or `None` where it drops all.
    fn work(&mut self) -> Result<Option<Ending>, RunError> {
        let mut ending = Ending::default();
        let input = self.plan.input.clone();
        let mut batch = Vec::new();
        for asked in &input {
            if self.gate.pass() {
                continue;
            }
            let ticket = match self.gate.admit(Id::from(asked.id), request(*asked))? {
                Admission::Send { ticket, .. } => ticket,
                Admission::Passed(passed) => {
                    self.read_back(*asked, &passed)?;
                    continue;
                }
            };
            batch.push((*asked, ticket));
            if batch.len() >= self.plan.in_flight {
                self.exchange(std::mem::take(&mut batch), &mut ending)?;
                self.note_acknowledged();
            }
            if self.dice.percent(self.plan.gives_up) {
                ending.stopped = Some("it was told to".to_owned());
                break;
            }
        }
        ending.cancelled = batch.len() as u64;
        if ending.stopped.is_none() {
            ending.cancelled = 0;
            self.exchange(batch, &mut ending)?;
            self.follow(&mut ending)?;
        }
        if self.dice.percent(self.plan.gives_up) {
            return Ok(None);
        }
        Ok(Some(ending))
    }

    /// Sends what responses have led to, those of earlier processes among them, until there is no more.
    fn follow(&mut self, ending: &mut Ending) -> Result<(), RunError> {
        while ending.stopped.is_none() {
            let mut batch = Vec::new();
            while batch.len() < self.plan.in_flight
                && let Some(next) = self.next_follow_up()?
            {
                batch.push(next);
            }
            if batch.is_empty() {
                break;
            }
            self.exchange(batch, ending)?;
            self.note_acknowledged();
            if self.dice.percent(self.plan.gives_up) {
                ending.stopped = Some("it was told to".to_owned());
            }
        }
        Ok(())
    }

    /// The next follow-up that is to be sent.
    fn next_follow_up(&mut self) -> Result<Option<(Asked, Arc<Ticket>)>, RunError> {
        if let Some(ready) = self.ready.pop_front() {
            return Ok(Some(ready));
        }
        loop {
            match self.found.next_left()? {
                Left::Found(found) => {
                    let Id::Integer(id) = found.id else { panic!("{:?} is no id of a follow-up", found.id) };
                    let id = i64::try_from(id).unwrap();
                    let asked = Asked { id, is_post: id % 2 == 1 };
                    assert_eq!(found.request.url(), request(asked).url());
                    let ticket = self.found.ticket(found.position(), found.id, &found.request);
                    return Ok(Some((asked, ticket)));
                }
                Left::Passed(..) => {}
                Left::NotYet => {
                    self.recorder.hurry();
                    self.recorder.wait(self.recorder.recorded().saturating_sub(1), Duration::from_millis(1));
                    self.recorder.acknowledged().map_err(|(_, error)| error)?;
                }
                Left::Nothing => return Ok(None),
            }
        }
    }

    /// Writes down what a response has led to, before that is recorded.
    fn note_follow_ups(
        &mut self,
        asked: Asked,
        ticket: &Ticket,
    ) -> Result<Vec<(Asked, NotedRequest)>, RunError> {
        let follow_ups = asked.follow_ups().into_iter();
        let noted = follow_ups.map(|found| {
            let noted = self.found.note(Some(ticket), 1, Id::from(found.id), &request(found))?;
            Ok((found, noted))
        });
        noted.collect()
    }

    /// Has follow-ups join the run, or leaves them in the folder.
    fn release(&mut self, noted: Vec<(Asked, NotedRequest)>) {
        for (asked, noted) in noted {
            if self.found.has_left() || self.dice.percent(30) {
                self.found.leave(&noted);
            } else {
                self.ready.push_back((asked, noted.ticket));
            }
        }
    }

    /// What was done before has a row that is found, whoever has it.
    fn read_back(&mut self, asked: Asked, passed: &Passed<()>) -> Result<(), RunError> {
        if passed.why == Why::Skipped && self.plan.format == Format::Jsonl && !self.plan.items {
            let row = self.earlier.row(passed.position)?;
            assert!(row.is_some_and(|row| row.id == Id::from(asked.id)), "the row of {} is lost", asked.id);
        }
        Ok(())
    }

    /// Sends some requests, and records what comes.
    fn exchange(&mut self, batch: Vec<(Asked, Arc<Ticket>)>, ending: &mut Ending) -> Result<(), RunError> {
        let posts: Vec<_> = batch.iter().filter(|(asked, _)| asked.is_post).collect();
        let leaves: Vec<_> = posts.iter().map(|(_, ticket)| self.gate.ask_leave(ticket)).collect();
        self.world.in_doubt.extend(posts.iter().map(|(asked, _)| asked.id));
        for leave in leaves {
            wait_for(leave)?;
        }
        let mut batch = batch;
        self.dice.shuffle(&mut batch);
        let gives_up = self.dice.percent(self.plan.gives_up);
        for (asked, ticket) in batch {
            if gives_up && self.dice.percent(50) {
                // It has leave, and was not sent: or it was, and nothing came.
                ending.cancelled += 1;
                ending.stopped = Some("it was told to".to_owned());
                if self.dice.percent(50) {
                    ending.not_sent.push(ticket.position());
                    continue;
                }
                self.world.send(asked, self.plan.unknown);
                continue;
            }
            self.world.send(asked, self.plan.unknown);
            self.record(asked, &ticket)?;
            if self.dice.percent(10) {
                self.recorder.tick(None, &LimitsNow::default());
            }
            if self.dice.percent(5) {
                let rows = self.gate.taken();
                let block = InputBlock { offset: 0, length: rows, digest: 7, rows };
                self.recorder.note_input(&[block])?;
            }
        }
        if self.dice.percent(70) {
            self.recorder.hurry();
            self.recorder.wait(self.recorder.recorded().saturating_sub(1), Duration::from_millis(500));
        }
        Ok(())
    }

    fn record(&mut self, asked: Asked, ticket: &Ticket) -> Result<(), RunError> {
        let (status, error) = *self.dice.pick(&[
            (200, None),
            (200, None),
            (200, None),
            (500, None),
            (0, Some(("timeout", "no answer"))),
        ]);
        let noted = match self.plan.follows && status == 200 {
            true => self.note_follow_ups(asked, ticket)?,
            false => Vec::new(),
        };
        self.world.next_row += 1;
        let row = self.world.next_row;
        let body = format!("{{\"row\":{row}}}");
        let items = format!("[{body},{body}]");
        let changed = Changed {
            status: Some(status).filter(|_| error.is_none()),
            is_ok: status == 200,
            url: "",
            headers: &[],
            path: None,
            body: match self.plan.items && status == 200 {
                true => ChangedBody::Json(&items),
                false => ChangedBody::AsItCame(body.as_bytes()),
            },
            error,
            attempts: 1,
            elapsed: Duration::from_micros(row * 77),
        };
        self.recorder.record_row(ticket, &changed)?;
        self.waiting.push_back((asked.id, row));
        self.release(noted);
        Ok(())
    }

    fn note_acknowledged(&mut self) {
        let safe = self.recorder.acknowledged().unwrap_or_else(|(safe, _)| safe);
        while self.acknowledged < safe {
            self.acknowledged += 1;
            if let Some((id, row)) = self.waiting.pop_front() {
                self.world.acknowledged.insert(id, row);
                self.world.in_doubt.remove(&id);
            }
        }
    }
}

/// Waits for leave.
fn wait_for(leave: futures_channel::oneshot::Receiver<Result<(), RunError>>) -> Result<(), RunError> {
    use std::task::{Context, Poll, Wake, Waker};

    struct Unpark(std::thread::Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
    let mut leave = std::pin::pin!(leave);
    loop {
        match leave.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(Ok(result)) => return result,
            Poll::Ready(Err(_)) => panic!("nobody says whether it may be sent"),
            Poll::Pending => std::thread::park(),
        }
    }
}

/// Nothing is left in the folder of parts that are being written.
pub(crate) fn leftovers(disk: &SimulatedDisk) -> Vec<std::path::PathBuf> {
    let live = Path::new(FOLDER).join(LIVE);
    let is_left = |path: &std::path::PathBuf| {
        path.starts_with(&live) || path.extension().is_some_and(|extension| extension == "tmp")
    };
    disk.files().into_iter().filter(is_left).collect()
}
