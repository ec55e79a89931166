//! Query parameters: joined to a URL's own, and a client's with a request's.

use url::form_urlencoded::Serializer;

/// Names and values, as they were given.
pub(crate) type Params = Vec<(String, String)>;

/// The client's parameters with a request's: a name that the request gives is the request's alone.
pub(crate) fn merge(defaults: &Params, own: Params) -> Params {
    let kept = defaults.iter().filter(|(name, _)| own.iter().all(|(other, _)| other != name));
    let mut merged: Params = kept.cloned().collect();
    merged.extend(own);
    merged
}

/// The URL with these parameters behind those it has; a fragment goes, as it is never sent.
pub(crate) fn append(url: &str, params: &Params) -> String {
    if params.is_empty() {
        return url.to_owned();
    }
    let url = url.split('#').next().unwrap_or_default();
    let joint = match url.find('?') {
        None => "?",
        Some(_) if url.ends_with(['?', '&']) => "",
        Some(_) => "&",
    };
    let query = Serializer::new(String::new()).extend_pairs(params).finish();
    format!("{url}{joint}{query}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn params(pairs: &[(&str, &str)]) -> Params {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn parameters_go_behind_those_of_the_url() {
        for (url, expected) in [
            ("http://host", "http://host?a=1&a=2+%263"),
            ("http://host/path", "http://host/path?a=1&a=2+%263"),
            ("http://host/?", "http://host/?a=1&a=2+%263"),
            ("http://host/?b=0", "http://host/?b=0&a=1&a=2+%263"),
            ("http://host/?b=0&", "http://host/?b=0&a=1&a=2+%263"),
            ("http://host/?b=0#part", "http://host/?b=0&a=1&a=2+%263"),
        ] {
            assert_eq!(append(url, &params(&[("a", "1"), ("a", "2 &3")])), expected);
        }
        assert_eq!(append("http://host/#part", &Params::new()), "http://host/#part");
    }

    #[test]
    fn a_request_has_the_last_word_on_a_name() {
        let merged = merge(&params(&[("a", "1"), ("b", "2"), ("a", "3")]), params(&[("a", "4"), ("c", "5")]));
        assert_eq!(merged, params(&[("b", "2"), ("a", "4"), ("c", "5")]));
    }
}
