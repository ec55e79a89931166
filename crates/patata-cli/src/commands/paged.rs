//! One request and the pages that it leads to: their bodies, or their items, go to stdout one after another.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::io::{self, Write};

use patata::{Client, Outcome, Request};
use serde_json::value::RawValue;

use super::flow::stdout::Reader;
use super::one::{exit_of, write_head};
use crate::args::commands::RequestArgs;
use crate::exit::{Exit, Failure};
use crate::paging::{Chain, Led, Paging, Told};

/// How a page is printed.
struct Printing {
    with_head: bool,
    /// Whether what has failed has no body.
    fails: bool,
    with_items: bool,
}

pub(super) fn perform(
    args: &RequestArgs,
    client: &Client,
    request: Request<()>,
    paging: &Paging,
    is_head: bool,
) -> Result<Exit, Failure> {
    let (request, chain) = paging.begun(request);
    let told: RefCell<VecDeque<Told>> = RefCell::default();
    let follow = |outcome: &Outcome<patata::Followed<Cell<Option<Chain>>>>| {
        let chain = outcome.tag.tag.take();
        let led = chain.map(|chain| paging.led(chain, outcome, client.is_ok(outcome)));
        let Led { mut next, told: of_page } = led.unwrap_or_default();
        told.borrow_mut().push_back(of_page);
        std::iter::from_fn(move || {
            let (request, chain) = paging.next(&mut next)?;
            Some(request.with_tag(Cell::new(Some(chain))).0)
        })
    };
    let mut run = client.run_followed([request.with_tag(Cell::new(chain)).0], follow);
    let printing =
        Printing { with_head: args.include || is_head, fails: args.fail, with_items: paging.has_items() };
    let (mut failure, mut buffer) = (None, Vec::new());
    for outcome in run.by_ref() {
        let told = told.borrow_mut().pop_front().unwrap_or_default();
        let is_ok = client.is_ok(&outcome);
        buffer.clear();
        printing.write(&mut buffer, &outcome, is_ok, &told);
        if print(&buffer)? == Reader::HasLeft {
            return Ok(Exit::Ok);
        }
        failure = failure.or_else(|| failure_of(&outcome, is_ok, told));
    }
    if run.is_overflown() {
        let why = "more pages were found at once than are kept in memory; add parallel=false to --pages, or have them in a \
                   folder: patata run";
        failure = failure.or(Some(Failure { exit: Exit::Stopped, message: why.to_owned() }));
    }
    if let Some(stop) = run.stopped() {
        failure = failure.or(Some(Failure { exit: Exit::Stopped, message: stop.to_string() }));
    }
    match failure {
        None => Ok(Exit::Ok),
        Some(failure) if args.silent => Ok(failure.exit),
        Some(failure) => Err(failure),
    }
}

impl Printing {
    fn write<T>(&self, buffer: &mut Vec<u8>, outcome: &Outcome<T>, is_ok: bool, told: &Told) {
        let Ok(response) = &outcome.result else { return };
        if self.with_head {
            write_head(buffer, response);
        }
        match &told.items {
            Some(items) => write_lines(buffer, items),
            // What is no page among items would be taken for one.
            None if self.with_items || (self.fails && !is_ok) => {}
            None => {
                buffer.extend_from_slice(&response.body);
                if !response.body.is_empty() && !response.body.ends_with(b"\n") {
                    buffer.push(b'\n');
                }
            }
        }
    }
}

fn print(bytes: &[u8]) -> Result<Reader, Failure> {
    let mut stdout = io::stdout().lock();
    let written = stdout.write_all(bytes).and_then(|()| stdout.flush());
    match &written {
        Err(cause) if cause.kind() == io::ErrorKind::BrokenPipe => Ok(Reader::HasLeft),
        _ => Failure::of_stdout(written).map(|()| Reader::Reads),
    }
}

/// Writes items, a line each.
fn write_lines(buffer: &mut Vec<u8>, items: &str) {
    let items: Vec<&RawValue> = serde_json::from_str(items).unwrap_or_default();
    for item in items {
        buffer.extend_from_slice(item.get().as_bytes());
        buffer.push(b'\n');
    }
}

fn failure_of<T>(outcome: &Outcome<T>, is_ok: bool, told: Told) -> Option<Failure> {
    let exit = outcome.result.as_ref().err().map_or(Exit::Failed, exit_of);
    if let Some(message) = told.error {
        return Some(Failure { exit, message });
    }
    match &outcome.result {
        Err(error) => Some(Failure { exit, message: error.to_string() }),
        Ok(response) if !is_ok => {
            let message = format!("{} was answered with {}", response.url, response.status);
            Some(Failure { exit, message })
        }
        Ok(_) => None,
    }
}
