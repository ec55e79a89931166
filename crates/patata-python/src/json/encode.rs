//! From Python objects to bytes: the types that JSON is made of.

use pyo3::exceptions::{PyRecursionError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyDict, PyFloat, PyInt, PyList, PyString, PyTuple};

use super::MAX_DEPTH;
use super::misfit::Misfit;

/// The JSON of an object, as compact as it goes: of dict, list, tuple, str, int, float, bool and None, and of
/// what `rarer.rs` adds to them.
///
/// # Errors
/// Says what cannot be expressed, and where it stands below `name`, under which it was given:
/// `data["a"][3]`.
pub(crate) fn encode(name: &str, value: &Bound<'_, PyAny>) -> PyResult<Vec<u8>> {
    let mut writer = Writer { out: Vec::with_capacity(128), depth: 0 };
    writer.value(value).map_err(|misfit| misfit.told(value.py(), name))?;
    Ok(writer.out)
}

pub(super) struct Writer {
    pub(super) out: Vec<u8>,
    depth: usize,
}

impl Writer {
    /// The types themselves come first: they are most of all there is, and what derives from them may be an
    /// Enum, which is written as its value.
    pub(super) fn value(&mut self, value: &Bound<'_, PyAny>) -> Result<(), Misfit> {
        if let Ok(text) = value.cast_exact::<PyString>() {
            return self.text(text);
        }
        if value.is_none() {
            self.out.extend_from_slice(b"null");
            return Ok(());
        }
        if let Ok(truth) = value.cast_exact::<PyBool>() {
            self.out.extend_from_slice(if truth.is_true() { b"true" } else { b"false" });
            return Ok(());
        }
        if value.is_exact_instance_of::<PyInt>() {
            return self.integer(value);
        }
        if let Ok(number) = value.cast_exact::<PyFloat>() {
            return self.float(number.value());
        }
        if let Ok(dict) = value.cast_exact::<PyDict>() {
            return self.nested(|writer| writer.dict(dict));
        }
        if let Ok(list) = value.cast_exact::<PyList>() {
            return self.nested(|writer| writer.array(list.iter()));
        }
        if let Ok(tuple) = value.cast_exact::<PyTuple>() {
            return self.nested(|writer| writer.array(tuple.iter()));
        }
        self.rarer(value)
    }

    pub(super) fn nested(
        &mut self,
        write: impl FnOnce(&mut Self) -> Result<(), Misfit>,
    ) -> Result<(), Misfit> {
        if self.depth == MAX_DEPTH {
            return Err(PyRecursionError::new_err("it is nested too deeply, or holds itself").into());
        }
        self.depth += 1;
        write(self)?;
        self.depth -= 1;
        Ok(())
    }

    fn dict(&mut self, dict: &Bound<'_, PyDict>) -> Result<(), Misfit> {
        if cfg!(Py_GIL_DISABLED) {
            // Another thread may change it at any time, by which the iterator would panic.
            return self.mapping(dict.as_mapping());
        }
        let size = dict.len();
        let mut separator = b'{';
        for (key, value) in dict.iter().take(size) {
            self.member(separator, &key, &value)?;
            separator = b',';
            // Methods of the user's have run, maybe. The iterator would panic.
            if dict.len() != size {
                return Err(PyValueError::new_err("the dict changed while it was written").into());
            }
        }
        self.close(separator, b'{', b'}');
        Ok(())
    }

    /// A key and its value, behind the separator.
    pub(super) fn member(
        &mut self,
        separator: u8,
        key: &Bound<'_, PyAny>,
        value: &Bound<'_, PyAny>,
    ) -> Result<(), Misfit> {
        self.out.push(separator);
        self.key(key)?;
        self.out.push(b':');
        self.value(value).map_err(|misfit| misfit.within(format!("[{}]", shown(key))))
    }

    pub(super) fn array<'py>(
        &mut self,
        items: impl Iterator<Item = Bound<'py, PyAny>>,
    ) -> Result<(), Misfit> {
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
    pub(super) fn close(&mut self, separator: u8, open: u8, close: u8) {
        if separator == open {
            self.out.push(open);
        }
        self.out.push(close);
    }

    /// Keys are texts; numbers, bools and None become texts, as in the standard library.
    pub(super) fn key(&mut self, key: &Bound<'_, PyAny>) -> Result<(), Misfit> {
        if let Ok(text) = key.cast_exact::<PyString>() {
            return self.text(text);
        }
        if key.is_none()
            || key.is_exact_instance_of::<PyInt>()
            || key.is_exact_instance_of::<PyBool>()
            || key.is_exact_instance_of::<PyFloat>()
        {
            return self.quoted(|writer| writer.value(key));
        }
        self.rarer_key(key)
    }

    /// What has no quotes of its own, as a text.
    pub(super) fn quoted(
        &mut self,
        write: impl FnOnce(&mut Self) -> Result<(), Misfit>,
    ) -> Result<(), Misfit> {
        self.out.push(b'"');
        write(self)?;
        self.out.push(b'"');
        Ok(())
    }

    pub(super) fn text(&mut self, text: &Bound<'_, PyString>) -> Result<(), Misfit> {
        let text = text
            .to_str()
            .map_err(|_| PyValueError::new_err("a str holds a lone surrogate, which is no character"))?;
        self.scalar(text)
    }

    pub(super) fn integer(&mut self, value: &Bound<'_, PyAny>) -> Result<(), Misfit> {
        match value.extract::<i64>() {
            Ok(number) => self.scalar(number),
            // Any size: JSON sets no bound. `int` itself, as a subclass may print otherwise.
            Err(_) => {
                let digits = value.py().get_type::<PyInt>().call_method1("__repr__", (value,))?;
                self.verbatim(&digits)
            }
        }
    }

    /// The digits of a number as they are.
    pub(super) fn verbatim(&mut self, digits: &Bound<'_, PyAny>) -> Result<(), Misfit> {
        let digits = digits.cast::<PyString>().map_err(PyErr::from)?;
        self.out.extend_from_slice(digits.to_str()?.as_bytes());
        Ok(())
    }

    pub(super) fn float(&mut self, number: f64) -> Result<(), Misfit> {
        if !number.is_finite() {
            return Err(no_number(number).into());
        }
        self.scalar(number)
    }

    /// A text, an integer or a float, in serde_json's spelling.
    fn scalar(&mut self, value: impl serde::Serialize) -> Result<(), Misfit> {
        serde_json::to_writer(&mut self.out, &value)
            .map_err(|error| PyValueError::new_err(error.to_string()).into())
    }
}

/// That a number is not finite.
pub(super) fn no_number(number: impl std::fmt::Display) -> PyErr {
    PyValueError::new_err(format!("{number} is not a number that JSON has; send null or a text instead"))
}

fn shown(key: &Bound<'_, PyAny>) -> String {
    key.repr().map_or_else(|_| "?".to_owned(), |text| text.to_string())
}
