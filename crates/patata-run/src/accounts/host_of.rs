//! The host by which a response is counted, as its URL has it.

/// The host of a URL, with its port; the URL may stand in quotes, as in a row. Empty for what is no URL.
///
/// ```
/// assert_eq!(patata_run::host_of("\"http://a.example:80/path\""), "a.example:80");
/// ```
pub fn host_of(url: &str) -> &str {
    let url = url.strip_prefix('"').unwrap_or(url);
    let url = url.strip_suffix('"').unwrap_or(url);
    let begin = memchr::memchr(b':', url.as_bytes()).filter(|colon| url[*colon..].starts_with("://"));
    let Some(rest) = begin.map(|colon| &url[colon + 3..]) else { return "" };
    let end = memchr::memchr3(b'/', b'?', b'#', rest.as_bytes());
    let authority = end.map_or(rest, |end| &rest[..end]);
    match memchr::memrchr(b'@', authority.as_bytes()) {
        Some(at) => &authority[at + 1..],
        None => authority,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_host_of_a_url_is_what_stands_between_its_scheme_and_its_path() {
        for (url, expected) in [
            ("\"http://a.example:80/b?c=://d/\"", "a.example:80"),
            ("\"https://me:secret@a.example?q\"", "a.example"),
            ("\"http://[::1]:8080\"", "[::1]:8080"),
            ("\"a.example/b\"", ""),
            ("\"no: url\"", ""),
            ("\"\"", ""),
            ("\"http://a:80/b\"", "a:80"),
            ("\"https://a?b\"", "a"),
            ("\"/path\"", ""),
        ] {
            assert_eq!(host_of(url), expected, "{url}");
        }
    }
}
