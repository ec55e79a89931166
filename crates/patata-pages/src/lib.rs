//! Ways of paging: from the response of a page, the requests for those after it, or why there are none. It does no I/O, and
//! keeps nothing between two pages.

mod error;
mod items;
mod json;
mod links;
mod origins;
mod page;
mod pages;
mod parameter;
mod path;
mod place;
mod spec;
mod way;

pub use error::{PageError, PageErrorKind, SpecError};
pub use items::Items;
pub use origins::Origins;
pub use page::{Asked, Came};
pub use pages::Pages;
pub use way::Following;
