//! A lease from a holder, over one connection.

use std::io;
use std::time::{Duration, Instant};

use tokio::io::{AsyncWrite, AsyncWriteExt};
use tokio::time::timeout;

use crate::client::TRY;
use crate::client::clock::HolderClock;
use crate::client::demand::Demand;
use crate::client::lessee::{Needs, Slots};
use crate::client::link::{Ended, Memory, Session, time_to_look};
use crate::error::BudgetError;
use crate::handle::{Handle, Place};
use crate::units::terms::Terms;
use crate::wire::frame::{Lines, NoLine};
use crate::wire::proof::{Side, nonce, proof, proves};
use crate::wire::{FromHolder, LONGEST_FROM_HOLDER, LONGEST_TO_HOLDER, Refusal, ToHolder, VERSION, line};

/// How often something is said, so that both sides know that the other one is there.
const PING: Duration = Duration::from_secs(1);
/// How long nothing may be heard before the connection counts as lost.
const SILENCE: Duration = Duration::from_secs(3);

pub(crate) type Reader = Box<dyn tokio::io::AsyncRead + Send + Unpin>;
pub(crate) type Writer = Box<dyn AsyncWrite + Send + Unpin>;

/// A connection to a holder, over which both sides have proven that they know the secret.
pub(crate) struct Connected {
    pub(crate) lines: Lines<Reader>,
    pub(crate) writer: Writer,
    pub(crate) terms: Terms,
}

/// Why there is none.
pub(crate) enum NotConnected {
    /// There may be one later.
    Yet(String),
    Never(BudgetError),
}

/// Connects and proves that the secret is known.
pub(crate) async fn connect(handle: &Handle) -> Result<Connected, NotConnected> {
    let all = async {
        let failed = |cause: io::Error| NotConnected::Yet(cause.to_string());
        let (reader, writer) = open(&handle.place).await.map_err(failed)?;
        greet(Lines::new(reader, LONGEST_TO_HOLDER), writer, handle).await
    };
    let in_time = timeout(TRY, all).await;
    in_time.unwrap_or_else(|_| Err(NotConnected::Yet(format!("no answer within {} s", TRY.as_secs()))))
}

async fn open(place: &Place) -> io::Result<(Reader, Writer)> {
    match place {
        Place::Tcp { host, port } => {
            let host = host.trim_start_matches('[').trim_end_matches(']');
            let stream = tokio::net::TcpStream::connect((host, *port)).await?;
            stream.set_nodelay(true)?;
            let (reader, writer) = stream.into_split();
            Ok((Box::new(reader), Box::new(writer)))
        }
        #[cfg(unix)]
        Place::Unix(path) => {
            let (reader, writer) = tokio::net::UnixStream::connect(path).await?.into_split();
            Ok((Box::new(reader), Box::new(writer)))
        }
        _ => Err(io::Error::from(io::ErrorKind::Unsupported)),
    }
}

async fn greet(
    mut lines: Lines<Reader>,
    mut writer: Writer,
    handle: &Handle,
) -> Result<Connected, NotConnected> {
    let lost = |cause: io::Error| NotConnected::Yet(cause.to_string());
    let of_client = nonce().map_err(NotConnected::Never)?;
    let hello = ToHolder::Hello { version: VERSION, nonce: of_client.clone() };
    writer.write_all(&line(&hello)).await.map_err(lost)?;
    let of_holder = match hear(&mut lines, handle).await? {
        FromHolder::Challenge { version: VERSION, nonce } => nonce,
        FromHolder::Challenge { version, .. } => return Err(other_version(handle, version)),
        other => return Err(odd(handle, &other)),
    };
    let said = ToHolder::Proof { proof: proof(&handle.secret, Side::Client, &of_holder, &of_client) };
    writer.write_all(&line(&said)).await.map_err(lost)?;
    match hear(&mut lines, handle).await? {
        FromHolder::Welcome { proof, terms } => {
            // One that lets in anybody, to learn or grant what it likes, does not know the secret either.
            if !proves(&proof, &handle.secret, Side::Holder, &of_holder, &of_client) {
                return Err(NotConnected::Never(BudgetError::WrongSecret { address: handle.address() }));
            }
            lines.allow(LONGEST_FROM_HOLDER);
            Ok(Connected { lines, writer, terms })
        }
        other => Err(odd(handle, &other)),
    }
}

/// The next line of one who may be no holder at all.
async fn hear(lines: &mut Lines<Reader>, handle: &Handle) -> Result<FromHolder, NotConnected> {
    let bytes = match lines.next().await {
        Ok(bytes) => bytes,
        Err(NoLine::Ended) => return Err(NotConnected::Yet("the connection was closed".to_owned())),
        Err(NoLine::Io(cause)) => return Err(NotConnected::Yet(cause.to_string())),
        Err(NoLine::TooLong(begin)) => return Err(NotConnected::Never(no_budget(handle, &begin))),
    };
    match serde_json::from_slice(&bytes) {
        Ok(FromHolder::Refused { code, why, version }) => Err(refused(handle, code, why, version)),
        Ok(said) => Ok(said),
        Err(_) => Err(NotConnected::Never(no_budget(handle, &bytes))),
    }
}

fn refused(handle: &Handle, code: Refusal, why: String, version: u64) -> NotConnected {
    match code {
        Refusal::Version => other_version(handle, version),
        Refusal::Secret => NotConnected::Never(BudgetError::WrongSecret { address: handle.address() }),
        Refusal::Busy => NotConnected::Yet(why),
        Refusal::Malformed | Refusal::TooDear => {
            NotConnected::Never(BudgetError::Refused { address: handle.address(), why })
        }
    }
}

fn other_version(handle: &Handle, theirs: u64) -> NotConnected {
    NotConnected::Never(BudgetError::Version { address: handle.address(), ours: VERSION, theirs })
}

fn odd(handle: &Handle, said: &FromHolder) -> NotConnected {
    NotConnected::Never(no_budget(handle, &line(said)))
}

fn no_budget(handle: &Handle, said: &[u8]) -> BudgetError {
    let text: String = String::from_utf8_lossy(said).chars().take(60).collect();
    BudgetError::NotABudget { address: handle.address(), what: format!("it says {:?}", text.trim_end()) }
}

/// Leases until the connection ends.
pub(crate) async fn lease(session: &mut Session, memory: &mut Memory) -> Ended {
    let mut stopped = session.stopped.clone();
    let connected = tokio::select! {
        connected = connect(&session.handle) => connected,
        _ = stopped.changed() => return Ended::Stopped,
    };
    match connected {
        Ok(connected) => Lease::new(session, memory, connected).keep().await,
        Err(NotConnected::Yet(cause)) => Ended::Lost { cause, last_heard: None },
        Err(NotConnected::Never(error)) => Ended::Failed(error),
    }
}

struct Lease<'s> {
    session: &'s mut Session,
    memory: &'s mut Memory,
    lines: Lines<Reader>,
    writer: Writer,
    /// What the budget allows.
    terms: Terms,
    demand: Demand,
    clock: HolderClock,
    /// What is to be said, in the next burst.
    said: Vec<ToHolder>,
    heard: Instant,
    spoke: Instant,
    looked: Instant,
    is_busy: bool,
}

impl<'s> Lease<'s> {
    fn new(session: &'s mut Session, memory: &'s mut Memory, connected: Connected) -> Self {
        let Connected { lines, writer, terms } = connected;
        session.lessee.begun(&terms);
        // What was given back, or owed, was so to a connection that is gone; who is to be left alone still is.
        let Needs { in_flight, left_alone, .. } = session.lessee.needs();
        let now = Instant::now();
        let join = ToHolder::Join {
            client: format!("{:032x}", session.id),
            name: session.options.name.chars().take(100).collect(),
            weight: session.handle.weight,
            holds: in_flight,
            busy_us: memory.busy_us(now),
        };
        let mut demand = Demand::new(&terms, in_flight);
        let mut said = vec![join];
        demand.say(
            &Needs { in_flight, could_be_in_flight: in_flight, left_alone, ..Needs::default() },
            now,
            &mut said,
        );
        Self {
            session,
            memory,
            lines,
            writer,
            terms,
            demand,
            clock: HolderClock::default(),
            said,
            heard: now,
            spoke: now,
            looked: now,
            is_busy: true,
        }
    }

    async fn keep(mut self) -> Ended {
        let mut stopped = self.session.stopped.clone();
        loop {
            if let Err(cause) = self.speak().await {
                return self.lost(cause.to_string());
            }
            let silence = self.heard + SILENCE;
            let ping = self.spoke + PING;
            tokio::select! {
                heard = self.lines.next() => match heard {
                    Ok(bytes) => if let Err(ended) = self.hear(&bytes) { return ended },
                    Err(NoLine::Io(cause)) => return self.lost(cause.to_string()),
                    Err(_) => return self.lost("the connection was closed".to_owned()),
                },
                () = time_to_look(&self.session.look, self.looked, self.is_busy) => self.look(),
                () = tokio::time::sleep_until(ping.into()) => self.said.push(ToHolder::Ping),
                () = tokio::time::sleep_until(silence.into()) => {
                    return self.lost(format!("it was silent for {} s", SILENCE.as_secs()));
                }
                _ = stopped.changed() => {
                    self.look();
                    self.said.push(ToHolder::Bye);
                    // One that cannot be told finds out.
                    let _ = self.speak().await;
                    return Ended::Stopped;
                }
            }
        }
    }

    fn lost(&self, cause: String) -> Ended {
        Ended::Lost { cause, last_heard: Some(self.heard) }
    }

    /// Asks what is needed.
    fn look(&mut self) {
        self.looked = Instant::now();
        let needs = self.session.lessee.needs();
        self.is_busy = needs.in_flight > 0
            || needs.could_be_in_flight > 0
            || needs.units.iter().any(|unit| unit.amount > 0);
        if let Some(fewer) = self.demand.say(&needs, self.looked, &mut self.said) {
            self.session.lessee.permits(fewer);
        }
    }

    async fn speak(&mut self) -> io::Result<()> {
        if self.said.is_empty() {
            return Ok(());
        }
        let bytes: Vec<u8> = self.said.drain(..).flat_map(|message| line(&message)).collect();
        self.spoke = Instant::now();
        let written = timeout(SILENCE, self.writer.write_all(&bytes)).await;
        written.unwrap_or_else(|_| Err(io::Error::from(io::ErrorKind::TimedOut)))
    }

    fn hear(&mut self, bytes: &[u8]) -> Result<(), Ended> {
        self.heard = Instant::now();
        let handle = &self.session.handle;
        let said = serde_json::from_slice(bytes).map_err(|_| Ended::Failed(no_budget(handle, bytes)))?;
        match said {
            FromHolder::Slots { unit, sent_us, at_us, every_ns, pieces, piece, busy_us } => {
                self.demand.granted(unit, pieces.saturating_mul(piece));
                self.memory.note(unit, later(self.heard, Duration::from_micros(busy_us)));
                let first = later(self.clock.moment(self.heard, sent_us), Duration::from_micros(at_us));
                let slots = Slots { first, every: Duration::from_nanos(every_ns), count: pieces, piece };
                self.session.lessee.granted(unit, slots);
            }
            FromHolder::Permits { count, serial } => {
                self.demand.permits(count, serial);
                self.session.lessee.permits(count);
                // What was called back is given back without delay.
                self.look();
            }
            FromHolder::LeaveAlone { host, ms } => {
                let until = later(self.heard, Duration::from_millis(ms));
                self.session.lessee.leave_alone(host.as_deref(), until);
            }
            FromHolder::Terms(terms) if self.terms.misfit(&terms).is_none() => {
                self.demand.change(&terms);
                self.session.lessee.changed(&terms);
                self.terms = terms;
                self.look();
            }
            FromHolder::Refused { code, why, version } => {
                return Err(match refused(handle, code, why, version) {
                    NotConnected::Yet(cause) => self.lost(cause),
                    NotConnected::Never(error) => Ended::Failed(error),
                });
            }
            FromHolder::Pong | FromHolder::Status(_) => {}
            FromHolder::Challenge { .. } | FromHolder::Welcome { .. } | FromHolder::Terms(_) => {
                return Err(Ended::Failed(no_budget(handle, bytes)));
            }
        }
        Ok(())
    }
}

/// A moment so much later, or in a day, whatever somebody says.
fn later(now: Instant, time: Duration) -> Instant {
    now + time.min(Duration::from_secs(24 * 60 * 60))
}
