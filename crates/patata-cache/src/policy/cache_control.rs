//! `Cache-Control`, read as RFC 9111 (5.2) says: names in any case, values quoted or not, what is unknown passed over.

use std::borrow::Cow;

/// What stands for any number that is larger (1.2.2).
pub(crate) const MOST_SECONDS: u32 = 1 << 31;

/// What a response says of its use.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct ResponseDirectives {
    pub(crate) no_store: bool,
    /// With field names too: it is simpler, and allowed, to validate the whole response than to leave fields out.
    pub(crate) no_cache: bool,
    pub(crate) must_revalidate: bool,
    pub(crate) must_understand: bool,
    pub(crate) public: bool,
    pub(crate) private: bool,
    /// 0 where what is said is no number, or is said twice and not the same: then the response is stale (4.2.1).
    pub(crate) max_age: Option<u32>,
    /// RFC 5861: for so long after its freshness, it may be used where the server fails.
    pub(crate) stale_if_error: Option<u32>,
}

/// What a request says of the responses that it takes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct RequestDirectives {
    pub(crate) no_store: bool,
    pub(crate) no_cache: bool,
    pub(crate) only_if_cached: bool,
    pub(crate) max_age: Option<u32>,
    pub(crate) min_fresh: Option<u32>,
    pub(crate) max_stale: Option<u32>,
    pub(crate) stale_if_error: Option<u32>,
}

impl ResponseDirectives {
    /// Reads the lines of the header.
    pub(crate) fn of<'h>(lines: impl IntoIterator<Item = &'h [u8]>) -> Self {
        let mut read = Self::default();
        for (name, value) in lines.into_iter().flat_map(directives) {
            match &*name.to_ascii_lowercase() {
                b"no-store" => read.no_store = true,
                b"no-cache" => read.no_cache = true,
                b"must-revalidate" => read.must_revalidate = true,
                b"must-understand" => read.must_understand = true,
                b"public" => read.public = true,
                b"private" => read.private = true,
                b"max-age" => said(&mut read.max_age, seconds(value.as_deref()).unwrap_or(0)),
                b"stale-if-error" => said(&mut read.stale_if_error, seconds(value.as_deref()).unwrap_or(0)),
                _ => {}
            }
        }
        read
    }
}

impl RequestDirectives {
    /// Reads the lines of the header, and those of `Pragma`, which counts where there are none (5.4).
    pub(crate) fn of<'h>(
        lines: impl IntoIterator<Item = &'h [u8]>,
        pragma: impl IntoIterator<Item = &'h [u8]>,
    ) -> Self {
        let mut read = Self::default();
        let mut is_there = false;
        for (name, value) in lines.into_iter().inspect(|_| is_there = true).flat_map(directives) {
            let number = seconds(value.as_deref());
            match &*name.to_ascii_lowercase() {
                b"no-store" => read.no_store = true,
                b"no-cache" => read.no_cache = true,
                b"only-if-cached" => read.only_if_cached = true,
                b"max-age" => said(&mut read.max_age, number.unwrap_or(0)),
                b"min-fresh" => read.min_fresh = read.min_fresh.max(Some(number.unwrap_or(MOST_SECONDS))),
                // Without a number, however stale it is.
                b"max-stale" if value.is_none() => read.max_stale = Some(MOST_SECONDS),
                b"max-stale" => said(&mut read.max_stale, number.unwrap_or(0)),
                b"stale-if-error" => said(&mut read.stale_if_error, number.unwrap_or(0)),
                _ => {}
            }
        }
        if !is_there {
            let mut said = pragma.into_iter().flat_map(directives);
            read.no_cache = said.any(|(name, _)| name.eq_ignore_ascii_case(b"no-cache"));
        }
        read
    }
}

/// Takes a number of seconds. What is said twice, and not the same, is taken for the strictest.
fn said(directive: &mut Option<u32>, number: u32) {
    *directive = match *directive {
        Some(other) if other != number => Some(0),
        _ => Some(number),
    };
}

/// A number of seconds, which is digits and nothing else.
pub(crate) fn seconds(value: Option<&[u8]>) -> Option<u32> {
    let digits = value.filter(|value| !value.is_empty() && value.iter().all(u8::is_ascii_digit))?;
    let number = digits
        .iter()
        .fold(0_u64, |number, digit| (number * 10 + u64::from(digit - b'0')).min(u64::from(MOST_SECONDS)));
    u32::try_from(number).ok()
}

/// The directives in a line, with their values, unquoted.
fn directives(line: &[u8]) -> impl Iterator<Item = (&[u8], Option<Cow<'_, [u8]>>)> {
    members(line).filter_map(|member| {
        let mut parts = member.splitn(2, |byte| *byte == b'=');
        let name = parts.next()?.trim_ascii();
        let value = parts.next().map(|value| unquoted(value.trim_ascii()));
        (!name.is_empty()).then_some((name, value))
    })
}

/// The members of a list, divided by the commas that stand in no quotes.
pub(crate) fn members(line: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = Some(line);
    std::iter::from_fn(move || {
        let line = rest?;
        let (mut is_quoted, mut is_escaped) = (false, false);
        let end = line.iter().position(|byte| match byte {
            _ if is_escaped => {
                is_escaped = false;
                false
            }
            b'\\' if is_quoted => {
                is_escaped = true;
                false
            }
            b'"' => {
                is_quoted = !is_quoted;
                false
            }
            byte => *byte == b',' && !is_quoted,
        });
        rest = end.map(|end| &line[end + 1..]);
        Some(line[..end.unwrap_or(line.len())].trim_ascii())
    })
}

/// What a quoted string stands for; anything else as it is.
fn unquoted(value: &[u8]) -> Cow<'_, [u8]> {
    let Some(inner) = value.strip_prefix(b"\"").and_then(|value| value.strip_suffix(b"\"")) else {
        return Cow::Borrowed(value);
    };
    if !inner.contains(&b'\\') {
        return Cow::Borrowed(inner);
    }
    let mut plain = Vec::with_capacity(inner.len());
    let mut bytes = inner.iter();
    while let Some(byte) = bytes.next() {
        plain.extend(if *byte == b'\\' { bytes.next() } else { Some(byte) });
    }
    Cow::Owned(plain)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(line: &str) -> ResponseDirectives {
        ResponseDirectives::of([line.as_bytes()])
    }

    #[test]
    fn seconds_are_digits_and_nothing_else() {
        for (said, expected) in [
            ("max-age=100", Some(100)),
            ("MAX-Age=100", Some(100)),
            ("max-age=\"100\"", Some(100)),
            ("max-age=\"1\\00\"", Some(100)),
            ("max-age=0100", Some(100)),
            ("max-age=2147483649", Some(MOST_SECONDS)),
            ("max-age=99999999999999999999999999", Some(MOST_SECONDS)),
            ("max-age", Some(0)),
            ("max-age=", Some(0)),
            ("max-age=-1", Some(0)),
            ("max-age=1.5", Some(0)),
            ("max-age='100'", Some(0)),
            ("max-age=100s", Some(0)),
            ("max-age=100, max-age=100", Some(100)),
            ("max-age=100, max-age=200", Some(0)),
            ("max-age=200, max-age=100", Some(0)),
            ("x-max-age=100", None),
            ("max-aged=100", None),
        ] {
            assert_eq!(of(said).max_age, expected, "{said}");
        }
    }

    #[test]
    fn a_comma_in_quotes_divides_nothing() {
        let read = of(r#"x="a, no-store, \", no-cache", max-age=5"#);
        assert_eq!(read, ResponseDirectives { max_age: Some(5), ..ResponseDirectives::default() });
        assert!(of(",, no-store ,").no_store);
    }

    #[test]
    fn pragma_counts_only_where_there_is_no_cache_control() {
        let none: [&[u8]; 0] = [];
        assert!(RequestDirectives::of(none, [&b"no-cache"[..]]).no_cache);
        assert!(!RequestDirectives::of([&b"max-age=5"[..]], [&b"no-cache"[..]]).no_cache);
    }

    #[test]
    fn what_a_request_says_wrong_is_read_as_the_strictest() {
        let read = |line: &str| RequestDirectives::of([line.as_bytes()], []);
        assert_eq!(read("max-stale").max_stale, Some(MOST_SECONDS));
        assert_eq!(read("max-stale=10").max_stale, Some(10));
        assert_eq!(read("max-stale=x").max_stale, Some(0));
        assert_eq!(read("min-fresh=x").min_fresh, Some(MOST_SECONDS));
        assert_eq!(read("max-age=x").max_age, Some(0));
    }

    proptest! {
        #[test]
        fn no_line_makes_reading_panic(line in proptest::collection::vec(any::<u8>(), 0..80)) {
            let _ = ResponseDirectives::of([&line[..]]);
            let _ = RequestDirectives::of([&line[..]], [&line[..]]);
        }
    }
}
