//! What a `Set-Cookie` header says: a pure reading, as RFC 6265 (5.2) says and browsers do.

use std::time::{Duration, SystemTime};

use crate::cookies::date;

/// The most bytes of a name and its value, and of an attribute's value. Browsers ignore what is longer.
const MOST: (usize, usize) = (4096, 1024);

/// A cookie as a server sets it.
#[derive(Debug, Default)]
pub(crate) struct SetCookie<'h> {
    pub(crate) name: &'h [u8],
    pub(crate) value: &'h [u8],
    /// Never empty, and without the dot that it may begin with.
    pub(crate) domain: Option<&'h [u8]>,
    /// Where the server names one: it begins with a slash.
    pub(crate) path: Option<&'h [u8]>,
    pub(crate) is_secure: bool,
    max_age: Option<Duration>,
    date: Option<SystemTime>,
}

impl<'h> SetCookie<'h> {
    /// `None` for what sets no cookie: it has no name, holds control characters, or is larger than browsers
    /// take.
    pub(crate) fn parse(header: &'h [u8]) -> Option<Self> {
        if header.iter().any(|byte| byte.is_ascii_control() && *byte != b'\t') {
            return None;
        }
        let mut parts = header.split(|byte| *byte == b';');
        let (name, value) = split(parts.next()?);
        let (name, value) = (name, value?);
        if name.is_empty() || name.len() + value.len() > MOST.0 {
            return None;
        }
        let mut cookie = Self { name, value, ..Self::default() };
        for (attribute, value) in parts.map(split) {
            let value = value.unwrap_or_default();
            if value.len() <= MOST.1 {
                cookie.add(attribute, value);
            }
        }
        Some(cookie)
    }

    /// Of attributes that are given twice, the last one holds.
    fn add(&mut self, attribute: &[u8], value: &'h [u8]) {
        let is = |name: &str| attribute.eq_ignore_ascii_case(name.as_bytes());
        if is("domain") {
            let domain = value.strip_prefix(b".").unwrap_or(value);
            if !domain.is_empty() {
                self.domain = Some(domain);
            }
        } else if is("path") {
            self.path = Some(value).filter(|path| path.starts_with(b"/"));
        } else if is("secure") {
            self.is_secure = true;
        } else if is("max-age") {
            self.max_age = seconds(value).or(self.max_age);
        } else if is("expires") {
            self.date = date::parse(value).or(self.date);
        }
    }

    /// When it expires, if it is set now. A time that no clock can show is as good as never.
    pub(crate) fn expires(&self, now: SystemTime) -> Option<SystemTime> {
        self.max_age.map_or(self.date, |age| now.checked_add(age))
    }
}

/// A name and, behind an `=`, a value, without spaces around them.
fn split(part: &[u8]) -> (&[u8], Option<&[u8]>) {
    match part.iter().position(|byte| *byte == b'=') {
        Some(at) => (trimmed(&part[..at]), Some(trimmed(&part[at + 1..]))),
        None => (trimmed(part), None),
    }
}

fn trimmed(text: &[u8]) -> &[u8] {
    let is_text = |byte: &u8| !matches!(byte, b' ' | b'\t');
    let begin = text.iter().position(is_text).unwrap_or(text.len());
    let end = text.iter().rposition(is_text).map_or(begin, |last| last + 1);
    &text[begin..end]
}

/// Digits, of any number; what is below zero is over at once.
fn seconds(text: &[u8]) -> Option<Duration> {
    let digits = text.strip_prefix(b"-").unwrap_or(text);
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    if digits.len() < text.len() {
        return Some(Duration::ZERO);
    }
    let seconds = std::str::from_utf8(digits).ok()?.parse().unwrap_or(u64::MAX);
    Some(Duration::from_secs(seconds))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NOW: SystemTime = SystemTime::UNIX_EPOCH;

    fn left(header: &str) -> Option<u64> {
        let expires = SetCookie::parse(header.as_bytes()).unwrap().expires(NOW);
        expires.map(|date| date.duration_since(NOW).unwrap().as_secs())
    }

    #[test]
    fn an_age_goes_before_a_date_and_what_is_neither_is_ignored() {
        for (header, expected) in [
            ("a=b", None),
            ("a=b; max-age=60", Some(60)),
            ("a=b; MAX-AGE = 60 ", Some(60)),
            ("a=b; max-age=60; expires=Thu, 01 Jan 1970 00:00:09 GMT", Some(60)),
            ("a=b; expires=Thu, 1-jan-70 0:0:9; max-age=60", Some(60)),
            ("a=b; expires=Thu, 1-jan-70 0:0:9", Some(9)),
            ("a=b; expires=Thu, 1-jan-70 0:0:9; max-age=never", Some(9)),
            ("a=b; expires=Thu, 1-jan-70 0:0:9; expires=later", Some(9)),
            ("a=b; max-age=0", Some(0)),
            ("a=b; max-age=-1", Some(0)),
            ("a=b; max-age=-99999999999999999999999", Some(0)),
            ("a=b; max-age=99999999999999999999999", None),
            ("a=b; max-age=", None),
            ("a=b; max-age=-", None),
            ("a=b; max-age=+6", None),
            ("a=b; max-age=50,399", None),
            ("a=b; max-age=2.63", None),
            ("a=b; max-age=\"60\"", None),
            ("a=b; expires=soon", None),
        ] {
            assert_eq!(left(header), expected, "{header}");
        }
    }

    #[test]
    fn what_is_larger_than_browsers_take_is_no_cookie() {
        let of = |name: usize, value: usize| format!("{}={}", "n".repeat(name), "v".repeat(value));
        assert!(SetCookie::parse(of(96, 4000).as_bytes()).is_some());
        assert!(SetCookie::parse(of(97, 4000).as_bytes()).is_none());
        let path = format!("a=b; path=/{}; path=/{}", "p".repeat(1023), "q".repeat(1024));
        assert_eq!(SetCookie::parse(path.as_bytes()).unwrap().path.unwrap()[1], b'p');
    }

    #[test]
    fn control_characters_make_no_cookie() {
        for header in [&b"a=b\0c"[..], b"a=b\rc", b"a\x7f=b", b"a=b; path=/\x01"] {
            assert!(SetCookie::parse(header).is_none());
        }
        assert_eq!(SetCookie::parse(b"\ta\t=\tb\tc\t").unwrap().value, b"b\tc");
    }

    proptest! {
        #[test]
        fn no_header_makes_it_panic(header in any::<Vec<u8>>()) {
            let _ = SetCookie::parse(&header).map(|cookie| cookie.expires(NOW));
        }
    }
}
