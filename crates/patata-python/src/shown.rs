//! What an error, or a notebook, shows of an object of the user's: its type, and of its value only what is no secret.

use pyo3::prelude::*;
use pyo3::types::{
    PyBool, PyBytes, PyDict, PyFloat, PyInt, PyList, PyMapping, PySequence, PyString, PyTuple,
};

use crate::request::Request;
use crate::values;

/// How many characters of a text, and how many items of a container, are shown.
const MOST: (usize, usize) = (120, 6);

/// An object as errors and notebooks show it, for the package's own use.
#[pyfunction]
#[pyo3(name = "_shown")]
pub(crate) fn shown(value: &Bound<'_, PyAny>) -> String {
    of(value)
}

/// An object: numbers and `None` as they are, texts without credentials, of containers the items that are no
/// secret, and of all else the type.
pub(crate) fn of(value: &Bound<'_, PyAny>) -> String {
    plain(value).or_else(|| text(value)).unwrap_or_else(|| {
        if let Ok(tuple) = value.cast::<PyTuple>() {
            let trailing = if tuple.len() == 1 { "," } else { "" };
            return format!("({}{trailing})", items(tuple.iter(), tuple.len()));
        }
        if let Ok(list) = value.cast::<PyList>() {
            return format!("[{}]", items(list.iter(), list.len()));
        }
        if let Ok(dict) = value.cast::<PyDict>() {
            return mapping(dict);
        }
        // It shows itself without secrets.
        match value.cast::<Request>() {
            Ok(request) => repr(request).unwrap_or_else(|| type_of(value)),
            Err(_) => type_of(value),
        }
    })
}

/// The whole URL of a request, which need not be a text.
pub(crate) fn url_of(given: &Bound<'_, PyAny>) -> String {
    let text = given.cast::<PyString>().ok();
    text.and_then(|text| quoted(text, patata::redacted)).unwrap_or_else(|| of(given))
}

/// The `repr` of what `show` makes of a text.
fn quoted(text: &Bound<'_, PyString>, show: impl Fn(&str) -> String) -> Option<String> {
    if let Ok(unicode) = text.to_str() {
        return repr(&PyString::new(text.py(), &show(unicode)));
    }
    // Lone surrogates as escapes, which are not to be escaped once more.
    let escaped = text.call_method1("encode", ("ascii", "backslashreplace")).ok()?;
    let escaped = escaped.cast::<PyBytes>().ok()?.as_bytes().to_owned();
    Some(format!("'{}'", show(&String::from_utf8(escaped).ok()?)))
}

/// The names that a mapping or pairs have; the type of what is neither.
pub(crate) fn names_of(option: &str, given: &Bound<'_, PyAny>) -> String {
    // An iterator would be empty afterwards.
    let is_container = given.cast::<PyMapping>().is_ok() || given.cast::<PySequence>().is_ok();
    match values::pairs(option, given).ok().filter(|_| is_container) {
        Some(pairs) => {
            format!("[{}]", pairs.into_iter().map(|(name, _)| name).collect::<Vec<_>>().join(", "))
        }
        None => type_of(given),
    }
}

/// The type of a value, and how large it is where it has a length.
pub(crate) fn size_of(value: &Bound<'_, PyAny>) -> String {
    match value.len() {
        Ok(length) => format!("<{} of {length}>", class_of(value)),
        Err(_) => type_of(value),
    }
}

/// What is most unlikely to be a secret.
fn plain(value: &Bound<'_, PyAny>) -> Option<String> {
    let is_plain = value.is_none()
        || value.is_exact_instance_of::<PyBool>()
        || value.is_exact_instance_of::<PyInt>()
        || value.is_exact_instance_of::<PyFloat>();
    if is_plain { repr(value) } else { None }
}

/// A text or bytes, without what stands before an `@` where that may be credentials.
fn text(value: &Bound<'_, PyAny>) -> Option<String> {
    if let Ok(text) = value.cast::<PyString>() {
        return quoted(text, without_credentials);
    }
    let bytes = value.cast::<PyBytes>().ok()?;
    let shown = without_credentials(&String::from_utf8_lossy(bytes.as_bytes()));
    repr(&PyBytes::new(value.py(), shown.as_bytes()))
}

fn without_credentials(text: &str) -> String {
    let shown = patata::redacted(text);
    match shown.char_indices().nth(MOST.0) {
        Some((end, _)) => format!("{}…", &shown[..end]),
        None => shown,
    }
}

/// The items of a tuple or list. The first one may be an id, and one may be a URL; whatever else is a text may
/// be a header's value.
fn items<'py>(items: impl Iterator<Item = Bound<'py, PyAny>>, count: usize) -> String {
    let shown = items.take(MOST.1).enumerate().map(|(index, item)| {
        let is_id = index == 0;
        plain(&item)
            .or_else(|| if is_id { text(&item) } else { url(&item) })
            .unwrap_or_else(|| type_of(&item))
    });
    let mut shown: Vec<_> = shown.collect();
    if count > MOST.1 {
        shown.push("…".to_owned());
    }
    shown.join(", ")
}

/// A dict: its keys, and of its values numbers and URLs.
fn mapping(dict: &Bound<'_, PyDict>) -> String {
    let mut shown: Vec<_> = dict
        .iter()
        .take(MOST.1)
        .map(|(key, value)| {
            let key = plain(&key).or_else(|| text(&key)).unwrap_or_else(|| type_of(&key));
            let value = plain(&value).or_else(|| url(&value)).unwrap_or_else(|| type_of(&value));
            format!("{key}: {value}")
        })
        .collect();
    if dict.len() > MOST.1 {
        shown.push("…".to_owned());
    }
    format!("{{{}}}", shown.join(", "))
}

fn url(value: &Bound<'_, PyAny>) -> Option<String> {
    text(value).filter(|text| text.contains("://"))
}

/// The name of its class, which cannot fail as a `repr` can.
pub(crate) fn class_of(value: &Bound<'_, PyAny>) -> String {
    let class = value.get_type();
    let name = class.fully_qualified_name();
    name.map_or_else(|_| class.to_string(), |name| name.to_string())
}

fn type_of(value: &Bound<'_, PyAny>) -> String {
    format!("<{}>", class_of(value))
}

fn repr(value: &Bound<'_, PyAny>) -> Option<String> {
    Some(value.repr().ok()?.to_string())
}
