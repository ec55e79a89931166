//! JSON: from Python objects to bytes, and from bytes to Python objects.

use jiter::{FloatMode, PartialMode, PythonParse, StringCacheMode};
use pyo3::exceptions::{PyRecursionError, PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyDict, PyFloat, PyInt, PyList, PyString, PyTuple};

/// Deeper than any real document; a list that holds itself is deeper still.
const MAX_DEPTH: usize = 200;

/// The JSON of an object made of dict, list, tuple, str, int, float, bool and None, as compact as it goes.
///
/// # Errors
/// Says what cannot be expressed, and where it stands: `data["a"][3]`.
pub(crate) fn encode(value: &Bound<'_, PyAny>) -> PyResult<Vec<u8>> {
    let mut writer = Writer { out: Vec::with_capacity(128), depth: 0 };
    writer.value(value).map_err(|Misfit { path, error }| {
        let py = value.py();
        let place: String = path.iter().rev().map(String::as_str).collect();
        let message = format!("data{place} cannot be sent as JSON: {}", error.value(py));
        PyErr::from_type(error.get_type(py), message)
    })?;
    Ok(writer.out)
}

/// Something that JSON has no form for.
struct Misfit {
    /// From the inside out.
    path: Vec<String>,
    error: PyErr,
}

impl From<PyErr> for Misfit {
    fn from(error: PyErr) -> Self {
        Self { path: Vec::new(), error }
    }
}

impl Misfit {
    fn within(mut self, step: String) -> Self {
        self.path.push(step);
        self
    }
}

struct Writer {
    out: Vec<u8>,
    depth: usize,
}

impl Writer {
    fn value(&mut self, value: &Bound<'_, PyAny>) -> Result<(), Misfit> {
        if let Ok(text) = value.cast::<PyString>() {
            return self.text(text);
        }
        if value.is_none() {
            self.out.extend_from_slice(b"null");
            return Ok(());
        }
        // Before int, which bool is a kind of.
        if let Ok(truth) = value.cast::<PyBool>() {
            self.out.extend_from_slice(if truth.is_true() { b"true" } else { b"false" });
            return Ok(());
        }
        if value.is_instance_of::<PyInt>() {
            return self.integer(value);
        }
        if let Ok(number) = value.cast::<PyFloat>() {
            return self.float(number.value());
        }
        if let Ok(dict) = value.cast::<PyDict>() {
            return self.nested(|writer| writer.object(dict));
        }
        if let Ok(list) = value.cast::<PyList>() {
            return self.nested(|writer| writer.array(list.iter()));
        }
        if let Ok(tuple) = value.cast::<PyTuple>() {
            return self.nested(|writer| writer.array(tuple.iter()));
        }
        let class = value.get_type().fully_qualified_name()?;
        Err(PyTypeError::new_err(format!("{} is of type {class}", value.repr()?)).into())
    }

    fn nested(&mut self, write: impl FnOnce(&mut Self) -> Result<(), Misfit>) -> Result<(), Misfit> {
        if self.depth == MAX_DEPTH {
            return Err(PyRecursionError::new_err("it is nested too deeply, or holds itself").into());
        }
        self.depth += 1;
        write(self)?;
        self.depth -= 1;
        Ok(())
    }

    fn object(&mut self, dict: &Bound<'_, PyDict>) -> Result<(), Misfit> {
        let mut separator = b'{';
        for (key, value) in dict {
            self.out.push(separator);
            separator = b',';
            self.key(&key)?;
            self.out.push(b':');
            self.value(&value).map_err(|misfit| misfit.within(format!("[{}]", shown(&key))))?;
        }
        self.close(separator, b'{', b'}');
        Ok(())
    }

    fn array<'py>(&mut self, items: impl Iterator<Item = Bound<'py, PyAny>>) -> Result<(), Misfit> {
        let mut separator = b'[';
        for (index, item) in items.enumerate() {
            self.out.push(separator);
            separator = b',';
            self.value(&item).map_err(|misfit| misfit.within(format!("[{index}]")))?;
        }
        self.close(separator, b'[', b']');
        Ok(())
    }

    /// An empty container has not been opened yet.
    fn close(&mut self, separator: u8, open: u8, close: u8) {
        if separator == open {
            self.out.push(open);
        }
        self.out.push(close);
    }

    /// Keys are texts; numbers, bools and None become texts, as in the standard library.
    fn key(&mut self, key: &Bound<'_, PyAny>) -> Result<(), Misfit> {
        if let Ok(text) = key.cast::<PyString>() {
            return self.text(text);
        }
        if key.is_none() || key.is_instance_of::<PyInt>() || key.is_instance_of::<PyFloat>() {
            self.out.push(b'"');
            self.value(key)?;
            self.out.push(b'"');
            return Ok(());
        }
        let class = key.get_type().fully_qualified_name()?;
        Err(PyTypeError::new_err(format!("the key {} is of type {class}", key.repr()?)).into())
    }

    fn text(&mut self, text: &Bound<'_, PyString>) -> Result<(), Misfit> {
        let text = text
            .to_str()
            .map_err(|_| PyValueError::new_err("a str holds a lone surrogate, which is no character"))?;
        self.scalar(text)
    }

    fn integer(&mut self, value: &Bound<'_, PyAny>) -> Result<(), Misfit> {
        match value.extract::<i64>() {
            Ok(number) => self.scalar(number),
            // Any size: JSON sets no bound. `int` itself, as a subclass may print otherwise.
            Err(_) => {
                let digits = value.py().get_type::<PyInt>().call_method1("__repr__", (value,))?;
                self.out
                    .extend_from_slice(digits.cast::<PyString>().map_err(PyErr::from)?.to_str()?.as_bytes());
                Ok(())
            }
        }
    }

    fn float(&mut self, number: f64) -> Result<(), Misfit> {
        if !number.is_finite() {
            return Err(PyValueError::new_err(format!("{number} is not a number that JSON has")).into());
        }
        self.scalar(number)
    }

    /// A text, an integer or a float, in serde_json's spelling.
    fn scalar(&mut self, value: impl serde::Serialize) -> Result<(), Misfit> {
        serde_json::to_writer(&mut self.out, &value)
            .map_err(|error| PyValueError::new_err(error.to_string()).into())
    }
}

fn shown(key: &Bound<'_, PyAny>) -> String {
    key.repr().map_or_else(|_| "?".to_owned(), |text| text.to_string())
}

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
    match py.import("json")?.call_method1("loads", (pyo3::types::PyBytes::new(py, body),)) {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.is_instance_of::<PyValueError>(py) => Ok(None),
        Err(error) if error.is_instance_of::<PyRecursionError>(py) => Ok(None),
        Err(error) => Err(error),
    }
}
