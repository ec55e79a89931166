//! The ledger's server for HTTP/2, in bare frames: besides all else it refuses streams and says GOAWAY.
//!
//! Heads are compressed and not read; a request's body says whose it is.

use std::collections::HashMap;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::Mutex;

use crate::book::Fate;
use crate::items;
use crate::server::{Context, reset_on_close};

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const GOAWAY: u8 = 7;
const WINDOW_UPDATE: u8 = 8;

const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;
const ACK: u8 = 1;

const NO_ERROR: u32 = 0;
const INTERNAL_ERROR: u32 = 2;
const REFUSED_STREAM: u32 = 7;

/// What is done about a request.
enum Deed {
    Answer(u16, Duration),
    /// Resets the stream, in the middle of an answer or before it.
    BreakOff,
    Reset,
    /// Says that it has not been looked at: this one, or whatever comes after those that have been.
    Refuse,
    GoAway,
    /// The same, and ends the connection at once, whatever is under way on it.
    GoAwayAndLeave,
    /// Resets the connection under all that is under way on it.
    Tear,
    Silence,
}

fn choose(seed: u64, id: u64, arrival: usize) -> Deed {
    let mut random = items::random(seed, id, arrival as u64);
    match random.u32(..1000) {
        0..60 => Deed::Answer([429, 500, 503][random.usize(..3)], Duration::ZERO),
        60..80 => Deed::Reset,
        80..95 => Deed::BreakOff,
        95..120 => Deed::Refuse,
        120..124 => Deed::GoAway,
        124..126 => Deed::GoAwayAndLeave,
        126..128 => Deed::Tear,
        128 => Deed::Silence,
        129..179 => Deed::Answer(200, Duration::from_millis(random.u64(1..6))),
        _ => Deed::Answer(200, Duration::ZERO),
    }
}

/// Whether the connection goes on.
#[derive(PartialEq)]
enum Next {
    GoOn,
    Leave,
}

/// The sending side, which answers that are late share. It is taken out where the connection is torn.
type Writer = Arc<Mutex<Option<OwnedWriteHalf>>>;

struct Connection<'a> {
    context: &'a Context,
    number: usize,
    reader: BufReader<OwnedReadHalf>,
    writer: Writer,
    /// What has come of each open stream's body.
    bodies: HashMap<u32, Vec<u8>>,
    /// The highest stream that has been acted on, and what a GOAWAY named as the last.
    highest: u32,
    last: Option<u32>,
    is_kept: Arc<AtomicBool>,
}

/// Serves a connection to its end.
pub(crate) async fn serve(stream: TcpStream, context: &Context) -> io::Result<()> {
    let (reader, writer) = stream.into_split();
    let mut connection = Connection {
        context,
        number: context.book.connect(),
        reader: BufReader::new(reader),
        writer: Arc::new(Mutex::new(Some(writer))),
        bodies: HashMap::new(),
        highest: 0,
        last: None,
        is_kept: Arc::default(),
    };
    let result = connection.frames().await;
    connection.writer.lock().await.take();
    result
}

impl Connection<'_> {
    async fn frames(&mut self) -> io::Result<()> {
        self.reader.read_exact(&mut [0; 24]).await?;
        self.send(frame(SETTINGS, 0, 0, &[&3_u16.to_be_bytes()[..], &40_u32.to_be_bytes()].concat())).await?;
        let mut head = [0; 9];
        while self.reader.read_exact(&mut head).await.is_ok() {
            let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
            let mut payload = vec![0; length as usize];
            self.reader.read_exact(&mut payload).await?;
            let (kind, flags) = (head[3], head[4]);
            let stream = u32::from_be_bytes([head[5], head[6], head[7], head[8]]);
            if self.take(kind, flags, stream, &payload).await? == Next::Leave {
                break;
            }
        }
        Ok(())
    }

    async fn take(&mut self, kind: u8, flags: u8, stream: u32, payload: &[u8]) -> io::Result<Next> {
        match kind {
            SETTINGS if flags & ACK == 0 => self.send(frame(SETTINGS, ACK, 0, &[])).await?,
            HEADERS => {
                assert_eq!(flags, END_HEADERS, "a small head, and a body behind it");
                self.bodies.insert(stream, Vec::new());
            }
            RST_STREAM => drop(self.bodies.remove(&stream)),
            DATA => return self.take_data(flags, stream, payload).await,
            _ => {}
        }
        Ok(Next::GoOn)
    }

    async fn take_data(&mut self, flags: u8, stream: u32, payload: &[u8]) -> io::Result<Next> {
        let is_last = flags & END_STREAM != 0;
        if !payload.is_empty() {
            let more = u32::try_from(payload.len()).unwrap().to_be_bytes();
            let mut windows = frame(WINDOW_UPDATE, 0, 0, &more);
            if !is_last {
                windows.extend(frame(WINDOW_UPDATE, 0, stream, &more));
            }
            self.send(windows).await?;
        }
        let Some(body) = self.bodies.get_mut(&stream) else { return Ok(Next::GoOn) };
        body.extend_from_slice(payload);
        if !is_last {
            return Ok(Next::GoOn);
        }
        let body = std::mem::take(body);
        self.bodies.remove(&stream);
        self.act(stream, &body).await
    }

    /// A whole request is there.
    async fn act(&mut self, stream: u32, body: &[u8]) -> io::Result<Next> {
        let book = &self.context.book;
        let id = u64::from_be_bytes(body[..8].try_into().unwrap());
        let arrival = book.arrive(id, self.number, self.is_kept.load(Ordering::SeqCst));
        book.read_whole(id, arrival, items::hash(body));
        if self.last.is_some_and(|last| stream > last) {
            book.mark(id, arrival, Fate::Undone);
            return Ok(Next::GoOn);
        }
        let deed = match choose(self.context.seed, id, arrival) {
            // What has been acted on cannot be disowned any more, and one GOAWAY is enough.
            Deed::GoAway | Deed::GoAwayAndLeave if stream < self.highest || self.last.is_some() => {
                Deed::Refuse
            }
            deed => deed,
        };
        if matches!(deed, Deed::Refuse | Deed::GoAway | Deed::GoAwayAndLeave) {
            book.mark(id, arrival, Fate::Undone);
        } else {
            self.highest = self.highest.max(stream);
        }
        match deed {
            Deed::Answer(status, delay) => {
                let text = items::answer(id, arrival, body);
                self.answer(delay, Answer { id, arrival, stream, status, text }).await?;
            }
            Deed::BreakOff => {
                book.mark(id, arrival, Fate::Broken);
                let begun = [head(stream, 200), frame(DATA, 0, stream, b"broken")].concat();
                self.send([begun, reset(stream, INTERNAL_ERROR)].concat()).await?;
            }
            Deed::Reset => {
                book.mark(id, arrival, Fate::Broken);
                self.send(reset(stream, INTERNAL_ERROR)).await?;
            }
            Deed::Refuse => self.send(reset(stream, REFUSED_STREAM)).await?,
            Deed::GoAway => self.go_away().await?,
            Deed::GoAwayAndLeave => {
                book.tear(self.number);
                self.go_away().await?;
                return Ok(Next::Leave);
            }
            Deed::Tear => {
                book.tear(self.number);
                reset_on_close(self.reader.get_ref().as_ref())?;
                return Ok(Next::Leave);
            }
            Deed::Silence => book.mark(id, arrival, Fate::Silent),
        }
        Ok(Next::GoOn)
    }

    async fn go_away(&mut self) -> io::Result<()> {
        self.last = Some(self.highest);
        let payload = [self.highest.to_be_bytes(), NO_ERROR.to_be_bytes()].concat();
        self.send(frame(GOAWAY, 0, 0, &payload)).await
    }

    /// Answers, at once or from a task that waits first, so that answers overtake one another.
    async fn answer(&self, delay: Duration, answer: Answer) -> io::Result<()> {
        let (book, writer, is_kept) = (self.context.book.clone(), self.writer.clone(), self.is_kept.clone());
        let answering = async move {
            let mut writer = writer.lock().await;
            let Some(writer) = &mut *writer else { return Ok(()) };
            book.mark(answer.id, answer.arrival, Fate::Answered(answer.status));
            is_kept.store(true, Ordering::SeqCst);
            writer.write_all(&answer.frames()).await
        };
        if delay.is_zero() {
            return answering.await;
        }
        tokio::spawn(async move {
            tokio::time::sleep(delay).await;
            // A client that has gone is seen by whoever reads.
            let _ = answering.await;
        });
        Ok(())
    }

    async fn send(&self, bytes: Vec<u8>) -> io::Result<()> {
        match &mut *self.writer.lock().await {
            Some(writer) => writer.write_all(&bytes).await,
            None => Ok(()),
        }
    }
}

struct Answer {
    id: u64,
    arrival: usize,
    stream: u32,
    status: u16,
    text: String,
}

impl Answer {
    fn frames(&self) -> Vec<u8> {
        let body = frame(DATA, END_STREAM, self.stream, self.text.as_bytes());
        [head(self.stream, self.status), body].concat()
    }
}

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

fn reset(stream: u32, reason: u32) -> Vec<u8> {
    frame(RST_STREAM, 0, stream, &reason.to_be_bytes())
}

/// A head that says nothing but a status, as a literal that is not indexed.
fn head(stream: u32, status: u16) -> Vec<u8> {
    let fields = [&[0x08, 3][..], status.to_string().as_bytes()].concat();
    frame(HEADERS, END_HEADERS, stream, &fields)
}
