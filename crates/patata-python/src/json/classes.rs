//! Classes of the standard library and of numpy, each looked up once, and imported only if the program does.

use std::sync::OnceLock;

use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::once::member;

pub(super) static DATE: Class = Class::new("datetime", "date");
pub(super) static DATETIME64: Class = Class::new("numpy", "datetime64");
pub(crate) static DECIMAL: Class = Class::new("decimal", "Decimal");
pub(crate) static ENUM: Class = Class::new("enum", "Enum");
pub(super) static FLOATING: Class = Class::new("numpy", "floating");
pub(super) static GENERIC: Class = Class::new("numpy", "generic");
pub(super) static TIME: Class = Class::new("datetime", "time");
pub(super) static TIMEDELTA64: Class = Class::new("numpy", "timedelta64");
pub(super) static UUID: Class = Class::new("uuid", "UUID");

pub(crate) struct Class {
    module: &'static str,
    name: &'static str,
    found: OnceLock<Py<PyAny>>,
}

impl Class {
    const fn new(module: &'static str, name: &'static str) -> Self {
        Self { module, name, found: OnceLock::new() }
    }

    /// Whether the value is an instance of it, or of a class derived from it.
    pub(crate) fn has(&self, value: &Bound<'_, PyAny>) -> PyResult<bool> {
        match self.get(value.py())? {
            Some(class) => value.is_instance(class),
            None => Ok(false),
        }
    }

    /// The class; `None` as long as the program has not imported it, for then there are no objects of it.
    pub(super) fn get<'a, 'py>(&'a self, py: Python<'py>) -> PyResult<Option<&'a Bound<'py, PyAny>>> {
        static MODULES: OnceLock<Py<PyAny>> = OnceLock::new();
        if let Some(class) = self.found.get() {
            return Ok(Some(class.bind(py)));
        }
        let modules = member(&MODULES, py, "sys", "modules")?.cast::<PyDict>()?;
        let Some(module) = modules.get_item(self.module)? else { return Ok(None) };
        // A module that another thread has only begun to import may not have it yet.
        let Some(class) = module.getattr_opt(self.name)? else { return Ok(None) };
        Ok(Some(self.found.get_or_init(|| class.unbind()).bind(py)))
    }
}
