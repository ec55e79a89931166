//! Pages that say by which value the next one is asked for: in their JSON, or in a header.

use serde_json::value::RawValue;

use crate::error::PageError;
use crate::json::{quoted, raw};
use crate::page::{Asked, Page};
use crate::parameter::Parameter;
use crate::path::JsonPath;
use crate::way::Common;

/// A page has a cursor, or is the last one; whether it has items does not matter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Cursors {
    pub(crate) source: CursorSource,
    /// Where it is sent.
    pub(crate) parameter: Parameter,
    /// Where a page says whether there is another one.
    pub(crate) has_more: Option<JsonPath>,
    /// Whether `""` is a cursor as any other. Most APIs mean the end by it.
    pub(crate) empty_cursor: bool,
    /// Whether a page without items is the last one, unless it says that there is more.
    pub(crate) stop_after_empty_page: bool,
}

/// Where the cursor is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum CursorSource {
    Json(JsonPath),
    Header(String),
}

impl Cursors {
    pub(crate) fn following(&self, page: Page<'_>, common: &Common) -> Result<Option<Asked>, PageError> {
        let has_more = page.says(self.has_more.as_ref())?;
        if has_more == Some(false) {
            return Ok(None);
        }
        let is_more = has_more == Some(true);
        let Some(cursor) = self.cursor(&page)? else {
            return match is_more {
                true => Err(page.error("it says that there is more, and has no cursor")),
                false => Ok(None),
            };
        };
        if !(is_more || self.empty_cursor) && is_empty(&cursor) {
            return Ok(None);
        }
        if self.stop_after_empty_page && !is_more && common.items.on(&page)?.is_empty() {
            return Ok(None);
        }
        let mut made = page.successor();
        self.parameter.put(&mut made, &cursor).map_err(|why| page.cannot_ask(&why))?;
        page.only_once(made, common.allow_repeats).map(Some)
    }

    fn cursor(&self, page: &Page<'_>) -> Result<Option<Box<RawValue>>, PageError> {
        match &self.source {
            CursorSource::Json(path) => Ok(page.find(path)?.map(ToOwned::to_owned)),
            CursorSource::Header(name) => {
                let value = page.came.headers.get(name).map(String::from_utf8_lossy);
                Ok(value.map(|value| raw(quoted(&value))))
            }
        }
    }
}

/// Whether it stands for no cursor, unless a page says that there is more. `0` is one, as any number.
fn is_empty(cursor: &RawValue) -> bool {
    matches!(cursor.get(), "false" | "\"\"" | "[]" | "{}")
}
