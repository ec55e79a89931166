//! Tables of requests in, tables of responses out: record batches of Arrow, streamed, so that memory stays flat however
//! many rows there are.
//!
//! ```
//! use std::sync::Arc;
//!
//! use arrow_array::{RecordBatch, RecordBatchIterator, StringArray};
//! use patata_arrow::{BodyAs, Columns, Output, fetch};
//!
//! # let server = patata_testserver::Server::start().unwrap();
//! # let base = server.url();
//! let names: StringArray = ["/", "/status/404"].into_iter().map(|path| Some(format!("{base}{path}"))).collect();
//! let batch = RecordBatch::try_from_iter([("url", Arc::new(names) as _)])?;
//! let input = RecordBatchIterator::new([Ok(batch.clone())], batch.schema());
//!
//! let client = patata::Client::builder().ordered(true).build()?;
//! let output = Output::new().body(BodyAs::Text);
//! for batch in fetch(&client, input, &Columns::new(), &output)? {
//!     let batch = batch?;
//!     assert_eq!(batch.num_rows(), 2);
//!     assert_eq!(batch.schema().field(1).name(), "status");
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod columns;
mod error;
pub mod files;
#[cfg(any(test, feature = "fuzzing"))]
#[doc(hidden)]
pub mod fuzzing;
mod output;
mod requests;
mod results;
mod rows;
mod stream;
mod type_text;
mod values;

pub use columns::{Columns, Plan};
pub use error::TableError;
pub use output::{BodyAs, Output, OutputPlan};
pub use requests::{InputFault, Requests};
pub use results::Results;
pub use results::bodies::{BodyReader, Fault as BodyFault};
pub use rows::Row;
pub use rows::answer::Earlier;
pub use stream::{Fetch, FetchStep, fetch};
pub use type_text::{struct_type, type_of};
