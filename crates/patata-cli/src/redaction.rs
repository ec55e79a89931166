//! Keeps the secrets of a query out of what is written: the URL of a row, and messages that name it.

use patata::Request;

use crate::args::values::Pair;
use crate::variables::names_variable;

/// The parameters whose values come from variables.
#[derive(Debug, Clone, Default)]
pub(crate) struct Redaction(Vec<Secret>);

#[derive(Debug, Clone)]
struct Secret {
    /// The name as it stands in a URL, with the sign behind it.
    name: String,
    /// What the command line has in the place of the value.
    written: String,
}

impl Redaction {
    /// Of these parameters.
    pub(crate) fn of(params: &[Pair]) -> Self {
        let secret = params.iter().filter(|pair| names_variable(&pair.1)).map(|pair| {
            // Encoded as the engine does it.
            let request = Request::get((), "http://host/").param(&pair.0, "");
            let url = request.url();
            let name = url.split_once('?').map_or(&*url, |(_, query)| query).to_owned();
            Secret { name, written: pair.1.clone() }
        });
        Self(secret.collect())
    }

    /// Whether there is nothing to keep out.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// A URL without these parameters, which each request has anyway.
    pub(crate) fn without(&self, url: &str) -> String {
        let (whole, fragment) = url.split_at(url.find('#').unwrap_or(url.len()));
        let Some((before, query)) = whole.split_once('?').filter(|_| !self.is_empty()) else {
            return url.to_owned();
        };
        let is_other = |pair: &&str| !self.0.iter().any(|secret| secret.is(pair));
        let others: Vec<_> = query.split('&').filter(is_other).collect();
        let sign = if others.is_empty() { "" } else { "?" };
        format!("{before}{sign}{}{fragment}", others.join("&"))
    }

    /// The text, with what the command line says in the place of each value.
    pub(crate) fn apply(&self, text: &str) -> String {
        self.0.iter().fold(text.to_owned(), |text, secret| secret.redacted(&text))
    }
}

impl Secret {
    /// Whether a pair of a query is it.
    fn is(&self, pair: &str) -> bool {
        pair.starts_with(&self.name)
    }

    fn redacted(&self, text: &str) -> String {
        let mut redacted = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(at) = rest.find(&self.name) {
            let begin = at + self.name.len();
            let is_parameter = rest[..at].ends_with(['?', '&']);
            let end = match is_parameter {
                true => rest[begin..].find(['&', '#', '"', ' ', '\n']).map_or(rest.len(), |end| begin + end),
                false => begin,
            };
            redacted.push_str(&rest[..begin]);
            if is_parameter {
                redacted.push_str(&self.written);
            }
            rest = &rest[end..];
        }
        redacted + rest
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_of_variables_do_not_stand_in_urls() {
        let params = [("key", "env:KEY"), ("a b", "x env:A"), ("plain", "1")];
        let redaction = Redaction::of(&params.map(|(name, value)| Pair(name.to_owned(), value.to_owned())));
        for (text, expected) in [
            ("http://h/?key=s3", "http://h/?key=env:KEY"),
            (
                "http://h/key=1?monkey=2&key=s3&plain=1#key=",
                "http://h/key=1?monkey=2&key=env:KEY&plain=1#key=",
            ),
            (
                "http://h/?a+b=s&key= and ?key=s3 \"?key=s3\"",
                "http://h/?a+b=x env:A&key=env:KEY and ?key=env:KEY \"?key=env:KEY\"",
            ),
            ("nothing", "nothing"),
        ] {
            assert_eq!(redaction.apply(text), expected);
        }
        for (url, expected) in [
            ("http://h/?key=s3&page=2#patata-page=2", "http://h/?page=2#patata-page=2"),
            ("http://h/?a+b=1&key=", "http://h/"),
            ("http://h/?monkey=2", "http://h/?monkey=2"),
            ("http://h/#key=", "http://h/#key="),
        ] {
            assert_eq!(redaction.without(url), expected);
        }
        assert!(!redaction.is_empty() && Redaction::of(&[]).is_empty());
    }
}
