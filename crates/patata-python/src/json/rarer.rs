//! From Python objects to bytes: Enums, dataclasses, dates, UUIDs, Decimals, numpy's scalars, other mappings, and
//! what derives from the types that JSON is made of.

use std::sync::OnceLock;

use pyo3::prelude::*;
use pyo3::types::{PyFloat, PyInt, PyList, PyMapping, PyString, PyTuple};

use super::classes::{DECIMAL, ENUM};
use super::encode::{Writer, no_number};
use super::misfit::Misfit;
use super::scalars::{of_numpy, text_of};
use crate::once::{interned, member};

impl Writer {
    /// What is none of the common types. Enums come first: their members may be of any type besides.
    pub(super) fn rarer(&mut self, value: &Bound<'_, PyAny>) -> Result<(), Misfit> {
        if ENUM.has(value)? {
            let meant = value.getattr(interned!(value.py(), "value"))?;
            let written = self.nested(|writer| writer.value(&meant));
            return written.map_err(|misfit| misfit.within(".value".to_owned()));
        }
        if let Ok(text) = value.cast::<PyString>() {
            return self.text(text);
        }
        if value.is_instance_of::<PyInt>() {
            return self.integer(value);
        }
        if let Ok(number) = value.cast::<PyFloat>() {
            return self.float(number.value());
        }
        if let Ok(list) = value.cast::<PyList>() {
            return self.nested(|writer| writer.array(list.iter()));
        }
        if let Ok(tuple) = value.cast::<PyTuple>() {
            return self.nested(|writer| writer.array(tuple.iter()));
        }
        if let Some(text) = text_of(value)? {
            return self.text(&text);
        }
        if DECIMAL.has(value)? {
            return self.decimal(value);
        }
        if let Some(plain) = of_numpy(value)? {
            return self.value(&plain);
        }
        if let Some(fields) = fields_of(value)? {
            return self.nested(|writer| writer.dataclass(value, &fields));
        }
        if let Ok(mapping) = value.cast::<PyMapping>() {
            return self.nested(|writer| writer.mapping(mapping));
        }
        Err(Misfit::of_type("", value, "make it a dict, a list, a str or a number"))
    }

    /// A key that is none of the common types.
    pub(super) fn rarer_key(&mut self, key: &Bound<'_, PyAny>) -> Result<(), Misfit> {
        if ENUM.has(key)? {
            let meant = key.getattr(interned!(key.py(), "value"))?;
            return self.nested(|writer| writer.key(&meant));
        }
        if let Ok(text) = key.cast::<PyString>() {
            return self.text(text);
        }
        if let Some(text) = text_of(key)? {
            return self.text(&text);
        }
        if let Some(plain) = of_numpy(key)? {
            return self.key(&plain);
        }
        if key.is_instance_of::<PyInt>() || key.is_instance_of::<PyFloat>() || DECIMAL.has(key)? {
            return self.quoted(|writer| writer.rarer(key));
        }
        Err(Misfit::of_type("the key ", key, "make it a str"))
    }

    /// A number with all its digits, as `Decimal` itself spells it: a subclass may print otherwise.
    fn decimal(&mut self, value: &Bound<'_, PyAny>) -> Result<(), Misfit> {
        let py = value.py();
        if !value.call_method0(interned!(py, "is_finite"))?.is_truthy()? {
            return Err(no_number(value).into());
        }
        let digits = match DECIMAL.get(py)? {
            Some(class) => class.call_method1(interned!(py, "__str__"), (value,))?,
            None => value.str()?.into_any(),
        };
        self.verbatim(&digits)
    }

    fn dataclass(&mut self, value: &Bound<'_, PyAny>, fields: &Bound<'_, PyTuple>) -> Result<(), Misfit> {
        let mut separator = b'{';
        for field in fields {
            let name = field.getattr(interned!(value.py(), "name"))?;
            let name = name.cast::<PyString>().map_err(PyErr::from)?;
            self.out.push(separator);
            separator = b',';
            self.text(name)?;
            self.out.push(b':');
            let written = value.getattr(name).map_err(Misfit::from).and_then(|field| self.value(&field));
            written.map_err(|misfit| misfit.within(format!(".{name}")))?;
        }
        self.close(separator, b'{', b'}');
        Ok(())
    }

    /// By its own `items`, which for an `OrderedDict` have another order than the dict beneath.
    pub(super) fn mapping(&mut self, mapping: &Bound<'_, PyMapping>) -> Result<(), Misfit> {
        let mut separator = b'{';
        for item in mapping.items()? {
            let (key, value) = item.extract::<(Bound<'_, PyAny>, Bound<'_, PyAny>)>()?;
            self.member(separator, &key, &value)?;
            separator = b',';
        }
        self.close(separator, b'{', b'}');
        Ok(())
    }
}

/// The fields of an instance of a dataclass; `None` for everything else, dataclasses themselves too.
fn fields_of<'py>(value: &Bound<'py, PyAny>) -> PyResult<Option<Bound<'py, PyTuple>>> {
    static FIELDS: OnceLock<Py<PyAny>> = OnceLock::new();
    let py = value.py();
    if value.get_type().getattr_opt(interned!(py, "__dataclass_fields__"))?.is_none() {
        return Ok(None);
    }
    let fields = member(&FIELDS, py, "dataclasses", "fields")?.call1((value,))?;
    Ok(Some(fields.cast_into::<PyTuple>()?))
}
