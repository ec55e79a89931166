//! The program: its arguments, what it prints and how it ends.

// The functions that tests share fail them in the same way.
#![allow(clippy::unwrap_used)]

use std::io::{BufRead, BufReader};
use std::net::{SocketAddr, TcpStream};
use std::process::{Command, Output, Stdio};

fn program(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_patata-testserver"));
    command.args(arguments);
    command
}

fn output(arguments: &[&str]) -> Output {
    program(arguments).output().unwrap()
}

#[cfg(unix)]
#[test]
fn it_prints_its_url_and_serves_until_it_is_told_to_stop() {
    for signal in ["-TERM", "-INT"] {
        let mut process =
            program(&["--address", "127.0.0.1:0", "--threads=2"]).stdout(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let url = lines.next().unwrap().unwrap();
        let address = url.strip_prefix("http://").unwrap();
        TcpStream::connect(address.parse::<SocketAddr>().unwrap()).unwrap();

        let id = process.id().to_string();
        let sent = Command::new("kill").args([signal, &id]).status().unwrap();
        assert!(sent.success());
        assert!(process.wait().unwrap().success());
        assert!(lines.next().is_none());
    }
}

#[test]
fn a_wrong_argument_is_explained_with_exit_code_2() {
    for (arguments, explanation) in [
        (&["--port", "1"][..], "there is no argument --port"),
        (&["8080"], "there is no argument 8080"),
        (&["--address"], "--address needs a value"),
        (&["--address", "here"], "--address needs an IP address and a port, not here"),
        (&["--threads=0"], "--threads needs a whole number above 0, not 0"),
        (&["--threads", "x"], "--threads needs a whole number above 0, not x"),
    ] {
        let output = output(arguments);
        assert_eq!(output.status.code(), Some(2));
        let message = String::from_utf8(output.stderr).unwrap();
        assert!(message.contains(explanation), "{message}");
        assert!(message.contains("usage: "), "{message}");
    }
}

#[test]
fn help_is_printed_with_success() {
    let output = output(&["--help"]);
    assert!(output.status.success());
    assert!(output.stdout.starts_with(b"usage: patata-testserver "));
}

#[test]
fn an_address_in_use_is_explained_with_exit_code_1() {
    let server = patata_testserver::Server::start().unwrap();
    let address = server.address().to_string();
    let output = output(&["--address", &address]);
    assert_eq!(output.status.code(), Some(1));
    let message = String::from_utf8(output.stderr).unwrap();
    assert!(message.contains(&address), "{message}");
}
