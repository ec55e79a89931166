//! One connection to a holder: it proves that it knows the secret, joins, and is heard until it ends.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::io::AsyncWriteExt;
use tokio::sync::{Notify, mpsc};
use tokio::time::timeout;

use crate::holder::core::{Joining, Shared};
use crate::holder::listen::{Reader, Writer};
use crate::units::sharer::SharerId;
use crate::wire::frame::{Lines, NoLine};
use crate::wire::proof::{Side, nonce, proof, proves};
use crate::wire::{FromHolder, LONGEST_TO_HOLDER, Refusal, ToHolder, VERSION, line};

/// How long one may take to prove that it knows the secret, in all.
const HANDSHAKE: Duration = Duration::from_secs(5);
/// How long one may be silent. Those who share a budget say something each second.
const LIFETIME: Duration = Duration::from_secs(5);
/// How many lines wait for one who does not read, before it is taken for dead.
const UNREAD: usize = 4096;
/// The longest name that is shown of one who shares the budget.
const LONGEST_NAME: usize = 128;

/// What a connection needs of its holder.
#[derive(Clone)]
pub(crate) struct Context {
    pub(crate) shared: Arc<Shared>,
    pub(crate) secret: Arc<str>,
    /// Told when it may be time to share out.
    pub(crate) changed: Arc<Notify>,
}

/// Why a connection ends.
enum Over {
    /// It said so, or it has ended.
    Left { is_in_order: bool },
    /// It is to be told.
    Refused(Refusal, String),
}

impl From<NoLine> for Over {
    fn from(none: NoLine) -> Self {
        match none {
            NoLine::TooLong(_) => {
                Self::Refused(Refusal::Malformed, format!("a line is longer than {LONGEST_TO_HOLDER} bytes"))
            }
            NoLine::Ended | NoLine::Io(_) => Self::Left { is_in_order: false },
        }
    }
}

/// Talks with one who has connected.
pub(crate) async fn talk(reader: Reader, mut writer: Writer, context: Context) {
    let mut lines = Lines::new(reader, LONGEST_TO_HOLDER);
    let proven = timeout(HANDSHAKE, prove(&mut lines, &mut writer, &context)).await;
    let over = match proven {
        Ok(Ok(())) => attend(&mut lines, writer, &context).await,
        Ok(Err(over)) => return refuse(over, &mut writer).await,
        Err(_) => return,
    };
    if let Some((over, mut writer)) = over {
        refuse(over, &mut writer).await;
    }
}

async fn refuse(over: Over, writer: &mut Writer) {
    if let Over::Refused(code, why) = over {
        let told = line(&FromHolder::Refused { code, why, version: VERSION });
        // Who has gone need not be told.
        let _ = timeout(HANDSHAKE, writer.write_all(&told)).await;
        let _ = timeout(HANDSHAKE, writer.shutdown()).await;
    }
}

fn heard(bytes: &[u8]) -> Result<ToHolder, Over> {
    serde_json::from_slice(bytes)
        .map_err(|_| Over::Refused(Refusal::Malformed, "a line is none of the protocol".to_owned()))
}

/// Both sides prove to each other that they know the secret.
async fn prove(lines: &mut Lines<Reader>, writer: &mut Writer, context: &Context) -> Result<(), Over> {
    let ToHolder::Hello { version, nonce: of_client } = heard(&lines.next().await?)? else {
        return Err(Over::Refused(Refusal::Malformed, "the first line must be a hello".to_owned()));
    };
    if version != VERSION {
        return Err(Over::Refused(
            Refusal::Version,
            format!("version {VERSION} is spoken here, not {version}"),
        ));
    }
    let of_holder = nonce().map_err(|error| Over::Refused(Refusal::Busy, error.to_string()))?;
    say(writer, &FromHolder::Challenge { version: VERSION, nonce: of_holder.clone() }).await?;
    let ToHolder::Proof { proof: said } = heard(&lines.next().await?)? else {
        return Err(Over::Refused(Refusal::Malformed, "the second line must be a proof".to_owned()));
    };
    if !proves(&said, &context.secret, Side::Client, &of_holder, &of_client) {
        return Err(Over::Refused(Refusal::Secret, "the secret is wrong".to_owned()));
    }
    let terms = context.shared.lock().budget.terms().clone();
    let proof = proof(&context.secret, Side::Holder, &of_holder, &of_client);
    say(writer, &FromHolder::Welcome { proof, terms }).await
}

async fn say(writer: &mut Writer, message: &FromHolder) -> Result<(), Over> {
    writer.write_all(&line(message)).await.map_err(|_| Over::Left { is_in_order: false })
}

/// Hears one who has proven who it is, and tells it what is for it, until it ends.
async fn attend(lines: &mut Lines<Reader>, writer: Writer, context: &Context) -> Option<(Over, Writer)> {
    let (outgoing, told) = mpsc::channel(UNREAD);
    let mut written = tokio::spawn(write(writer, told));
    let mut joined = None;
    let over = loop {
        let next = tokio::select! {
            next = timeout(LIFETIME, lines.next()) => next,
            // It has not read what it was told, or has gone.
            _ = &mut written => {
                end(joined, false, context);
                return None;
            }
        };
        let said = match next {
            Ok(Ok(bytes)) => heard(&bytes),
            Ok(Err(none)) => Err(none.into()),
            Err(_) => Err(Over::Left { is_in_order: false }),
        };
        match said.and_then(|said| hear(said, &mut joined, &outgoing, context)) {
            Ok(()) => {}
            Err(over) => break over,
        }
    };
    end(joined, !matches!(over, Over::Left { is_in_order: false }), context);
    // With it, the last way to the writer is gone, and it ends with what there was.
    drop(outgoing);
    let writer = timeout(HANDSHAKE, written).await.ok()?.ok()??;
    Some((over, writer))
}

fn end(joined: Option<(SharerId, u64)>, is_in_order: bool, context: &Context) {
    if let Some((id, connection)) = joined {
        context.shared.lock().end(id, connection, is_in_order, Instant::now());
        context.changed.notify_one();
    }
}

/// Writes what there is to tell. Gives the way back once nobody has anything to tell any more.
async fn write(mut writer: Writer, mut told: mpsc::Receiver<Vec<u8>>) -> Option<Writer> {
    let mut together = Vec::new();
    while let Some(line) = told.recv().await {
        together.extend_from_slice(&line);
        while let Ok(line) = told.try_recv() {
            together.extend_from_slice(&line);
        }
        timeout(LIFETIME, writer.write_all(&together)).await.ok()?.ok()?;
        together.clear();
    }
    Some(writer)
}

fn hear(
    said: ToHolder,
    joined: &mut Option<(SharerId, u64)>,
    outgoing: &mpsc::Sender<Vec<u8>>,
    context: &Context,
) -> Result<(), Over> {
    let now = Instant::now();
    let malformed = |why: &str| Err(Over::Refused(Refusal::Malformed, why.to_owned()));
    let answer = match said {
        ToHolder::Ping => FromHolder::Pong,
        ToHolder::Status => FromHolder::Status(context.shared.lock().status(now)),
        ToHolder::Bye => return Err(Over::Left { is_in_order: true }),
        ToHolder::Hello { .. } | ToHolder::Proof { .. } => return malformed("it has been greeted already"),
        ToHolder::Join { client, name, weight, holds, busy_us } => {
            let Ok(id) = SharerId::from_str_radix(&client, 16) else {
                return malformed("client must be up to 32 hexadecimal digits");
            };
            if joined.is_some() {
                return malformed("it has joined already");
            }
            let name = name.chars().filter(|c| !c.is_control()).take(LONGEST_NAME).collect();
            let mut core = context.shared.lock();
            let connection = core.join(Joining { id, name, weight, holds, busy_us }, outgoing.clone(), now);
            *joined = Some((id, connection));
            return Ok(());
        }
        said => {
            let Some((id, _)) = joined else { return malformed("it must join first") };
            let mut core = context.shared.lock();
            core.hear(*id, said, now).map_err(|error| Over::Refused(Refusal::TooDear, error.to_string()))?;
            core.pump(now);
            drop(core);
            // When to look next may have changed.
            context.changed.notify_one();
            return Ok(());
        }
    };
    // One that reads nothing has its connection closed.
    outgoing.try_send(line(&answer)).map_err(|_| Over::Left { is_in_order: false })
}
