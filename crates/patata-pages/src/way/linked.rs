//! Pages that say the URL of the next one: in their JSON, or in the header `Link`.

use crate::error::{PageError, PageErrorKind};
use crate::json::{Opened, excerpt, is_null, opened, text};
use crate::links::links;
use crate::origins::Refused;
use crate::page::{Asked, Page};
use crate::path::JsonPath;
use crate::way::Common;

/// A page has a link, or is the last one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Linked {
    pub(crate) source: LinkSource,
    /// Where a page says whether there is another one.
    pub(crate) has_more: Option<JsonPath>,
}

/// Where the link is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum LinkSource {
    /// At the first of these paths that has one.
    Json(Vec<JsonPath>),
    /// In the header, with this relation.
    Header(String),
}

impl Linked {
    pub(crate) fn following(&self, page: Page<'_>, common: &Common) -> Result<Option<Asked>, PageError> {
        let has_more = page.says(self.has_more.as_ref())?;
        if has_more == Some(false) {
            return Ok(None);
        }
        match self.link(&page)? {
            Some(link) => follow_link(page, &link, common).map(Some),
            None if has_more == Some(true) => {
                Err(page.error("it says that there is more, and has no link to it"))
            }
            None => Ok(None),
        }
    }

    fn link(&self, page: &Page<'_>) -> Result<Option<String>, PageError> {
        let paths = match &self.source {
            LinkSource::Header(relation) => return Ok(header_link(page, relation)),
            LinkSource::Json(paths) => paths,
        };
        for path in paths {
            let Some(mut value) = page.find(path)? else { continue };
            if let Opened::Object(members) = opened(value) {
                match members.get("href").or_else(|| members.get("url")).filter(|link| !is_null(link)) {
                    Some(link) => value = link,
                    None => continue,
                }
            }
            match text(value) {
                Some(link) if link.is_empty() => {}
                Some(link) => return Ok(Some(link.into_owned())),
                None if value.get() == "false" => {}
                None => return Err(page.error(format!("{path} is no link, but {}", excerpt(value)))),
            }
        }
        Ok(None)
    }
}

/// The target of a link in the header. An empty one is the page itself, which follows on nothing.
pub(crate) fn header_link(page: &Page<'_>, relation: &str) -> Option<String> {
    let values: Vec<_> = page.came.headers.get_all("link").map(String::from_utf8_lossy).collect();
    let mut all = values.iter().flat_map(|value| links(value));
    all.find(|link| link.is_of(relation) && !link.target.is_empty()).map(|link| link.target)
}

/// The request for the page that a link leads to. The link has all parameters itself.
pub(crate) fn follow_link(page: Page<'_>, link: &str, common: &Common) -> Result<Asked, PageError> {
    let mut made = page.successor();
    match common.origins.resolved(link, page.came.url, &page.asked.url) {
        Ok(url) => made.url = page.place.following().marked(&url),
        Err(Refused::NoUrl(why)) => return Err(page.cannot_ask(&why)),
        Err(Refused::OtherOrigin(why)) => {
            let reason = format!("the next page is {:?}: {why}", patata::redacted(link));
            return Err(page.error_of(PageErrorKind::OtherOrigin, reason));
        }
    }
    page.only_once(made, common.allow_repeats)
}
