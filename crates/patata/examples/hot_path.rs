//! Sends COUNT GETs, one after another, to a server in a process of its own: what `bench/instructions.py` counts
//! the instructions of. One at a time, as how many fall into one turn depends on the machine's mood.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};

use patata::{Client, Request};
use patata_testserver::Server;

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

fn main() -> Result<()> {
    let argument = std::env::args().nth(1).ok_or("usage: hot_path COUNT")?;
    if argument == "serve" {
        return serve();
    }
    let count: u64 = argument.parse()?;
    let (mut server, url) = start()?;
    let client = Client::builder().num_workers(1).concurrency(1).without_proxy().build()?;
    let mut run = client.run((0..count).map(|id| Request::get(id, url.as_str())));
    run.by_ref().for_each(drop);
    let ok = run.receipt().ok;
    drop(server.stdin.take());
    server.wait()?;
    if ok == count { Ok(()) } else { Err(format!("{ok} of {count} were answered").into()) }
}

/// Until standard input ends.
fn serve() -> Result<()> {
    let server = Server::start()?;
    println!("{}/", server.url());
    std::io::stdin().read_to_end(&mut Vec::new())?;
    Ok(())
}

/// This program again, as a server; and its URL.
fn start() -> Result<(Child, String)> {
    let mut command = Command::new(std::env::current_exe()?);
    let mut server = command.arg("serve").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
    let mut url = String::new();
    BufReader::new(server.stdout.take().ok_or("no output")?).read_line(&mut url)?;
    Ok((server, url.trim().to_owned()))
}
