//! Names and values as users give them: a mapping or pairs, with lists for what is repeated.

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyBytes, PyFloat, PyInt, PyList, PyMapping, PyString, PyTuple};

use crate::json;

/// The names and values of an option; a value that is a list counts once for each item.
///
/// # Errors
/// Names the option where it is neither a mapping nor pairs.
pub(crate) fn pairs<'py>(
    option: &str,
    given: &Bound<'py, PyAny>,
) -> PyResult<Vec<(String, Bound<'py, PyAny>)>> {
    let unusable = |what: &Bound<'_, PyAny>| {
        let class = what.get_type();
        PyValueError::new_err(format!(
            "{option} must be a mapping or pairs of a name and a value, got {class}"
        ))
    };
    if given.is_instance_of::<PyString>() || given.is_instance_of::<PyBytes>() {
        return Err(unusable(given));
    }
    let items = match given.cast::<PyMapping>() {
        Ok(mapping) => mapping.items()?.into_any(),
        Err(_) => given.clone(),
    };
    let mut found = Vec::new();
    for item in items.try_iter().map_err(|_| unusable(given))? {
        let item = item?;
        let is_pair = item.is_instance_of::<PyTuple>() || item.is_instance_of::<PyList>();
        let parts: Vec<_> = if is_pair { item.try_iter()?.collect::<PyResult<_>>()? } else { Vec::new() };
        let [name, value]: [Bound<'_, PyAny>; 2] = parts.try_into().map_err(|_| unusable(&item))?;
        let name = name.cast::<PyString>().map_err(|_| {
            PyValueError::new_err(format!("{option}: a name must be a str, got {}", name.get_type()))
        })?;
        let name = name.to_str()?.to_owned();
        match value.cast::<PyList>() {
            Ok(list) => found.extend(list.iter().map(|value| (name.clone(), value))),
            Err(_) => found.push((name, value)),
        }
    }
    Ok(found)
}

/// A value as text: of a str, a number, a bool, a date, a time, a UUID, or an Enum of these; `None` for None,
/// which takes a default away.
///
/// # Errors
/// Names the option and the name, never the value, which may be a secret.
pub(crate) fn text(option: &str, name: &str, value: &Bound<'_, PyAny>) -> PyResult<Option<String>> {
    if let Ok(text) = value.cast::<PyString>() {
        return Ok(Some(text.to_str()?.to_owned()));
    }
    if value.is_none() {
        return Ok(None);
    }
    if let Some(text) = text_of_scalar(value)? {
        return Ok(Some(text));
    }
    let class = value.get_type();
    Err(PyValueError::new_err(format!(
        "{option}: the value of {name:?} must be a str, a number, a bool, a date, None or a list of these, got \
         {class}"
    )))
}

fn text_of_scalar(value: &Bound<'_, PyAny>) -> PyResult<Option<String>> {
    let meant = match json::ENUM.has(value)? {
        true => value.getattr("value")?,
        false => value.clone(),
    };
    let plain = json::of_numpy(&meant)?.unwrap_or(meant);
    if let Ok(truth) = plain.cast::<PyBool>() {
        return Ok(Some(truth.is_true().to_string()));
    }
    let is_shown = plain.is_instance_of::<PyString>()
        || plain.is_instance_of::<PyInt>()
        || plain.is_instance_of::<PyFloat>()
        || json::DECIMAL.has(&plain)?;
    let text = if is_shown { Some(plain.str()?) } else { json::text_of(&plain)? };
    text.map(|text| Ok(text.to_str()?.to_owned())).transpose()
}

/// The same for headers, of which a value may also be bytes.
pub(crate) fn header_value(name: &str, value: &Bound<'_, PyAny>) -> PyResult<Option<Vec<u8>>> {
    if let Ok(bytes) = value.cast::<PyBytes>() {
        return Ok(Some(bytes.as_bytes().to_vec()));
    }
    Ok(text("headers", name, value)?.map(String::into_bytes))
}

/// Names and values that are all text; those that are None are left out.
pub(crate) fn texts(option: &str, given: &Bound<'_, PyAny>) -> PyResult<Vec<(String, String)>> {
    let mut found = Vec::new();
    for (name, value) in pairs(option, given)? {
        if let Some(value) = text(option, &name, &value)? {
            found.push((name, value));
        }
    }
    Ok(found)
}

/// A pair of strings.
pub(crate) fn pair_of_texts(value: &Bound<'_, PyAny>) -> Option<(String, String)> {
    value.cast::<PyTuple>().ok()?.extract().ok()
}

/// Units and amounts: a mapping from names to numbers that are neither negative nor infinite.
///
/// # Errors
/// Says where they come from, and what is none.
pub(crate) fn amounts(origin: &str, given: &Bound<'_, PyAny>) -> PyResult<Vec<(String, f64)>> {
    let class = given.get_type();
    let mapping = given.cast::<PyMapping>().map_err(|_| {
        PyValueError::new_err(format!("{origin} must be a mapping from units to amounts, got {class}"))
    })?;
    let mut amounts = Vec::new();
    for (unit, amount) in mapping.items()?.extract::<Vec<(Bound<'_, PyAny>, Bound<'_, PyAny>)>>()? {
        let unit = unit.cast::<PyString>().map_err(|_| {
            PyValueError::new_err(format!("{origin}: a unit must be a str, got {}", unit.get_type()))
        })?;
        let number = if amount.is_instance_of::<PyBool>() { None } else { amount.extract::<f64>().ok() };
        match number.filter(|number| *number >= 0.0 && number.is_finite()) {
            Some(number) => amounts.push((unit.to_str()?.to_owned(), number)),
            None => {
                return Err(PyValueError::new_err(format!(
                    "{origin}: what is said of {unit} must be a number that is neither negative nor infinite, got {}",
                    amount.repr()?
                )));
            }
        }
    }
    Ok(amounts)
}
