//! The servers of the simulated network.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::sleep;
use turmoil::net::{TcpListener, TcpStream};

use crate::simulation::{Log, Machine, now};

/// What a server does with a request, by what it has seen of it.
pub(crate) type Behaviour = Arc<dyn Fn(&Arrival) -> Answer + Send + Sync>;

/// A request as it arrived.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Arrival {
    pub(crate) at: Duration,
    pub(crate) host: (Ipv4Addr, u16),
    pub(crate) method: String,
    pub(crate) id: u64,
    /// How often it has arrived, this time included.
    pub(crate) times: usize,
}

/// What a server answers.
#[derive(Debug, Clone, Default)]
pub(crate) struct Answer {
    pub(crate) after: Duration,
    pub(crate) status: u16,
    /// In seconds.
    pub(crate) retry_after: Option<u64>,
    /// Whole lines.
    pub(crate) headers: String,
}

/// A 200 after so many milliseconds.
pub(crate) fn ok(milliseconds: u64) -> Answer {
    Answer { after: Duration::from_millis(milliseconds), status: 200, ..Answer::default() }
}

/// A 503 at once.
pub(crate) fn busy() -> Answer {
    Answer { status: 503, ..Answer::default() }
}

/// An answer that never comes.
pub(crate) fn never() -> Answer {
    ok(u64::MAX / 1_000_000)
}

/// All servers of a machine.
pub(crate) async fn serve(machine: Machine, log: Log) -> turmoil::Result {
    let mut listening = Vec::new();
    for port in machine.ports.clone() {
        let listener = TcpListener::bind((Ipv4Addr::UNSPECIFIED, port)).await?;
        let (machine, log) = (machine.clone(), log.clone());
        listening.push(tokio::task::spawn_local(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::task::spawn_local(converse(
                    stream,
                    (machine.address, port),
                    machine.clone(),
                    log.clone(),
                ));
            }
        }));
    }
    for listener in listening {
        listener.await?;
    }
    Ok(())
}

/// One connection. It ends with the client, or with the machine.
async fn converse(mut stream: TcpStream, host: (Ipv4Addr, u16), machine: Machine, log: Log) {
    let mut received = Vec::new();
    loop {
        while !received.windows(4).any(|bytes| bytes == b"\r\n\r\n") {
            let mut buffer = [0; 4096];
            match stream.read(&mut buffer).await {
                Ok(count) if count > 0 => received.extend_from_slice(&buffer[..count]),
                _ => return,
            }
        }
        let arrival = arrival(&received, host, &log);
        received.clear();
        let Answer { after, status, retry_after, headers } = (machine.behaviour)(&arrival);
        log.lock().unwrap().arrivals.push(arrival.clone());
        sleep(after).await;
        let retry_after =
            retry_after.map(|seconds| format!("retry-after: {seconds}\r\n")).unwrap_or_default();
        let body = arrival.id.to_string();
        let head = format!(
            "HTTP/1.1 {status} Status\r\n{retry_after}{headers}content-length: {}\r\n\r\n",
            body.len()
        );
        if stream.write_all(format!("{head}{body}").as_bytes()).await.is_err() {
            return;
        }
    }
}

fn arrival(head: &[u8], host: (Ipv4Addr, u16), log: &Log) -> Arrival {
    let text = String::from_utf8_lossy(head);
    let mut words = text.split(' ');
    let method = words.next().unwrap_or_default().to_owned();
    let id = words.next().and_then(|path| path.trim_start_matches('/').parse().ok()).unwrap_or(u64::MAX);
    let mut log = log.lock().unwrap();
    let times = log.times.entry(id).or_default();
    *times += 1;
    Arrival { at: now(), host, method, id, times: *times }
}
