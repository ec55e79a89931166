//! The test server in a process of its own: the same program, which is told to serve.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};

use patata_testserver::Server;

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

/// Until standard input ends.
pub(crate) fn serve() -> Result<()> {
    let server = Server::start()?;
    println!("{}/", server.url());
    std::io::stdin().read_to_end(&mut Vec::new())?;
    Ok(())
}

/// This program again, as a server; and its URL.
pub(crate) fn start() -> Result<(Child, String)> {
    let mut command = Command::new(std::env::current_exe()?);
    let mut server = command.arg("serve").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
    let mut url = String::new();
    BufReader::new(server.stdout.take().ok_or("no output")?).read_line(&mut url)?;
    Ok((server, url.trim().to_owned()))
}
