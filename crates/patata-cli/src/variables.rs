//! Names of environment variables in texts: `env:NAME` stands for what the variable holds.

use std::collections::BTreeMap;
use std::fmt;

const MARK: &str = "env:";

/// The first name of a variable, with what stands before and after it.
pub(crate) fn next_name(text: &str) -> Option<(&str, &str, &str)> {
    let mut from = 0;
    while let Some(at) = text[from..].find(MARK).map(|at| from + at) {
        let after = &text[at + MARK.len()..];
        let is_part_of_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let is_in_word = text[..at].ends_with(is_part_of_name);
        let end = after.find(|c| !is_part_of_name(c)).unwrap_or(after.len());
        if !is_in_word && end > 0 && !after.starts_with(|c: char| c.is_ascii_digit()) {
            return Some((&text[..at], &after[..end], &after[end..]));
        }
        from = at + MARK.len();
    }
    None
}

/// Whether a text names a variable.
pub(crate) fn names_variable(text: &str) -> bool {
    next_name(text).is_some()
}

/// All names of variables in a text.
pub(crate) fn names(mut text: &str) -> impl Iterator<Item = &str> {
    std::iter::from_fn(move || {
        let (_, name, after) = next_name(text)?;
        text = after;
        Some(name)
    })
}

/// What variables hold, by their names.
#[derive(Clone, Default)]
pub struct Variables(BTreeMap<String, String>);

impl Variables {
    pub(crate) fn insert(&mut self, name: &str, value: &str) {
        self.0.insert(name.to_owned(), value.to_owned());
    }

    /// A text in which values stand in the place of the names that are known here.
    pub(crate) fn fill(&self, text: &str, encode: impl Fn(&str) -> String) -> String {
        let mut filled = String::with_capacity(text.len());
        let mut rest = text;
        while let Some((before, name, after)) = next_name(rest) {
            filled.push_str(before);
            match self.0.get(name) {
                Some(value) => filled.push_str(&encode(value)),
                None => filled.extend([MARK, name]),
            }
            rest = after;
        }
        filled.push_str(rest);
        filled
    }
}

impl FromIterator<(String, String)> for Variables {
    fn from_iter<I: IntoIterator<Item = (String, String)>>(variables: I) -> Self {
        Self(variables.into_iter().collect())
    }
}

impl fmt::Debug for Variables {
    /// Without what they hold, which is secret.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_set().entries(self.0.keys()).finish()
    }
}
