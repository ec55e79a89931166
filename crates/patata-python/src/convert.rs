//! From an item of the user's input to a request of the engine's.

use patata::Method;
use pyo3::prelude::*;
use pyo3::types::{PyString, PyTuple};

use crate::fault;
use crate::json;
use crate::request::Request;

/// The request that an item stands for.
///
/// # Errors
/// An item of the wrong type, shown in the message. What is wrong with a request's content is no error
/// here: it ends as that request's own response.
pub(crate) fn request(item: &Bound<'_, PyAny>, method: &Method) -> PyResult<patata::Request<Py<PyAny>>> {
    if let Ok(request) = item.cast::<Request>() {
        let request = request.borrow();
        let py = item.py();
        return build(item, request.id_.bind(py), request.url.bind(py), Some(request.data.bind(py)), method);
    }
    let Ok(tuple) = item.cast::<PyTuple>() else { return Err(unusable(item)) };
    match tuple.len() {
        2 => build(item, &tuple.get_item(0)?, &tuple.get_item(1)?, None, method),
        3 => build(item, &tuple.get_item(0)?, &tuple.get_item(1)?, Some(&tuple.get_item(2)?), method),
        _ => Err(unusable(item)),
    }
}

fn build(
    item: &Bound<'_, PyAny>,
    id_: &Bound<'_, PyAny>,
    url: &Bound<'_, PyAny>,
    data: Option<&Bound<'_, PyAny>>,
    method: &Method,
) -> PyResult<patata::Request<Py<PyAny>>> {
    let Ok(url) = url.cast::<PyString>() else { return Err(unusable(item)) };
    let tag = id_.clone().unbind();
    let Ok(url) = url.to_str() else {
        return Ok(patata::Request::invalid(tag, format!("URL {} is not valid Unicode", url.repr()?)));
    };
    let request = patata::Request::new(tag, method.clone(), url);
    match data {
        Some(data) if !data.is_none() => Ok(match json::encode(data) {
            Ok(body) => request.header("content-type", "application/json").body(body),
            Err(error) => patata::Request::invalid(request.tag, error.value(item.py()).to_string()),
        }),
        _ => Ok(request),
    }
}

fn unusable(item: &Bound<'_, PyAny>) -> PyErr {
    let shown = item.repr().map_or_else(|_| format!("<{}>", item.get_type()), |text| text.to_string());
    let message = format!(
        "{shown} is not a request: give Request(id_, url, data=None), (id, url) or (id, url, data), with a str as url"
    );
    fault::invalid_request(item.py(), message)
}
