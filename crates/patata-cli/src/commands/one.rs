//! One request, as with curl: the body goes to stdout or to a file.

use std::io::{self, Write};
use std::path::Path;

use patata::{Method, Response};

use super::paged;
use crate::args::commands::RequestArgs;
use crate::environment::Environment;
use crate::exit::{Exit, Failure};
use crate::resolve::One;

pub(super) fn perform(
    args: &RequestArgs,
    method: Method,
    environment: &Environment,
) -> Result<Exit, Failure> {
    let is_head = method == Method::HEAD;
    let One { client, request, paging } = One::new(args, method, environment)?;
    if let Some(paging) = paging {
        return paged::perform(args, &client, request, &paging, is_head);
    }
    let mut run = client.run([request]);
    let Some(outcome) = run.next() else {
        let why = run.stopped().map_or_else(|| "the request was not sent".to_owned(), ToString::to_string);
        return Err(Failure { exit: Exit::Stopped, message: why });
    };
    let is_ok = client.is_ok(&outcome);
    let response = match outcome.result {
        Ok(response) => response,
        Err(error) => {
            let exit = exit_of(&error);
            return match args.silent {
                true => Ok(exit),
                false => Err(Failure { exit, message: error.to_string() }),
            };
        }
    };
    let with_body = is_ok || !args.fail;
    let mut head = Vec::new();
    if args.include || is_head {
        write_head(&mut head, &response);
    }
    let body: &[u8] = if with_body { &response.body } else { b"" };
    match &args.output {
        Some(path) if response.saved_to.is_none() && with_body => save(path, body)?,
        Some(_) => {}
        None => head.extend_from_slice(body),
    }
    Failure::of_stdout(print(&head))?;
    match is_ok {
        true => Ok(Exit::Ok),
        false if args.silent || !args.fail => Ok(Exit::Failed),
        false => Err(Failure {
            exit: Exit::Failed,
            message: format!("{} was answered with {}", response.url, response.status),
        }),
    }
}

/// What an error ends the process with.
pub(super) fn exit_of(error: &patata::Error) -> Exit {
    match error.kind() {
        patata::ErrorKind::InvalidRequest => Exit::Usage,
        patata::ErrorKind::Save => Exit::LocalIo,
        _ => Exit::Failed,
    }
}

/// What no 2xx has: the engine saves these only.
fn save(path: &Path, body: &[u8]) -> Result<(), Failure> {
    std::fs::write(path, body).map_err(|cause| Failure::file("writing", path, cause))
}

fn print(bytes: &[u8]) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(bytes)?;
    stdout.flush()
}

pub(super) fn write_head(buffer: &mut Vec<u8>, response: &Response) {
    let reason = response.status.canonical_reason().unwrap_or_default();
    let line = format!("{:?} {} {reason}", response.version, response.status.as_u16());
    buffer.extend_from_slice(line.trim_end().as_bytes());
    buffer.extend_from_slice(b"\r\n");
    for (name, value) in response.headers.iter() {
        for part in [name.as_bytes(), b": ", value, b"\r\n"] {
            buffer.extend_from_slice(part);
        }
    }
    buffer.extend_from_slice(b"\r\n");
}
