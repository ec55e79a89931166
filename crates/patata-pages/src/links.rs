//! Links in headers, as RFC 8288 writes them: `<https://host/?page=2>; rel="next"`.

/// One link: where it leads, and what it says of itself.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Link {
    pub(crate) target: String,
    /// Names in lower case; of repeated ones the first counts.
    parameters: Vec<(String, String)>,
}

impl Link {
    fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters.iter().find(|(other, _)| other == name).map(|(_, value)| value.as_str())
    }

    /// Whether it is of a relation, and about the document that it came with.
    pub(crate) fn is_of(&self, relation: &str) -> bool {
        let mut relations = self.parameter("rel").unwrap_or_default().split_ascii_whitespace();
        self.parameter("anchor").is_none() && relations.any(|other| other.eq_ignore_ascii_case(relation))
    }
}

/// The links of a header's value. What is no link ends it.
pub(crate) fn links(value: &str) -> impl Iterator<Item = Link> {
    let mut rest = value;
    std::iter::from_fn(move || {
        let begin = rest.trim_start_matches([' ', '\t', ',']).strip_prefix('<')?;
        let (target, after) = begin.split_once('>')?;
        let (parameters, after) = parameters(after);
        // What is not understood is passed up to the next link.
        rest = after.find(',').map_or("", |comma| &after[comma..]);
        Some(Link { target: target.trim().to_owned(), parameters })
    })
}

/// The parameters of a link, and what is behind them.
fn parameters(mut rest: &str) -> (Vec<(String, String)>, &str) {
    let mut found = Vec::new();
    while let Some(after) = rest.trim_start().strip_prefix(';') {
        let after = after.trim_start();
        let end = after.find(|c: char| c.is_whitespace() || "=;,\"".contains(c)).unwrap_or(after.len());
        let (name, after) = after.split_at(end);
        let (value, after) = match after.trim_start().strip_prefix('=') {
            Some(value) => value_of(value.trim_start()),
            None => (String::new(), after),
        };
        rest = after;
        if !name.is_empty() {
            found.push((name.to_ascii_lowercase(), value));
        }
    }
    (found, rest)
}

/// A value, quoted or not, and what is behind it.
fn value_of(text: &str) -> (String, &str) {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find(|c: char| c.is_whitespace() || ";,\"".contains(c)).unwrap_or(text.len());
        return (text[..end].to_owned(), &text[end..]);
    };
    let mut value = String::new();
    let mut letters = quoted.char_indices();
    while let Some((at, letter)) = letters.next() {
        match letter {
            '"' => return (value, &quoted[at + 1..]),
            '\\' => value.extend(letters.next().map(|(_, letter)| letter)),
            letter => value.push(letter),
        }
    }
    // Nobody has closed it.
    (value, "")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn next(value: &str) -> Option<String> {
        links(value).find(|link| link.is_of("next")).map(|link| link.target)
    }

    #[test]
    fn the_link_to_the_next_page_is_found_however_it_is_written() {
        for (value, expected) in [
            ("<https://h/?page=2>; rel=\"next\"", Some("https://h/?page=2")),
            (
                "<https://h/?page=1>; rel=\"first\", <https://h/?page=3>; rel=\"next\"",
                Some("https://h/?page=3"),
            ),
            ("<a?b=1,2;c>; rel=\"prev first\", </c>; rel=next", Some("/c")),
            ("</a>;rel=\"prev NEXT\"", Some("/a")),
            ("</a>; REL = next ; title=\"x, <y>; rel=prev\"", Some("/a")),
            ("</a>; title=\"a \\\"quoted\\\" one\"; rel=next", Some("/a")),
            (" , ,< /a >;;rel=next;", Some("/a")),
            ("</a>; rel=prev; rel=next", None),
            ("</a>; rel=next; anchor=\"#part\"", None),
            ("</a>; rel=\"nextpage\"", None),
            ("</a> nonsense, </b>; rel=next", Some("/b")),
            ("</a>; title=\"never closed, </b>; rel=next", None),
            ("nonsense, </b>; rel=next", None),
            ("</a; rel=next", None),
            ("</a?x=1,2;y>; rel=\"prev\", </b,;>; rel=\"next\"", Some("/b,;")),
            ("</a>; title=\"\\\"; rel=next\"; rel=prev, </b>; rel=next", Some("/b")),
            ("</a>; rel=prev;, , </b>; rel=next;", Some("/b")),
            ("</a>; rel, </b>", None),
            ("<>; rel=next", Some("")),
            ("", None),
        ] {
            assert_eq!(next(value).as_deref(), expected, "{value}");
        }
    }

    proptest! {
        #[test]
        fn no_value_makes_it_panic_or_never_end(value in "\\PC{0,60}|[<>;,=\" \\\\a-c]{0,40}") {
            prop_assert!(links(&value).count() <= value.len());
        }

        #[test]
        fn a_link_is_read_as_it_was_written(
            links_of in proptest::collection::vec(("[a-z/?&=,;]{0,8}", "[a-z]{1,6}", "[ -~]{0,10}"), 1..4)
        ) {
            let one = |(target, relation, title): &(String, String, String)| {
                let title = title.replace('\\', "\\\\").replace('"', "\\\"");
                format!("<{target}>; title=\"{title}\"; rel=\"{relation}\"")
            };
            let value: Vec<_> = links_of.iter().map(one).collect();
            let read: Vec<_> = links(&value.join(", ")).collect();
            prop_assert_eq!(read.len(), links_of.len());
            for (link, (target, relation, title)) in read.iter().zip(&links_of) {
                prop_assert_eq!((&link.target, link.parameter("title")), (target, Some(title.as_str())));
                prop_assert!(link.is_of(relation));
            }
        }
    }
}
