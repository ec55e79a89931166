//! The durations of exchanges that are alike: what they have in common, and how many took how long.

use std::borrow::Cow;

use http::{Method, Version};
use patata::{ErrorKind, Exchange};

use crate::attributes::{
    Attribute, ERROR_TYPE, PROTOCOL_VERSION, REQUEST_METHOD, SERVER_ADDRESS, SERVER_PORT, STATUS_CODE, Value,
    known_method,
};
use crate::boundaries::{BUCKETS, bucket};

/// The most series that are told apart on one event loop; what comes beyond them is counted together.
pub const MAX_SERIES: usize = 2_000;

/// By what exchanges of a client are known to be of one series, without a text being made.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct SeriesKey {
    server: u64,
    method: Method,
    result: Result<(u16, Version), ErrorKind>,
}

impl SeriesKey {
    pub(crate) fn of(exchange: &Exchange<'_>) -> Self {
        let result = match exchange.result {
            Ok((status, version)) => Ok((status.as_u16(), version)),
            Err(error) => Err(error.kind()),
        };
        Self { server: exchange.start.server_key(), method: exchange.start.method().clone(), result }
    }
}

/// What the exchanges of one series have in common.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SeriesAttributes {
    /// `http.request.method`, or `_OTHER`.
    pub method: &'static str,
    /// `server.address`.
    pub server_address: String,
    /// `server.port`; `None` for a unix socket.
    pub server_port: Option<u16>,
    /// `http.response.status_code`, where something was answered.
    pub status: Option<u16>,
    /// `error.type`, where not all was well.
    pub error_type: Option<Cow<'static, str>>,
    /// `network.protocol.version`, where something was answered.
    pub protocol_version: Option<&'static str>,
    /// Whether it is what came beyond [`MAX_SERIES`], of which nothing else is known.
    pub is_overflow: bool,
}

impl SeriesAttributes {
    pub(crate) fn of(exchange: &Exchange<'_>) -> Self {
        let start = &exchange.start;
        Self {
            method: known_method(start.method()),
            server_address: start.server_address().into_owned(),
            server_port: start.server_port(),
            status: exchange.result.ok().map(|(status, _)| status.as_u16()),
            error_type: exchange.error_type(),
            protocol_version: exchange.protocol_version(),
            is_overflow: false,
        }
    }

    /// Those of what came beyond [`MAX_SERIES`].
    pub(crate) fn of_overflow() -> Self {
        Self { is_overflow: true, ..Self::default() }
    }

    /// As the conventions name them.
    pub fn pairs(&self) -> Vec<Attribute> {
        if self.is_overflow {
            return vec![("otel.metric.overflow", "true".into())];
        }
        let mut pairs: Vec<Attribute> =
            vec![(REQUEST_METHOD, self.method.into()), (SERVER_ADDRESS, self.server_address.clone().into())];
        let port = self.server_port.map(|port| (SERVER_PORT, Value::Integer(port.into())));
        let status = self.status.map(|status| (STATUS_CODE, Value::Integer(status.into())));
        let error = self.error_type.clone().map(|error| (ERROR_TYPE, Value::Text(error)));
        let version = self.protocol_version.map(|version| (PROTOCOL_VERSION, version.into()));
        pairs.extend([port, status, error, version].into_iter().flatten());
        pairs
    }
}

/// How long the exchanges of a series took, since the recorder was made.
#[derive(Debug, Clone, PartialEq)]
pub struct Series {
    /// What they have in common.
    pub attributes: SeriesAttributes,
    /// How many there were.
    pub count: u64,
    /// How many seconds they took together.
    pub sum: f64,
    /// The shortest, in seconds.
    pub min: f64,
    /// The longest, in seconds.
    pub max: f64,
    /// How many fell into each bucket: those up to each of [`BOUNDARIES`](crate::BOUNDARIES), and those beyond.
    pub buckets: [u64; BUCKETS],
}

impl Series {
    pub(crate) fn new(attributes: SeriesAttributes) -> Self {
        Self { attributes, count: 0, sum: 0.0, min: f64::INFINITY, max: 0.0, buckets: [0; BUCKETS] }
    }

    pub(crate) fn add(&mut self, seconds: f64) {
        self.count += 1;
        self.sum += seconds;
        self.min = self.min.min(seconds);
        self.max = self.max.max(seconds);
        self.buckets[bucket(seconds)] += 1;
    }

    /// Takes another one in that has the same attributes.
    pub(crate) fn merge(&mut self, other: &Self) {
        self.count += other.count;
        self.sum += other.sum;
        self.min = self.min.min(other.min);
        self.max = self.max.max(other.max);
        for (own, more) in self.buckets.iter_mut().zip(other.buckets) {
            *own += more;
        }
    }
}
