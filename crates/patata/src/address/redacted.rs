//! URLs as they may be shown.

/// A URL as it may be shown: without credentials.
///
/// A text that is no URL does not say where they end: a password may hold a `/`, `?`, `#` or `@` that is not
/// percent-encoded. So wherever it is not certain that an `@` is a part of the path, `***` stands for all that
/// is before the last one.
///
/// ```
/// assert_eq!(patata::redacted("http://user:password@host/path"), "http://host/path");
/// assert_eq!(patata::redacted("http://host:8080/@path"), "http://host:8080/@path");
/// assert_eq!(patata::redacted("http://user:pass/word@host/"), "http://***@host/");
/// ```
pub fn redacted(url: &str) -> String {
    let Some(last) = url.rfind('@') else { return url.to_owned() };
    let start = url.find("://").filter(|at| !url[..*at].contains(['@', ':'])).map_or(0, |at| at + 3);
    let end = url[start..].find(['/', '?', '#', '\\']).map_or(url.len(), |end| start + end);
    match (start > 0, last < end) {
        (true, true) => format!("{}{}", &url[..start], &url[last + 1..]),
        (true, false) if is_place(&url[start..end]) => url.to_owned(),
        _ => format!("{}***@{}", &url[..start], &url[last + 1..]),
    }
}

/// Whether what stands where host and port belong can be these.
fn is_place(authority: &str) -> bool {
    let after_address = authority.rsplit_once(']').map_or(authority, |(_, after)| after);
    let is_port = |port: &str| port.is_empty() || port.parse::<u16>().is_ok();
    !authority.contains('@') && after_address.split_once(':').is_none_or(|(_, port)| is_port(port))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_are_not_shown_whatever_is_in_them() {
        for (url, expected) in [
            ("http://host/path?q=1#f", "http://host/path?q=1#f"),
            ("http://host/@user?mail=a@b", "http://host/@user?mail=a@b"),
            ("http://[::1]:80/@user", "http://[::1]:80/@user"),
            ("http://[::1]/@user", "http://[::1]/@user"),
            ("http://me:secret@host/path", "http://host/path"),
            ("http://me:sec@ret@host/path", "http://host/path"),
            ("http://me:sec/ret@host/path", "http://***@host/path"),
            ("http://me:sec?ret@host/path", "http://***@host/path"),
            ("http://me:sec#ret@host/path", "http://***@host/path"),
            ("http://me:sec\\ret@host/path", "http://***@host/path"),
            ("http://me:12345678/secret@host/", "http://***@host/"),
            ("http://me:sec@re/t@host/path", "http://***@host/path"),
            ("http:/me:secret@host/", "***@host/"),
            ("me:secret@host/", "***@host/"),
            ("me:secret://a/b@host/", "***@host/"),
            ("me:sec/ret@host", "***@host"),
            ("//me:secret@host", "***@host"),
            (" http://me:secret@host", " http://host"),
        ] {
            assert_eq!(redacted(url), expected, "{url}");
        }
    }
}
