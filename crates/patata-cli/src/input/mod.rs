//! What is to be asked: rows of files and pipes, and the requests that they become.
//!
//! ```
//! use patata_cli::input::{Input, InputOptions, Source, Template, TemplateParts};
//!
//! # let folder = tempfile::tempdir()?;
//! # let path = folder.path().join("users.csv");
//! std::fs::write(&path, "id,name\n7,Ann Lee\n")?;
//! let parts = TemplateParts { url: Some("http://localhost/{id}?q={name}".into()), ..Default::default() };
//! let template = Template::new(&parts)?;
//! let options = InputOptions { required: template.fields().cloned().collect(), ..Default::default() };
//! let mut input = Input::open(vec![Source::new(&path)], options)?;
//! while let Some(row) = input.next_row()? {
//!     let request = template.request(row, row.index());
//!     assert_eq!(format!("{request:?}"), "Request { tag: 0, method: GET, url: \"http://localhost/7?q=Ann%20Lee\", .. }");
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod blocks;
mod error;
mod field;
mod format;
mod json;
mod lines;
mod parquet;
mod reader;
mod row;
mod source;
mod table;
mod template;
#[cfg(test)]
mod tests;
mod verify;
mod window;

pub use error::InputError;
pub use field::FieldPath;
pub use format::InputFormat;
pub use reader::{Input, InputOptions};
pub use row::{Row, Value};
pub use source::Source;
pub use template::{BodyParts, Plan, Template, TemplateParts};
pub use verify::verify;

pub use crate::variables::Variables;
