//! A server that keeps a ledger of what has reached it.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// How often each path was asked for.
pub(crate) type Arrivals = Arc<Mutex<HashMap<String, u32>>>;

/// Starts it. Returns its URL and its ledger.
pub(crate) fn start() -> (String, Arrivals) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let arrivals = Arrivals::default();
    let ledger = arrivals.clone();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let ledger = ledger.clone();
            std::thread::spawn(move || {
                // A client that is killed is gone in the middle.
                let _ = serve(stream, &ledger);
            });
        }
    });
    (url, arrivals)
}

fn serve(stream: TcpStream, arrivals: &Arrivals) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let mut writer = stream.try_clone()?;
    let mut reader = BufReader::new(stream);
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 {
            return Ok(());
        }
        let path = line.split(' ').nth(1).unwrap_or_default().to_owned();
        let mut length = 0;
        loop {
            line.clear();
            reader.read_line(&mut line)?;
            if line == "\r\n" || line.is_empty() {
                break;
            }
            if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse().unwrap_or(0);
            }
        }
        reader.read_exact(&mut vec![0; length])?;
        *arrivals.lock().unwrap().entry(path.clone()).or_default() += 1;
        std::thread::sleep(Duration::from_millis(1));
        let is_odd = path.ends_with('3');
        let status = if is_odd { "500 Internal Server Error" } else { "200 OK" };
        let body = format!("{{\"path\":\"{path}\"}}");
        write!(writer, "HTTP/1.1 {status}\r\ncontent-length: {}\r\n\r\n{body}", body.len())?;
    }
}
