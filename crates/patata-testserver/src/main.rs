//! The command line: serves until it is told to stop.

use std::fmt::Display;
use std::io;
use std::net::SocketAddr;
use std::process::ExitCode;

use patata_testserver::Server;

const USAGE: &str = "usage: patata-testserver [--address 127.0.0.1:8080] [--threads 1]";

#[derive(Debug)]
enum Command {
    Serve { address: SocketAddr, threads: usize },
    Help,
}

fn main() -> ExitCode {
    match parse(std::env::args().skip(1)) {
        Err(message) => {
            eprintln!("patata-testserver: {message}\n{USAGE}");
            ExitCode::from(2)
        }
        Ok(Command::Help) => {
            println!("{USAGE}");
            ExitCode::SUCCESS
        }
        Ok(Command::Serve { address, threads }) => match serve(address, threads) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                eprintln!("patata-testserver: cannot serve on {address}: {error}");
                ExitCode::FAILURE
            }
        },
    }
}

/// What the arguments ask for, or what is wrong with them.
fn parse(mut arguments: impl Iterator<Item = String>) -> Result<Command, String> {
    let mut address = SocketAddr::from(([127, 0, 0, 1], 8080));
    let mut threads = 1;
    while let Some(argument) = arguments.next() {
        let (flag, value) = match argument.split_once('=') {
            Some((flag, value)) => (flag, Some(value.to_owned())),
            None => (argument.as_str(), None),
        };
        let mut value =
            || value.clone().or_else(|| arguments.next()).ok_or_else(|| format!("{flag} needs a value"));
        match flag {
            "--address" => {
                let value = value()?;
                address = value.parse().map_err(|_| wrong(flag, "an IP address and a port", value))?;
            }
            "--threads" => {
                let value = value()?;
                threads = value
                    .parse()
                    .ok()
                    .filter(|threads| *threads > 0)
                    .ok_or_else(|| wrong(flag, "a whole number above 0", value))?;
            }
            "--help" | "-h" => return Ok(Command::Help),
            _ => return Err(format!("there is no argument {argument}")),
        }
    }
    Ok(Command::Serve { address, threads })
}

fn wrong(flag: &str, wanted: &str, value: impl Display) -> String {
    format!("{flag} needs {wanted}, not {value}")
}

fn serve(address: SocketAddr, threads: usize) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
    runtime.block_on(async {
        // Before the line is printed, as who reads it may stop us at once.
        let stopped = stop_signal()?;
        let server = Server::builder().address(address).threads(threads).start()?;
        println!("{}", server.url());
        stopped.await;
        server.stop();
        Ok(())
    })
}

/// Ends when the process is told to stop, by Ctrl-C or SIGTERM. What arrives
/// from this call on is noticed, even before the future is awaited.
#[cfg(unix)]
fn stop_signal() -> io::Result<impl Future<Output = ()>> {
    use std::task::Poll;
    use tokio::signal::unix::{SignalKind, signal};

    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    Ok(std::future::poll_fn(move |context| {
        // Both are polled, so that either wakes us.
        let interrupted = interrupt.poll_recv(context).is_ready();
        let terminated = terminate.poll_recv(context).is_ready();
        if interrupted || terminated { Poll::Ready(()) } else { Poll::Pending }
    }))
}

/// Ends when the process is told to stop, by Ctrl-C.
#[cfg(not(unix))]
fn stop_signal() -> io::Result<impl Future<Output = ()>> {
    let mut interrupt = tokio::signal::windows::ctrl_c()?;
    Ok(async move {
        interrupt.recv().await;
    })
}
