//! The span that exchanges are made for, as W3C Trace Context has it, and how many of them are recorded beside it.

use http::HeaderValue;

/// The flag by which servers are told that a span is recorded.
const SAMPLED: u8 = 1;

/// The span that the exchanges of a call belong to: see [`Builder::trace_parent`](crate::Builder::trace_parent).
///
/// Servers are told of it by the header `traceparent` (and `tracestate`). Unless exchanges are [`recorded`](Self::recorded),
/// it is passed on as it is.
///
/// ```
/// let text = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
/// let parent = patata::TraceParent::parse(text).unwrap();
/// assert!(parent.is_sampled());
/// assert_eq!(parent.to_string(), text);
/// assert!(patata::TraceParent::parse("00-0-0-00").is_none());
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TraceParent {
    pub(crate) trace_id: u128,
    pub(crate) span_id: u64,
    pub(crate) flags: u8,
    pub(crate) state: Option<HeaderValue>,
    /// `None` where no exchange is recorded, else how many are, of 2^64.
    pub(crate) recorded: Option<u64>,
    /// Whether servers are told.
    pub(crate) is_propagated: bool,
}

impl TraceParent {
    /// The span of these ids, which is not sampled. Ids of 0 are none, and are not sent.
    pub fn new(trace_id: u128, span_id: u64) -> Self {
        Self { trace_id, span_id, flags: 0, state: None, recorded: None, is_propagated: true }
    }

    /// A span with ids of its own, which is not sampled: the root of a trace.
    ///
    /// ```
    /// assert_ne!(patata::TraceParent::root(), patata::TraceParent::root());
    /// ```
    pub fn root() -> Self {
        Self::new(fastrand::u128(1..), fastrand::u64(1..))
    }

    /// What a header `traceparent` says, of this version or a later one; `None` where that is malformed.
    pub fn parse(header: &str) -> Option<Self> {
        let mut parts = header.split('-');
        let (version, trace_id, span_id, flags) =
            (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        let is_one = version == "00" && parts.next().is_some();
        if is_one || [version, trace_id, span_id, flags].map(str::len) != [2, 32, 16, 2] || version == "ff" {
            return None;
        }
        // What a later version has behind these is its own.
        let is_hex = |part: &str| part.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        if ![version, trace_id, span_id, flags].into_iter().all(is_hex) {
            return None;
        }
        let trace_id = u128::from_str_radix(trace_id, 16).ok().filter(|id| *id != 0)?;
        let span_id = u64::from_str_radix(span_id, 16).ok().filter(|id| *id != 0)?;
        let flags = u8::from_str_radix(flags, 16).ok()?;
        Some(Self { flags, ..Self::new(trace_id, span_id) })
    }

    /// States whether the span is recorded, as servers are told.
    #[must_use]
    pub fn sampled(mut self, is_sampled: bool) -> Self {
        self.flags = if is_sampled { self.flags | SAMPLED } else { self.flags & !SAMPLED };
        self
    }

    /// States what the header `tracestate` is to say. What cannot be said in a header is left out.
    #[must_use]
    pub fn state(mut self, state: &str) -> Self {
        self.state = HeaderValue::from_str(state).ok().filter(|state| !state.is_empty());
        self
    }

    /// Has each exchange be a span of its own, below this one, of which servers are told in its place; the observer gets
    /// those of this share of all requests, between 0 and 1, to record. Those of the others are sent as not sampled.
    #[must_use]
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "a share of 2^64, which `as` keeps within its bounds"
    )]
    pub fn recorded(mut self, share: f64) -> Self {
        self.recorded = Some((share.clamp(0.0, 1.0) * u64::MAX as f64) as u64);
        self
    }

    /// States whether servers are told of the trace at all, which they are by default.
    #[must_use]
    pub fn propagated(mut self, is_propagated: bool) -> Self {
        self.is_propagated = is_propagated;
        self
    }

    /// Whether servers are told that the span is recorded.
    pub fn is_sampled(&self) -> bool {
        self.flags & SAMPLED != 0
    }

    /// The id of the trace.
    pub fn trace_id(&self) -> u128 {
        self.trace_id
    }

    /// The id of the span.
    pub fn span_id(&self) -> u64 {
        self.span_id
    }

    /// Whether the exchanges of a request are recorded: by its number, so that all of them are, or none.
    pub(crate) fn records(&self, call: u64, number: u64) -> bool {
        let Some(share) = self.recorded else { return false };
        share == u64::MAX
            || (share > 0 && scattered((self.trace_id as u64) ^ call.rotate_left(40) ^ number) < share)
    }
}

impl std::fmt::Display for TraceParent {
    /// As the header says it.
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "00-{:032x}-{:016x}-{:02x}", self.trace_id, self.span_id, self.flags)
    }
}

/// Numbers next to each other, made to look random (the end of `splitmix64`).
fn scattered(number: u64) -> u64 {
    let mut mixed = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_malformed_is_no_parent() {
        let good = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        assert!(TraceParent::parse(good).is_some());
        assert!(TraceParent::parse(&format!("cc{}-later", &good[2..])).is_some());
        for bad in [
            "",
            "00",
            &good[..54],
            &format!("{good}-more"),
            &good.to_uppercase(),
            &good.replace("00-4", "ff-4"),
            &good.replace("00-4", "0x-4"),
            &good.replace("4bf92f3577b34da6a3ce929d0e0e4736", &"0".repeat(32)),
            &good.replace("00f067aa0ba902b7", &"0".repeat(16)),
            &good.replace('b', "g"),
        ] {
            assert_eq!(TraceParent::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_share_of_requests_is_recorded_and_each_request_whole() {
        for (share, expected) in [(0.0, 0..=0), (0.01, 800..=1_200), (1.0, 100_000..=100_000)] {
            let parent = TraceParent::root().recorded(share);
            let picked = (0..100_000).filter(|number| parent.records(1, *number)).count();
            assert!(expected.contains(&picked), "{picked} of 100000 at {share}");
            assert!((0..100).all(|number| parent.records(7, number) == parent.records(7, number)));
        }
        assert!(!TraceParent::root().records(1, 1));
    }
}
