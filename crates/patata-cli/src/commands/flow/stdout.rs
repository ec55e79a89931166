//! Rows on stdout. They promise "at least once", and carry their ids.

use std::io::{self, Write};

use patata::Outcome;
use patata_run::{Asked, Id, Noted, Statistics, host_of, write_changed, write_items, write_row};

use super::Tag;
use super::changed::{PAGE, changed};
use crate::exit::Failure;
use crate::paging::Told;
use crate::redaction::Redaction;

/// How much is written at once.
const PIECE: usize = 64 << 10;

/// Writes rows, and keeps the accounts of them.
pub(crate) struct Stdout {
    buffer: Vec<u8>,
    with_headers: bool,
    pub(super) statistics: Statistics,
}

/// Whether anybody reads what is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reader {
    Reads,
    /// Has closed the pipe, and wants no more.
    HasLeft,
}

/// An outcome, and how it is written.
#[derive(Clone, Copy)]
pub(super) struct Answer<'a> {
    pub(super) outcome: &'a Outcome<Tag>,
    pub(super) is_ok: bool,
    pub(super) redaction: &'a Redaction,
    pub(super) told: &'a Told,
}

impl Stdout {
    pub(crate) fn new(with_headers: bool, statistics: Statistics) -> Self {
        Self { buffer: Vec::with_capacity(2 * PIECE), with_headers, statistics }
    }

    /// Takes an outcome.
    pub(super) fn write(
        &mut self,
        id: &Id,
        index: u64,
        method: &str,
        answer: &Answer<'_>,
    ) -> Result<Reader, Failure> {
        let Answer { outcome, is_ok, redaction, told } = *answer;
        let (response, error) = (outcome.result.as_ref().ok(), outcome.result.as_ref().err());
        let asked_for = error.map(|error| redaction.apply(error.url())).unwrap_or_default();
        let asked = Asked { id, index, method, url: &asked_for };
        let (buffer, with_headers) = (&mut self.buffer, self.with_headers);
        match redaction.is_empty() && told.is_empty() {
            true => write_row(buffer, &asked, outcome, is_ok, with_headers),
            false => changed(outcome, is_ok, redaction, told, |changed| {
                if told.items.is_none() {
                    return write_changed(buffer, &asked, changed, with_headers);
                }
                let mut page = Vec::new();
                write_changed(&mut page, &asked, changed, with_headers);
                write_items(buffer, &page);
            }),
        }
        let host = match response.map(|response| response.url.authority()) {
            Some(host) if redaction.is_empty() => host,
            Some(host) => redaction.apply(&host).into(),
            None => host_of(&asked_for).into(),
        };
        let message = told.error.clone().or_else(|| error.map(ToString::to_string));
        let message = message.map(|message| redaction.apply(&message));
        self.statistics.note(&Noted {
            status: response.map(|response| response.status.as_u16()),
            kind: error.map(|error| error.kind().name()).or(told.error.as_ref().map(|_| PAGE)),
            message: message.as_deref(),
            ok: is_ok,
            host: &host,
            elapsed: outcome.elapsed,
            attempts: outcome.attempts,
            bytes: response.map_or(0, |response| response.body.len() as u64),
            id,
        });
        if self.buffer.len() >= PIECE { self.flush() } else { Ok(Reader::Reads) }
    }

    /// Hands on what there is.
    pub(super) fn flush(&mut self) -> Result<Reader, Failure> {
        if self.buffer.is_empty() {
            return Ok(Reader::Reads);
        }
        let mut stdout = io::stdout().lock();
        let written = stdout.write_all(&self.buffer).and_then(|()| stdout.flush());
        self.buffer.clear();
        match &written {
            Err(cause) if cause.kind() == io::ErrorKind::BrokenPipe => Ok(Reader::HasLeft),
            _ => Failure::of_stdout(written).map(|()| Reader::Reads),
        }
    }
}
