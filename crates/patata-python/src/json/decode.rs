//! From bytes to Python objects.

use jiter::{FloatMode, PartialMode, PythonParse, StringCacheMode};
use pyo3::exceptions::{PyRecursionError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use super::MAX_DEPTH;

/// The Python object that a body's JSON stands for; `None` where the body is not JSON.
pub(crate) fn decode<'py>(py: Python<'py>, body: &[u8]) -> PyResult<Option<Bound<'py, PyAny>>> {
    const PARSE: PythonParse = PythonParse {
        allow_inf_nan: true,
        cache_mode: StringCacheMode::All,
        partial_mode: PartialMode::Off,
        catch_duplicate_keys: false,
        float_mode: FloatMode::Float,
    };
    if body.is_empty() {
        return Ok(None);
    }
    match PARSE.python_parse(py, body) {
        Ok(value) => Ok(Some(value)),
        Err(_) if may_be_json_after_all(body) => decode_slowly(py, body),
        Err(_) => Ok(None),
    }
}

/// What the fast parser does not take: a byte order mark, UTF-16, UTF-32, lone surrogates, deep nesting.
fn may_be_json_after_all(body: &[u8]) -> bool {
    body.starts_with(b"\xef\xbb\xbf")
        || body.starts_with(b"\xff\xfe")
        || body.starts_with(b"\xfe\xff")
        || body.iter().take(4).any(|byte| *byte == 0)
        || body.windows(3).any(|three| three.eq_ignore_ascii_case(b"\\ud"))
        || body.iter().filter(|byte| matches!(byte, b'[' | b'{')).nth(MAX_DEPTH - 1).is_some()
}

fn decode_slowly<'py>(py: Python<'py>, body: &[u8]) -> PyResult<Option<Bound<'py, PyAny>>> {
    match py.import("json")?.call_method1("loads", (PyBytes::new(py, body),)) {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.is_instance_of::<PyValueError>(py) => Ok(None),
        Err(error) if error.is_instance_of::<PyRecursionError>(py) => Ok(None),
        Err(error) => Err(error),
    }
}
