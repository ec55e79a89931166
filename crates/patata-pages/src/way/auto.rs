//! Pages whose way of paging is found out: by the links and cursors that APIs usually have.

use std::borrow::Cow;
use std::sync::LazyLock;

use serde_json::value::RawValue;

use crate::error::PageError;
use crate::json::{Opened, opened, text};
use crate::page::{Asked, Page};
use crate::parameter::Parameter;
use crate::path::JsonPath;
use crate::way::Common;
use crate::way::linked::{follow_link, header_link};

/// Where the URL of the next page usually is.
const LINKS: [&str; 24] = [
    "next",
    "links.next",
    "_links.next",
    "paging.next",
    "pagination.next",
    "meta.next",
    "meta.links.next",
    "meta.pagination.next",
    "meta.pagination.links.next",
    "page.next",
    "info.next",
    "next_url",
    "nextUrl",
    "next_link",
    "nextLink",
    "next_page_url",
    "nextPageUrl",
    "next_page",
    "nextPage",
    "nextRecordsUrl",
    "data.next_page_url",
    "@odata.nextLink",
    "odata.nextLink",
    "d.__next",
];

/// Where the cursor of the next page usually is, and the query parameter that it is sent as.
const CURSORS: [(&str, &str); 9] = [
    ("nextPageToken", "pageToken"),
    ("next_page_token", "page_token"),
    ("next_cursor", "cursor"),
    ("nextCursor", "cursor"),
    ("meta.next_cursor", "cursor"),
    ("response_metadata.next_cursor", "cursor"),
    ("page_info.next_cursor", "cursor"),
    ("metadata.continue", "continue"),
    ("paging.next.after", "after"),
];

/// Where it usually is said that there is more.
const CLAIMS: [&str; 6] = ["has_more", "hasMore", "has_next", "hasNext", "meta.has_more", "paging.has_more"];

/// These places, parsed.
struct Places {
    links: Vec<JsonPath>,
    cursors: Vec<(JsonPath, Parameter)>,
    claims: Vec<JsonPath>,
}

static PLACES: LazyLock<Places> = LazyLock::new(|| {
    let parsed = |path: &&str| path.parse().ok();
    let cursor =
        |(path, name): &(&str, &str)| Some((path.parse().ok()?, Parameter::Query((*name).to_owned())));
    Places {
        links: LINKS.iter().filter_map(parsed).collect(),
        cursors: CURSORS.iter().filter_map(cursor).collect(),
        claims: CLAIMS.iter().filter_map(parsed).collect(),
    }
});

/// Whatever a page shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Auto;

impl Auto {
    pub(crate) fn following(self, page: Page<'_>, common: &Common) -> Result<Option<Asked>, PageError> {
        if let Some(link) = header_link(&page, "next") {
            return follow_link(page, &link, common).map(Some);
        }
        // A page that is empty may be one of a single document, whose links are all in the header.
        let document = if page.came.body.is_empty() { None } else { page.document()? };
        let Some(document) = document.map(opened) else { return Ok(None) };
        if let Some(link) = PLACES.links.iter().find_map(|path| link(path.find_in(&document)?)) {
            return follow_link(page, &link, common).map(Some);
        }
        let cursor = |path: &JsonPath| path.find_in(&document).filter(|value| is_cursor(value));
        let cursors = PLACES.cursors.iter();
        if let Some((value, parameter)) =
            cursors.clone().find_map(|(path, parameter)| Some((cursor(path)?, parameter)))
        {
            let mut made = page.successor();
            parameter.put(&mut made, value).map_err(|why| page.cannot_ask(&why))?;
            return page.only_once(made, common.allow_repeats).map(Some);
        }
        last(&page, &document)
    }
}

/// What is a link: a text that looks like one, or an object that says that it is.
fn link(value: &RawValue) -> Option<String> {
    if let Opened::Object(members) = opened(value) {
        return members.get("href").or_else(|| members.get("url")).and_then(text).map(Cow::into_owned);
    }
    let is_link = |link: &Cow<'_, str>| {
        ["http://", "https://", "/", "?"].iter().any(|beginning| link.starts_with(beginning))
    };
    text(value).filter(is_link).map(Cow::into_owned)
}

/// A text that is not empty, or a whole number.
fn is_cursor(value: &RawValue) -> bool {
    let text = value.get();
    let is_number = || text.strip_prefix('-').unwrap_or(text).bytes().all(|byte| byte.is_ascii_digit());
    if text.starts_with('"') { text != "\"\"" } else { is_number() }
}

/// Nothing, unless the page says that there is more.
fn last(page: &Page<'_>, document: &Opened<'_>) -> Result<Option<Asked>, PageError> {
    let is_claim = |value: &RawValue| {
        let text = value.get();
        text == "true" || (!matches!(text, "0" | "false") && is_cursor(value))
    };
    let mut claims = PLACES.claims.iter().chain(&PLACES.links);
    match claims.find(|path| path.find_in(document).is_some_and(is_claim)) {
        None => Ok(None),
        Some(claim) => Err(page.error(format!(
            "it says that there is more ({claim}), and auto does not see how to ask for it: cursor, offset and page-number \
             can be told"
        ))),
    }
}
