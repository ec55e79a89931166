//! The ledger's server for HTTP/1.1: answers, delays, breaks off, closes and resets, all by seed.

use std::io;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::book::Fate;
use crate::items;
use crate::server::{Context, reset_on_close};

/// What is done about a request.
enum Deed {
    Answer(u16, Duration),
    /// Answers as if it kept the connection, and closes it.
    AnswerAndClose,
    AnswerSayingClose,
    /// Breaks off in the middle of an answer.
    BreakOff,
    /// Resets the connection with the body unread.
    ResetUnread,
    /// Reads everything and ends the connection: as after a crash in the middle of the work.
    ResetRead,
    CloseRead,
    Silence,
}

fn choose(seed: u64, id: u64, arrival: usize) -> Deed {
    let mut random = items::random(seed, id, arrival as u64);
    match random.u32(..1000) {
        0..60 => Deed::Answer([429, 500, 503][random.usize(..3)], Duration::ZERO),
        60..75 => Deed::ResetUnread,
        75..85 => Deed::ResetRead,
        85..95 => Deed::CloseRead,
        95..105 => Deed::BreakOff,
        105 => Deed::Silence,
        106..125 => Deed::AnswerAndClose,
        125..135 => Deed::AnswerSayingClose,
        135..185 => Deed::Answer(200, Duration::from_millis(random.u64(1..6))),
        _ => Deed::Answer(200, Duration::ZERO),
    }
}

/// A request's head: whose it is, where it ends, and how long its body is.
struct Head {
    id: u64,
    length: usize,
    body: usize,
}

/// Serves a connection to its end.
pub(crate) async fn serve(mut stream: TcpStream, context: &Context) -> io::Result<()> {
    let connection = context.book.connect();
    let mut received = Vec::new();
    let mut is_kept = false;
    while let Some(head) = read_head(&mut stream, &mut received).await? {
        let number = context.book.arrive(head.id, connection, is_kept);
        let deed = choose(context.seed, head.id, number);
        if matches!(deed, Deed::ResetUnread) {
            return reset_on_close(&stream);
        }
        let whole = head.length + head.body;
        read_to(&mut stream, &mut received, whole).await?;
        let body: Vec<u8> = received.drain(..whole).skip(head.length).collect();
        context.book.read_whole(head.id, number, items::hash(&body));
        let answer = items::answer(head.id, number, &body);
        let mark = |fate| context.book.mark(head.id, number, fate);
        match deed {
            Deed::Answer(status, delay) => {
                if !delay.is_zero() {
                    tokio::time::sleep(delay).await;
                }
                mark(Fate::Answered(status));
                stream.write_all(response(status, "", &answer).as_bytes()).await?;
            }
            Deed::AnswerAndClose => {
                mark(Fate::Answered(200));
                return stream.write_all(response(200, "", &answer).as_bytes()).await;
            }
            Deed::AnswerSayingClose => {
                mark(Fate::Answered(200));
                return stream.write_all(response(200, "connection: close\r\n", &answer).as_bytes()).await;
            }
            Deed::BreakOff => {
                mark(Fate::Broken);
                let broken = response(200, "", &answer);
                return stream.write_all(&broken.as_bytes()[..broken.len() - 3]).await;
            }
            Deed::ResetRead | Deed::ResetUnread => return reset_on_close(&stream),
            Deed::CloseRead => return Ok(()),
            Deed::Silence => {
                mark(Fate::Silent);
                return stream.read(&mut [0]).await.map(drop);
            }
        }
        is_kept = true;
    }
    Ok(())
}

fn response(status: u16, header: &str, body: &str) -> String {
    format!("HTTP/1.1 {status} S\r\ncontent-length: {}\r\n{header}\r\n{body}", body.len())
}

/// The next request's head; `None` once the client has gone.
async fn read_head(stream: &mut TcpStream, received: &mut Vec<u8>) -> io::Result<Option<Head>> {
    loop {
        if let Some(end) = received.windows(4).position(|four| four == b"\r\n\r\n") {
            return Ok(Some(parse(&received[..end + 4])));
        }
        if stream.read_buf(received).await? == 0 {
            return Ok(None);
        }
    }
}

fn parse(head: &[u8]) -> Head {
    let text = std::str::from_utf8(head).unwrap();
    let mut lines = text.lines();
    let mut first = lines.next().unwrap().split(' ');
    let method = first.next().unwrap();
    let id = first.next().unwrap()[1..].parse().unwrap();
    assert_eq!(method, items::method(id).as_str());
    let length = lines.find_map(|line| line.strip_prefix("content-length: ")).unwrap();
    Head { id, length: head.len(), body: length.parse().unwrap() }
}

async fn read_to(stream: &mut TcpStream, received: &mut Vec<u8>, length: usize) -> io::Result<()> {
    while received.len() < length {
        if stream.read_buf(received).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
    Ok(())
}
