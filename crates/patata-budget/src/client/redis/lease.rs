//! A lease from Redis: it is asked as often as something is needed, and tells by itself who is to be left alone.

use std::time::{Duration, Instant};

use redis::aio::MultiplexedConnection;
use redis::{AsyncCommands, PushInfo, PushKind, RedisError, Script, Value};
use tokio::sync::mpsc;

use crate::client::holder::NotConnected;
use crate::client::lessee::{Needs, Slots, UnitNeeds};
use crate::client::link::{Ended, Session, time_to_look};
use crate::client::redis::connection::{Keys, connect, not_connected};
use crate::handle::RedisPlace;
use crate::units::MILLISECOND;
use crate::units::terms::Terms;

/// How often something is said, so that what is held stays ours: it is kept for three seconds.
const RENEWED: Duration = Duration::from_secs(1);
/// Nothing that Redis says is further off.
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// Leases until the connection ends.
pub(crate) async fn lease(session: &mut Session, place: RedisPlace) -> Ended {
    let (pushed, pushes) = mpsc::unbounded_channel();
    let mut stopped = session.stopped.clone();
    let connected = tokio::select! {
        connected = connect(&place, pushed) => connected,
        _ = stopped.changed() => return Ended::Stopped,
    };
    let (connection, terms) = match connected {
        Ok(connected) => connected,
        Err(NotConnected::Yet(cause)) => return Ended::Lost { cause, last_heard: None },
        Err(NotConnected::Never(error)) => return Ended::Failed(error),
    };
    session.lessee.begun(&terms);
    let mut lease = Lease {
        keys: Keys::of(&place.name),
        lease: Script::new(include_str!("lease.lua")),
        pause: Script::new(include_str!("pause.lua")),
        heard: Instant::now(),
        place,
        session,
        connection,
        terms,
    };
    match lease.keep(pushes).await {
        Ok(()) => Ended::Stopped,
        Err(error) => match not_connected(&lease.place, &error) {
            NotConnected::Yet(cause) => Ended::Lost { cause, last_heard: Some(lease.heard) },
            NotConnected::Never(error) => Ended::Failed(error),
        },
    }
}

struct Lease<'s> {
    session: &'s mut Session,
    place: RedisPlace,
    keys: Keys,
    lease: Script,
    pause: Script,
    connection: MultiplexedConnection,
    terms: Terms,
    heard: Instant,
}

impl Lease<'_> {
    async fn keep(&mut self, mut pushes: mpsc::UnboundedReceiver<PushInfo>) -> Result<(), RedisError> {
        self.connection.subscribe(&self.keys.channel).await?;
        self.hear_pauses().await?;
        let mut stopped = self.session.stopped.clone();
        let (mut asked, mut looked, mut again) = (Instant::now() - RENEWED, Instant::now(), None);
        let (mut said, mut later) = (Needs::default(), Later::default());
        loop {
            let is_busy = said.could_be_in_flight > 0 || said.units.iter().any(|unit| unit.amount > 0);
            tokio::select! {
                pushed = pushes.recv() => match pushed {
                    Some(pushed) if pushed.kind == PushKind::Disconnection => return Err(ended()),
                    Some(pushed) => {
                        self.hear(&pushed);
                        continue;
                    }
                    None => return Err(ended()),
                },
                () = time_to_look(&self.session.look, looked, is_busy) => {}
                () = tokio::time::sleep_until(again.unwrap_or(asked + RENEWED).into()) => {}
                _ = stopped.changed() => return self.leave().await,
            }
            looked = Instant::now();
            let mut needs = self.session.lessee.needs();
            later.join(&mut needs);
            self.tell_pauses(&needs).await?;
            let is_due = again.is_some_and(|again| again <= looked) || asked + RENEWED <= looked;
            if is_due || is_news(&needs, &said, again.is_some()) {
                asked = looked;
                let wait = self.ask(&needs).await?;
                again = wait.map(|wait| Instant::now() + wait);
                (said, later) = (needs, Later::default());
            } else {
                later = Later::of(&needs);
            }
        }
    }

    /// Asks for what is needed. Says when to ask again, if that is not soon enough by itself.
    async fn ask(&mut self, needs: &Needs) -> Result<Option<Duration>, RedisError> {
        let mut call = self.lease.key(&self.keys.used);
        call.key(&self.keys.sharers).key(&self.keys.pauses);
        call.arg(format!("{:032x}", self.session.id)).arg(self.session.handle.weight);
        call.arg(&self.session.options.name).arg(needs.could_be_in_flight).arg(needs.in_flight);
        call.arg(self.terms.most_in_flight().unwrap_or(0)).arg(self.terms.units().len());
        for (at, unit) in self.terms.units().iter().enumerate() {
            let UnitNeeds { amount, piece, given_back, owed } =
                needs.units.get(at).copied().unwrap_or_default();
            call.arg(amount).arg(piece).arg(given_back).arg(owed).arg(unit.rates.len());
            let shortest = unit.rates.iter().map(|rate| rate.window()).min().unwrap_or_default();
            for rate in &unit.rates {
                let is_even = u8::from(rate.window() == shortest);
                call.arg(rate.amount()).arg(rate.window() / 1000).arg(rate.burst()).arg(is_even);
            }
        }
        let answer: Vec<String> = call.invoke_async(&mut self.connection).await?;
        self.heard = Instant::now();
        let numbers: Vec<i64> = answer.iter().filter_map(|text| text.parse().ok()).collect();
        let (units, rest) = numbers.split_at(numbers.len().saturating_sub(2));
        for (unit, slots) in units.chunks_exact(4).enumerate() {
            let positive = |at: usize| u64::try_from(slots[at]).unwrap_or_default();
            let piece = needs.units.get(unit).map_or(1, |needs| needs.piece.max(1));
            if positive(2) > 0 {
                let first = self.heard + Duration::from_micros(positive(0)).min(DAY);
                let every = Duration::from_nanos(positive(1));
                self.session.lessee.granted(unit, Slots { first, every, count: positive(2), piece });
            }
        }
        if let Some(may) = rest.get(1).and_then(|may| u32::try_from(*may).ok()) {
            self.session.lessee.permits(may);
        }
        let wait = rest.first().and_then(|wait| u64::try_from(*wait).ok()).filter(|wait| *wait > 0);
        Ok(wait.map(Duration::from_micros))
    }

    async fn tell_pauses(&mut self, needs: &Needs) -> Result<(), RedisError> {
        for (host, time) in &needs.left_alone {
            let ms = u64::try_from(time.as_nanos().div_ceil(u128::from(MILLISECOND))).unwrap_or(u64::MAX);
            let mut call = self.pause.key(&self.keys.pauses);
            call.arg(&self.keys.channel).arg(host.as_deref().unwrap_or_default()).arg(ms);
            let () = call.arg(format!("{:032x}", self.session.id)).invoke_async(&mut self.connection).await?;
        }
        Ok(())
    }

    /// Who is left alone already.
    async fn hear_pauses(&mut self) -> Result<(), RedisError> {
        let pauses: Vec<(String, u64)> = self.connection.hgetall(&self.keys.pauses).await?;
        let (seconds, micros): (u64, u64) = redis::cmd("TIME").query_async(&mut self.connection).await?;
        let now = seconds * 1_000_000 + micros;
        for (host, until) in pauses.into_iter().filter(|(_, until)| *until > now) {
            let until = Instant::now() + Duration::from_micros(until - now).min(DAY);
            self.session.lessee.leave_alone(Some(host.as_str()).filter(|host| !host.is_empty()), until);
        }
        Ok(())
    }

    /// Somebody else says who is to be left alone.
    fn hear(&mut self, pushed: &PushInfo) {
        let (PushKind::Message, Some(Value::BulkString(said))) = (&pushed.kind, pushed.data.last()) else {
            return;
        };
        let said = String::from_utf8_lossy(said);
        let mut parts = said.splitn(3, ' ');
        let (Some(id), Some(Ok(ms)), Some(host)) = (parts.next(), parts.next().map(str::parse), parts.next())
        else {
            return;
        };
        if id != format!("{:032x}", self.session.id) {
            let until = Instant::now() + Duration::from_millis(ms).min(DAY);
            self.session.lessee.leave_alone(Some(host).filter(|host| !host.is_empty()), until);
        }
    }

    /// Holds nothing more.
    async fn leave(&mut self) -> Result<(), RedisError> {
        let needs = self.session.lessee.needs();
        self.ask(&Needs {
            units: needs.units.iter().map(|unit| UnitNeeds { amount: 0, ..*unit }).collect(),
            ..Needs::default()
        })
        .await?;
        self.connection.hdel(&self.keys.sharers, format!("{:032x}", self.session.id)).await
    }
}

/// Whether it must be said now.
fn is_news(needs: &Needs, said: &Needs, will_ask: bool) -> bool {
    let more = |(at, unit): (usize, &UnitNeeds)| {
        unit.amount > 0 && said.units.get(at).is_none_or(|said| said.amount == 0)
    };
    let is_more = needs.units.iter().enumerate().any(more);
    // What was granted has been taken, and nobody said that it would be asked again.
    let runs_dry = !will_ask && needs.units.iter().any(|unit| unit.amount > 0);
    is_more
        || runs_dry
        || (needs.could_be_in_flight, needs.in_flight) != (said.could_be_in_flight, said.in_flight)
            && !will_ask
}

/// What was given back and owed by unit, and is said with the next call.
#[derive(Debug, Default)]
struct Later(Vec<(u64, u64)>);

impl Later {
    fn of(needs: &Needs) -> Self {
        Self(needs.units.iter().map(|unit| (unit.given_back, unit.owed)).collect())
    }

    fn join(&self, needs: &mut Needs) {
        for (unit, (given_back, owed)) in needs.units.iter_mut().zip(&self.0) {
            unit.given_back += given_back;
            unit.owed += owed;
        }
    }
}

fn ended() -> RedisError {
    RedisError::from(std::io::Error::from(std::io::ErrorKind::ConnectionReset))
}
