//! By what a template names a field of a row.

use std::fmt;

/// The name of a field: `name`, or `user.name` and `items.0` for what is within one.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct FieldPath {
    name: String,
    is_nested: bool,
}

impl FieldPath {
    /// A name as users write it, in which dots lead into objects and arrays.
    pub fn new(name: impl Into<String>) -> Self {
        let name = name.into();
        Self { is_nested: name.contains('.'), name }
    }

    /// A name in which dots are dots.
    pub fn whole(name: impl Into<String>) -> Self {
        Self { name: name.into(), is_nested: false }
    }

    /// As it was written.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The names on the way into a field; `None` where there is one only.
    pub(super) fn steps(&self) -> Option<impl Iterator<Item = &str>> {
        self.is_nested.then(|| self.name.split('.'))
    }
}

impl fmt::Display for FieldPath {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.name.fmt(formatter)
    }
}
