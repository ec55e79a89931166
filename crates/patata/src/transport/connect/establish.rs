//! Opens connections: a wire and HTTP on it, or one more stream on a connection that is there already.

use std::cell::{Cell, RefCell};
use std::rc::{Rc, Weak};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;

use crate::address::target::{ByOrigin, Origin};
use crate::clock;
use crate::config::http_version::HttpVersion;
use crate::error::{Error, Kind, Phase};
use crate::transport::connect::{Connector, Wire, cannot_connect};
use crate::transport::connection::Connection;
use crate::transport::http1::{Buffers, Http1};
use crate::transport::http2::{Http2, Shared, is_tls};
use crate::transport::timer::within;

/// Origins whose version of HTTP is remembered before those without a connection are forgotten.
const SWEEP_AT: usize = 4096;

/// Opens the connections of one event loop.
pub(crate) struct Establisher {
    connector: Connector,
    version: HttpVersion,
    random: RefCell<fastrand::Rng>,
    origins: RefCell<ByOrigin<Rc<Known>>>,
    /// What the HTTP/1.1 connections share.
    buffers: Rc<RefCell<Buffers>>,
}

/// What is known of an origin that may speak HTTP/2.
#[derive(Default)]
struct Known {
    stage: Cell<Stage>,
    /// Tells those who wait for another's opening that it is over.
    opened: Notify,
    connections: RefCell<Vec<Weak<Shared>>>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq)]
enum Stage {
    /// Whoever comes next opens a connection.
    #[default]
    Free,
    /// A connection is being opened, and may have room for all.
    Opening,
    /// Nobody waits for another: the origin speaks HTTP/1.1, or could not be reached.
    Apart,
}

impl Known {
    fn stream(&self) -> Option<Http2> {
        let mut connections = self.connections.borrow_mut();
        connections.retain(|connection| connection.strong_count() > 0);
        connections.iter().filter_map(Weak::upgrade).find_map(|connection| connection.stream())
    }
}

/// Ends the wait of the others, however an opening ends.
struct Opening<'a>(&'a Known);

impl Drop for Opening<'_> {
    fn drop(&mut self) {
        if self.0.stage.get() == Stage::Opening {
            self.0.stage.set(Stage::Apart);
        }
        self.0.opened.notify_waiters();
    }
}

impl Establisher {
    pub(crate) fn new(connector: Connector, random: fastrand::Rng) -> Self {
        Self {
            version: connector.version,
            connector,
            random: RefCell::new(random),
            origins: RefCell::default(),
            buffers: Rc::default(),
        }
    }

    /// Whether no name has to be looked up before a connection to `origin` can be opened.
    pub(crate) fn knows_the_way(&self, origin: &Origin) -> bool {
        self.connector.knows_the_way(origin)
    }

    /// Looks up what is missing for that, within the time that opening a connection may take.
    pub(crate) async fn look_up_the_way(&self, origin: &Origin, patience: Duration) -> Result<(), Error> {
        self.in_time(patience, origin, self.connector.look_up_the_way(origin)).await
    }

    /// A connection to `origin`, opened within this time, beside so many others at once. What fails in a burst of our own is tried again, as it is no fault of the server.
    pub(crate) async fn open(
        &self,
        origin: &Arc<Origin>,
        patience: Duration,
        most: usize,
    ) -> Result<Connection, Error> {
        // In a box, as thousands of connections' tasks would else keep room for it for good.
        Box::pin(self.open_in_turn(origin, patience, most)).await
    }

    async fn open_in_turn(
        &self,
        origin: &Arc<Origin>,
        patience: Duration,
        most: usize,
    ) -> Result<Connection, Error> {
        let mut opener = self.connector.bursts.join(origin.to_string());
        loop {
            let turn = opener.begin(most).await;
            let error = match self.in_time(patience, origin, self.open_patiently(origin)).await {
                Ok(connection) => {
                    turn.succeed();
                    return Ok(connection);
                }
                Err(error) => error,
            };
            drop(turn);
            let random = self.random.borrow_mut().f64();
            let repetition = may_be_ours(&error).then(|| opener.repetition(random)).flatten();
            let Some(wait) = repetition else { return Err(error) };
            tokio::time::sleep(wait).await;
        }
    }

    async fn in_time<V>(
        &self,
        patience: Duration,
        origin: &Origin,
        opening: impl Future<Output = Result<V, Error>>,
    ) -> Result<V, Error> {
        let deadline = clock::now() + patience.min(clock::FOREVER);
        match within(deadline, opening).await {
            Some(result) => result,
            None => Err(cannot_connect(Kind::Timeout, origin)
                .with_source(format!("timed out after {} s (connect_timeout)", patience.as_secs_f64()))),
        }
    }

    async fn open_patiently(&self, origin: &Arc<Origin>) -> Result<Connection, Error> {
        let may_be_http2 = match self.version {
            HttpVersion::Auto => origin.tls,
            HttpVersion::Http1 => false,
            HttpVersion::Http2 => true,
        };
        if !may_be_http2 {
            return Ok(self.speak_http1(self.connector.open(origin).await?));
        }
        let known = self.known(origin);
        loop {
            if let Some(connection) = known.stream() {
                return Ok(Connection::Http2(connection));
            }
            if known.stage.get() != Stage::Opening {
                return self.open_new(origin, &known).await;
            }
            known.opened.notified().await;
        }
    }

    async fn open_new(&self, origin: &Arc<Origin>, known: &Known) -> Result<Connection, Error> {
        let _opening = (known.stage.get() == Stage::Free).then(|| {
            known.stage.set(Stage::Opening);
            Opening(known)
        });
        let wire = self.connector.open(origin).await?;
        if !wire.is_http2 && self.version == HttpVersion::Auto {
            known.stage.set(Stage::Apart);
            return Ok(self.speak_http1(wire));
        }
        let shared = Shared::open(wire.stream).await.map_err(|cause| match is_tls(&cause) {
            true => cannot_connect(Kind::Tls, origin).with_source(cause),
            false => cannot_connect(Kind::Protocol, origin)
                .with_source(format!("it does not speak HTTP/2: {cause}")),
        })?;
        known.stage.set(Stage::Free);
        known.connections.borrow_mut().push(Rc::downgrade(&shared));
        let connection = shared.stream().ok_or_else(|| cannot_connect(Kind::Protocol, origin))?;
        Ok(Connection::Http2(connection))
    }

    fn speak_http1(&self, wire: Wire) -> Connection {
        Connection::Http1(Http1::new(wire.stream, self.buffers.clone(), wire.forwarder))
    }

    fn known(&self, origin: &Arc<Origin>) -> Rc<Known> {
        let mut origins = self.origins.borrow_mut();
        if let Some(known) = origins.get(origin) {
            return known.clone();
        }
        if origins.len() >= SWEEP_AT {
            origins.retain(|_, known| {
                Rc::strong_count(known) > 1
                    || known.connections.borrow().iter().any(|one| one.strong_count() > 0)
            });
        }
        origins.entry(origin.clone()).or_default().clone()
    }
}

/// Whether a burst of our own may have brought it about: a refused or dropped connection, not what was said on one.
fn may_be_ours(error: &Error) -> bool {
    error.phase() == Phase::Connect
        && matches!(error.kind(), Kind::Connect | Kind::Timeout)
        && !error.is_shortage()
}

/// An attempt was over before there was a connection.
pub(crate) fn attempt_timed_out(origin: &Origin) -> Error {
    cannot_connect(Kind::Timeout, origin).with_source("the attempt timed out (timeout)")
}
