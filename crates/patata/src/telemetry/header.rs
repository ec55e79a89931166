//! The headers by which a server is told of the span that a request is sent for.

use http::{HeaderMap, HeaderName, HeaderValue};

/// The header that names trace and span.
pub(crate) const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
const TRACESTATE: HeaderName = HeaderName::from_static("tracestate");

/// Its length: version, trace, span and flags.
const LENGTH: usize = 55;

/// `traceparent` and, where there is one, `tracestate`, as they are sent.
#[derive(Debug, Clone)]
pub(crate) struct TraceHeaders {
    traceparent: [u8; LENGTH],
    tracestate: Option<HeaderValue>,
}

impl TraceHeaders {
    pub(crate) fn new(trace_id: u128, span_id: u64, flags: u8, tracestate: Option<HeaderValue>) -> Self {
        let mut traceparent = *b"00-00000000000000000000000000000000-0000000000000000-00";
        write_hex(&mut traceparent[3..35], &trace_id.to_be_bytes());
        write_hex(&mut traceparent[36..52], &span_id.to_be_bytes());
        write_hex(&mut traceparent[53..55], &[flags]);
        Self { traceparent, tracestate }
    }

    /// Appends them to a head of HTTP/1.1.
    pub(crate) fn write_to(&self, head: &mut Vec<u8>) {
        head.extend_from_slice(b"traceparent: ");
        head.extend_from_slice(&self.traceparent);
        head.extend_from_slice(b"\r\n");
        if let Some(state) = &self.tracestate {
            head.extend_from_slice(b"tracestate: ");
            head.extend_from_slice(state.as_bytes());
            head.extend_from_slice(b"\r\n");
        }
    }

    /// Puts them among others.
    pub(crate) fn put_into(&self, headers: &mut HeaderMap) {
        if let Ok(traceparent) = HeaderValue::from_bytes(&self.traceparent) {
            headers.insert(TRACEPARENT, traceparent);
        }
        if let Some(state) = &self.tracestate {
            headers.insert(TRACESTATE, state.clone());
        }
    }
}

fn write_hex(place: &mut [u8], bytes: &[u8]) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    for (pair, byte) in place.chunks_exact_mut(2).zip(bytes) {
        pair[0] = DIGITS[usize::from(byte >> 4)];
        pair[1] = DIGITS[usize::from(byte & 15)];
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_are_written_alike_for_both_versions_of_http() {
        let state = HeaderValue::from_static("a=1");
        let headers = TraceHeaders::new(0x4bf9_2f35, 0xf067, 1, Some(state));
        let mut head = Vec::new();
        headers.write_to(&mut head);
        let expected = "00-0000000000000000000000004bf92f35-000000000000f067-01";
        assert_eq!(head, format!("traceparent: {expected}\r\ntracestate: a=1\r\n").into_bytes());
        let mut map = HeaderMap::new();
        headers.put_into(&mut map);
        assert_eq!(map["traceparent"], expected);
        assert_eq!(map["tracestate"], "a=1");
    }
}
