//! What is said between a holder and those who share its budget: a JSON object a line. docs/budgets.md tells it to others.

pub(crate) mod frame;
pub(crate) mod proof;

use serde::{Deserialize, Serialize};

use crate::units::terms::Terms;

/// The version of the protocol. Who speaks another one is told so, and nothing else.
pub(crate) const VERSION: u64 = 1;
/// The longest line to a holder.
pub(crate) const LONGEST_TO_HOLDER: usize = 4096;
/// The longest line from a holder. The status is the longest.
pub(crate) const LONGEST_FROM_HOLDER: usize = 1 << 20;

/// What a holder is told.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ToHolder {
    /// The first line.
    Hello { version: u64, nonce: String },
    /// The second: that the secret is known.
    Proof { proof: String },
    /// From now on this one shares the budget. `client` is by what it is known if it comes back, and `holds` the permits that
    /// it has requests in flight with; `busy_us` for how long each unit is used up, as far as it knows.
    Join {
        client: String,
        name: String,
        weight: f64,
        #[serde(default)]
        holds: u32,
        #[serde(default)]
        busy_us: Vec<u64>,
    },
    /// For each unit: up to which sum since it joined it wants to be granted, and how much at a time.
    Want { units: Vec<(u64, u64)> },
    /// How many permits it could use, how many it holds, and which telling it has heard last.
    WantPermits { wants: u32, holds: u32, seen: u64 },
    /// So much of a unit was granted and is not used.
    GiveBack { unit: usize, amount: u64 },
    /// So much of a unit was used beyond what was granted.
    Owe { unit: usize, amount: u64 },
    /// A server wants to be left alone for so long; all of them, where none is named.
    LeaveAlone { host: Option<String>, ms: u64 },
    /// How is it going?
    Status,
    /// Is anybody there?
    Ping,
    /// It goes, and holds nothing more.
    Bye,
}

/// What those who share it are told.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum FromHolder {
    /// The first line.
    Challenge { version: u64, nonce: String },
    /// The second: that the holder knows the secret too, and what the budget allows.
    Welcome { proof: String, terms: Terms },
    /// Why it does not go on; the last line.
    Refused { code: Refusal, why: String, version: u64 },
    /// Slots of a unit: the first one from now on, the time from one to the next, how many, and what each is good for. And for how
    /// long the unit is used up after that.
    /// `sent_us` is when that was said, by a clock of the holder's: what was held up on the way is seen by it.
    Slots { unit: usize, sent_us: u64, at_us: u64, every_ns: u64, pieces: u64, piece: u64, busy_us: u64 },
    /// It may have so many in flight. Tellings are counted.
    Permits { count: u32, serial: u64 },
    /// A server is to be left alone for so long; all of them, where none is named.
    LeaveAlone { host: Option<String>, ms: u64 },
    /// The budget allows something else from now on, of the same units. What was wanted is to be said anew.
    Terms(Terms),
    /// How it is going.
    Status(Status),
    /// Somebody is there.
    Pong,
}

/// Why a holder does not go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Refusal {
    Version,
    Secret,
    /// What was said cannot be understood, or is too long.
    Malformed,
    /// What is wanted can never be granted.
    TooDear,
    /// It has too many who share it, or is about to end.
    Busy,
}

/// Who is using how much of a budget, and what is waiting.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Status {
    /// What it allows, as text: "requests 100/s, concurrency 50".
    pub terms: String,
    /// Seconds since the holder was started.
    pub running_s: f64,
    /// Seconds for which nothing at all is sent, as a server has asked for it.
    pub paused_s: f64,
    /// Hosts that are left alone, and for how many seconds.
    pub left_alone: Vec<(String, f64)>,
    /// By unit.
    pub units: Vec<UnitStatus>,
    /// How many may be in flight, where that is limited.
    pub concurrency: Option<u32>,
    /// Those who share it.
    pub sharers: Vec<SharerStatus>,
    /// Why its state is not in the file in which it should be kept, and what to do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unsaved: Option<String>,
}

/// How much of a unit was used.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct UnitStatus {
    /// Its name.
    pub unit: String,
    /// Its rates.
    pub rates: Vec<String>,
    /// What was granted since the holder was started, and not given back.
    pub used: u64,
    /// What was granted in the last second.
    pub last_second: u64,
    /// What is waited for.
    pub waiting: u64,
}

/// What one who shares a budget has of it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct SharerStatus {
    /// How it calls itself: program, process and host.
    pub name: String,
    /// Its weight.
    pub weight: f64,
    /// Whether its connection is up. If not, what it holds is kept for a while.
    pub connected: bool,
    /// By unit: what it used, and what it waits for.
    pub units: Vec<(u64, u64)>,
    /// Permits that it holds.
    pub holds: u32,
    /// Permits that it could use.
    pub wants: u32,
}

/// A line that says it.
pub(crate) fn line(message: &impl Serialize) -> Vec<u8> {
    // None of these can fail: there are no maps with odd keys in them.
    let mut line = serde_json::to_vec(message).unwrap_or_default();
    line.push(b'\n');
    line
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn to_holder() -> impl Strategy<Value = ToHolder> {
        let text = "[ -~äö]{0,30}";
        prop_oneof![
            (any::<u64>(), text).prop_map(|(version, nonce)| ToHolder::Hello { version, nonce }),
            text.prop_map(|proof| ToHolder::Proof { proof }),
            (text, text, 0.1..100.0, any::<u32>(), proptest::collection::vec(any::<u64>(), 0..4)).prop_map(
                |(client, name, weight, holds, busy_us)| ToHolder::Join {
                    client,
                    name,
                    weight,
                    holds,
                    busy_us
                }
            ),
            proptest::collection::vec(any::<(u64, u64)>(), 0..16).prop_map(|units| ToHolder::Want { units }),
            any::<(u32, u32, u64)>().prop_map(|(wants, holds, seen)| ToHolder::WantPermits {
                wants,
                holds,
                seen
            }),
            (0..16_usize, any::<u64>()).prop_map(|(unit, amount)| ToHolder::GiveBack { unit, amount }),
            (0..16_usize, any::<u64>()).prop_map(|(unit, amount)| ToHolder::Owe { unit, amount }),
            (proptest::option::of(text), any::<u64>())
                .prop_map(|(host, ms)| ToHolder::LeaveAlone { host, ms }),
            Just(ToHolder::Status),
            Just(ToHolder::Ping),
            Just(ToHolder::Bye),
        ]
    }

    proptest! {
        #[test]
        fn what_is_said_is_what_is_heard(message in to_holder()) {
            let line = line(&message);
            prop_assert_eq!(line.iter().filter(|byte| **byte == b'\n').count(), 1);
            prop_assert!(line.len() <= LONGEST_TO_HOLDER);
            let heard: ToHolder = serde_json::from_slice(&line).unwrap();
            match (&heard, &message) {
                // A float may differ in its last bit.
                (ToHolder::Join { weight, .. }, ToHolder::Join { weight: said, .. }) => {
                    prop_assert!((weight - said).abs() < 1e-9);
                }
                _ => prop_assert_eq!(heard, message),
            }
        }

        #[test]
        fn no_bytes_make_hearing_panic(line in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = serde_json::from_slice::<ToHolder>(&line);
            let _ = serde_json::from_slice::<FromHolder>(&line);
        }
    }

    #[test]
    fn the_lines_are_those_of_the_documentation() {
        let welcome = Terms::new().rate("requests", "100/s").unwrap().concurrency(50);
        for (message, text) in [
            (
                line(&ToHolder::Hello { version: 1, nonce: "ab".to_owned() }),
                r#"{"hello":{"version":1,"nonce":"ab"}}"#,
            ),
            (line(&ToHolder::Want { units: vec![(120, 1)] }), r#"{"want":{"units":[[120,1]]}}"#),
            (line(&ToHolder::Ping), r#""ping""#),
            (
                line(&FromHolder::Welcome { proof: "cd".to_owned(), terms: welcome }),
                r#"{"welcome":{"proof":"cd","terms":{"units":[["requests",["100/s"]]],"concurrency":50}}}"#,
            ),
            (
                line(&FromHolder::Slots {
                    unit: 0,
                    sent_us: 5_000_000,
                    at_us: 80_000,
                    every_ns: 10_000_000,
                    pieces: 2,
                    piece: 1,
                    busy_us: 100_000,
                }),
                r#"{"slots":{"unit":0,"sent_us":5000000,"at_us":80000,"every_ns":10000000,"pieces":2,"piece":1,"busy_us":100000}}"#,
            ),
        ] {
            assert_eq!(String::from_utf8(message).unwrap().trim_end(), text);
        }
    }
}
