//! Braces of a text that begin a field's name and are never closed: what they stand in would be sent as it is, to the
//! wrong place.

use crate::input::error::InputError;

use super::text::unusable;

/// Within what a brace is closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scope {
    /// The whole text.
    Text,
    /// The string of a JSON text that it stands in. Other braces are JSON's own.
    JsonString,
}

/// Refuses a text in which the brace before a field's name is not closed.
///
/// # Errors
/// Names the place, and how a brace is written that stands for itself.
pub(super) fn check(part: &'static str, text: &str, scope: Scope) -> Result<(), InputError> {
    let is_meant = |at: &usize| scope == Scope::JsonString || !text[..*at].ends_with('{');
    let Some(at) = unclosed(text, scope).into_iter().find(is_meant) else { return Ok(()) };
    let name = &text[at + 1..][..name_length(&text[at + 1..])];
    let itself = match scope {
        Scope::Text => "{{",
        Scope::JsonString => "\\u007b",
    };
    Err(unusable(
        part,
        format!(
            "the brace of \"{{{name}\" is not closed; write {{{name}}} for the field of the row, or {itself}{name} for \
             a brace that is meant"
        ),
    ))
}

/// Where braces stand that begin a name and are not closed, in order.
pub(super) fn unclosed(text: &str, scope: Scope) -> Vec<usize> {
    let (mut open, mut unclosed) = (Vec::new(), Vec::new());
    let mut string = JsonString::default();
    for (at, byte) in text.bytes().enumerate() {
        if scope == Scope::JsonString && !string.pass(byte) {
            unclosed.append(&mut open);
            continue;
        }
        match byte {
            b'{' => open.push(at),
            b'}' => drop(open.pop()),
            _ => {}
        }
    }
    unclosed.append(&mut open);
    unclosed.retain(|at| name_length(&text[at + 1..]) > 0);
    unclosed
}

/// How long the name of a field is with which a text begins; 0 where it begins with none.
fn name_length(text: &str) -> usize {
    if !text.starts_with(begins_name) {
        return 0;
    }
    text.find(|letter| !is_in_name(letter)).unwrap_or(text.len())
}

/// Whether a name may begin so.
pub(super) fn begins_name(letter: char) -> bool {
    letter.is_alphabetic() || letter == '_'
}

/// Whether it may be in a name.
pub(super) fn is_in_name(letter: char) -> bool {
    letter.is_alphanumeric() || matches!(letter, '_' | '-' | '.')
}

/// Whether a place in JSON is within quotes.
#[derive(Debug, Default)]
pub(super) struct JsonString {
    is_within: bool,
    is_escaped: bool,
}

impl JsonString {
    /// Passes a byte. Says whether what is behind it is within quotes.
    pub(super) fn pass(&mut self, byte: u8) -> bool {
        match byte {
            _ if self.is_escaped => self.is_escaped = false,
            b'\\' => self.is_escaped = self.is_within,
            b'"' => self.is_within = !self.is_within,
            _ => {}
        }
        self.is_within
    }

    pub(super) fn is_within(&self) -> bool {
        self.is_within
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(text: &str, scope: Scope) -> Option<String> {
        check("-d", text, scope).err().map(|error| error.to_string())
    }

    #[test]
    fn a_name_that_is_not_closed_is_told_from_braces_that_are_meant() {
        for text in ["{id", "a/{id/x?y={z}", "{id/{ x }", "x={user.name&y=1", "{a} {größe"] {
            assert!(message(text, Scope::Text).is_some(), "{text}");
        }
        let query = "query { user(id: {id}) {name {first last}} }";
        for text in ["", "{id}", "{", "}", "{ id", "{1", "{{id", "{{id}}", "{\"first name\"}", query] {
            assert_eq!(message(text, Scope::Text), None);
        }
        assert_eq!(
            message("a={user.name&b={c}", Scope::Text).unwrap(),
            "-d: the brace of \"{user.name\" is not closed; write {user.name} for the field of the row, or \
             {{user.name for a brace that is meant"
        );
    }

    #[test]
    fn in_json_a_brace_is_closed_in_its_own_string() {
        for text in [r#"{"a":"{name"}"#, r#"{"a":"\"{name\"","b":"}"}"#, r#"["{{name"]"#] {
            assert!(message(text, Scope::JsonString).unwrap().contains("or \\u007bname for"), "{text}");
        }
        for text in [
            r#"{"a": {"b": 1}}"#,
            r#"{"a":"{name}","b":{count}}"#,
            r#"{"query":"{user{id name}}"}"#,
            r#"{"a":"x{\"b\":1}"}"#,
            r#"{"a":"x{"first name"}"}"#,
        ] {
            assert_eq!(message(text, Scope::JsonString), None);
        }
    }
}
