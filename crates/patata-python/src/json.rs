//! JSON: from Python objects to bytes, and from bytes to Python objects.

mod classes;
mod decode;
mod encode;
mod misfit;
mod rarer;
mod scalars;

pub(crate) use classes::{DECIMAL, ENUM};
pub(crate) use decode::decode;
pub(crate) use encode::encode;
pub(crate) use scalars::{of_numpy, text_of};

/// Deeper than any real document; a list that holds itself is deeper still.
const MAX_DEPTH: usize = 200;
