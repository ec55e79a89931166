//! What the fuzz target and a property test call: bytes from outside, as far in as they come.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::mpsc;

use crate::handle::Handle;
use crate::holder::core::{Joining, Shared};
use crate::units::terms::Terms;
use crate::wire::{FromHolder, ToHolder};

/// Lines to a holder by one that is let in, and the same as lines from a holder, and as a handle.
///
/// # Panics
/// What is granted is no more than the budget allows, whatever is said.
pub fn wire(data: &[u8]) {
    if let Ok(text) = std::str::from_utf8(data) {
        let _ = text.parse::<Handle>().map(|handle| (handle.reveal(), handle.to_string()));
    }
    let Ok(terms) = Terms::new().rate("requests", "100/s").and_then(|terms| terms.rate("tokens", "9000/min"))
    else {
        return;
    };
    let shared = Arc::new(Shared::new(terms.concurrency(5)));
    let (outgoing, mut told) = mpsc::channel(4096);
    let (mut now, mut granted) = (Instant::now(), 0);
    let joining = Joining { id: 1, name: String::new(), weight: 1.0, holds: 0, busy_us: Vec::new() };
    shared.lock().join(joining, outgoing, now);
    for line in data.split(|byte| *byte == b'\n').take(100) {
        let _ = serde_json::from_slice::<FromHolder>(line);
        if let Ok(said) = serde_json::from_slice::<ToHolder>(line) {
            // One that wants what is never granted is sent away.
            if shared.lock().hear(1, said, now).is_err() {
                break;
            }
        }
        now += Duration::from_millis(20);
        shared.lock().pump(now);
        while let Ok(line) = told.try_recv() {
            if let Ok(FromHolder::Slots { unit: 0, pieces, piece, .. }) = serde_json::from_slice(&line) {
                granted += pieces * piece;
            }
        }
    }
    // At most two seconds have passed, a tenth of one is handed out ahead, what was given back comes a little faster, and the
    // last piece may be as large as the rate.
    assert!(granted <= 320, "{granted} requests were granted");
    let status = shared.lock().status(now);
    assert!(
        status.sharers.iter().map(|sharer| sharer.holds).sum::<u32>() <= 5,
        "more permits than there are"
    );
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn number() -> impl Strategy<Value = u64> {
        prop_oneof![0..200_u64, any::<u64>()]
    }

    proptest! {
        /// Whatever one says that is let in.
        #[test]
        fn nothing_that_is_said_breaks_a_holder(
            lines in proptest::collection::vec((0..6_u8, number(), number(), number(), "[a-z.]{0,5}"), 0..100),
        ) {
            let said = |(what, a, b, c, text): &(u8, u64, u64, u64, String)| match what {
                0 | 1 => format!("{{\"want\":{{\"units\":[[{a},{b}],[{b},{c}]]}}}}\n"),
                2 => format!("{{\"give_back\":{{\"unit\":{},\"amount\":{b}}}}}\n", a % 3),
                3 => format!("{{\"owe\":{{\"unit\":{},\"amount\":{b}}}}}\n", a % 3),
                4 => format!("{{\"want_permits\":{{\"wants\":{},\"holds\":{},\"seen\":{c}}}}}\n", *a as u32, *b as u32),
                _ => format!("{{\"leave_alone\":{{\"host\":\"{text}\",\"ms\":{a}}}}}\n"),
            };
            wire(lines.iter().map(said).collect::<String>().as_bytes());
        }

        #[test]
        fn no_bytes_break_a_holder(data in proptest::collection::vec(any::<u8>(), 0..300)) {
            wire(&data);
        }
    }
}
