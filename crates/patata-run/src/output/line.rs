//! A row as it is read again: the parts of it that a run folder must know.

use std::borrow::Cow;
use std::time::Duration;

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::id::Id;
use crate::ledger::entry::{Ended, Extent};

/// A row of output, read from its line.
#[derive(Debug, Deserialize)]
pub(crate) struct Line<'a> {
    #[serde(borrow, default)]
    id: Option<&'a RawValue>,
    pub(crate) index: u64,
    pub(crate) status: Option<u16>,
    pub(crate) ok: bool,
    #[serde(borrow, default)]
    pub(crate) url: Cow<'a, str>,
    pub(crate) attempts: u32,
    /// Milliseconds.
    pub(crate) ms: f64,
    #[serde(borrow)]
    pub(crate) error: Option<Fault<'a>>,
    #[serde(borrow, default)]
    pub(crate) body: Option<&'a RawValue>,
}

/// Why there is no response.
#[derive(Debug, Deserialize)]
pub(crate) struct Fault<'a> {
    #[serde(borrow)]
    pub(crate) kind: Cow<'a, str>,
    #[serde(borrow, default)]
    pub(crate) message: Cow<'a, str>,
}

impl<'a> Line<'a> {
    /// Reads a line. `None` for what is no row, as one that was cut off.
    pub(crate) fn read(line: &'a [u8]) -> Option<Self> {
        serde_json::from_slice(line).ok()
    }

    /// Its id. Whole numbers are read as such, however large they are.
    pub(crate) fn id(&self) -> Id {
        let Some(text) = self.id.map(RawValue::get) else { return Id::None };
        match text.parse() {
            Ok(number) => Id::Integer(number),
            Err(_) => serde_json::from_str(text).unwrap_or_default(),
        }
    }

    /// As the ledger has it.
    pub(crate) fn kind(&self) -> String {
        match (&self.error, self.status) {
            (Some(fault), _) => ledger_kind(&fault.kind).into_owned(),
            (None, Some(status)) => status.to_string(),
            (None, None) => String::new(),
        }
    }

    /// As the ledger has it, with what [`kind`](Self::kind) says and where the row stands.
    pub(crate) fn ended<'k>(&self, kind: &'k str, extent: Extent) -> Ended<'k> {
        Ended { is_ok: self.ok, kind, attempts: self.attempts, extent, elapsed: self.elapsed() }
    }

    pub(crate) fn elapsed(&self) -> Duration {
        Duration::try_from_secs_f64(self.ms / 1000.0).unwrap_or_default()
    }
}

/// A kind of error as one word, which stands between commas.
pub(crate) fn ledger_kind(kind: &str) -> Cow<'_, str> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
    if kind.bytes().all(is_plain) {
        return Cow::Borrowed(kind);
    }
    let plain = |letter: char| if u8::try_from(letter).is_ok_and(is_plain) { letter } else { '_' };
    Cow::Owned(kind.chars().map(plain).collect())
}
