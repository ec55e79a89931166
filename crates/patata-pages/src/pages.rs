//! A way of paging: from the response of a page to the requests for those after it.

use std::str::FromStr;

use crate::error::{PageError, SpecError};
use crate::items::Items;
use crate::origins::Origins;
use crate::page::{Asked, Came, Page};
use crate::parameter::Parameter;
use crate::spec::Spec;
use crate::way::{Auto, Common, CursorSource, Cursors, Following, Kind, LinkSource, Linked, Ranges};

/// A way of paging. It keeps nothing between two pages, so that one serves any number of chains, calls and threads.
///
/// It is read from a text: a kind, and behind colons its arguments, each in its place or as `name=value`. What is left out or
/// empty has its default. A path says where something is in the JSON of a page, as `data[-1].id`.
///
/// | kind | arguments in their order, with their defaults | by name only |
/// |---|---|---|
/// | `json-link` | `next_url_path` (`next`), `has_more_path` | |
/// | `header-link` | `links_next_key` (`next`) | |
/// | `header-cursor` | `cursor_key` (`next`), `cursor_param` (`cursor`), `cursor_body_path` | `has_more_path`, `empty_cursor` |
/// | `cursor` | `cursor_path` (`cursors.next`), `cursor_param` (`cursor`), `cursor_body_path`, `has_more_path` | `empty_cursor`, `stop_after_empty_page` |
/// | `offset` | `limit`, `offset` (0), `offset_param` (`offset`), `limit_param` (`limit`; `false`: not sent), `total_path` (`total`; `false`: none), `maximum_offset` | `offset_body_path`, `limit_body_path`, `has_more_path`, `stop_after_empty_page` (`true`), `parallel` (`true`), `allow_short_pages` |
/// | `page-number` | `base_page` (0), `page` (`base_page`), `page_param` (`page`), `total_path`, `maximum_page` | `page_body_path`, `limit`, `limit_param`, `has_more_path`, `stop_after_empty_page` (`true`), `parallel` (`true`) |
/// | `auto`, `hal`, `json-api`, `odata` | | `has_more_path` (not of `auto`) |
///
/// All of them know `maximum_pages` (of a chain) and `allow_repeats` besides.
///
/// ```
/// use patata::Headers;
/// use patata_pages::{Asked, Came, Pages};
///
/// let pages: Pages = "cursor:meta.next:after".parse()?;
/// let headers = Headers::default();
/// let came = |body| Came { status: 200, url: "http://host/", headers: &headers, body };
/// let asked = pages.first(Asked::new("http://host/?q=a", None))?;
/// let mut next = pages.follow(asked, came(br#"{"meta":{"next":"b 2"}}"#))?;
/// let asked = next.next().unwrap();
/// assert_eq!(asked.url, "http://host/?q=a&after=b+2#patata-page=2");
/// assert_eq!(pages.follow(asked, came(br#"{"meta":{"next":null}}"#))?.count(), 0);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pages {
    way: Way,
    common: Common,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Way {
    Linked(Linked),
    Cursors(Cursors),
    Ranges(Ranges),
    Auto(Auto),
}

impl FromStr for Pages {
    type Err = SpecError;

    fn from_str(text: &str) -> Result<Self, SpecError> {
        let spec = Spec::read(text)?;
        let common = Common {
            allow_repeats: spec.flag("allow_repeats", false)?,
            maximum_pages: spec.number("maximum_pages", 1)?.map(i64::unsigned_abs),
            ..Common::default()
        };
        let way = match spec.kind {
            "header-link" => {
                let relation = spec.text("links_next_key").unwrap_or("next").to_owned();
                Way::Linked(Linked { source: LinkSource::Header(relation), has_more: None })
            }
            "json-link" => match spec.text("next_url_path") {
                Some(path) => json_link(&spec, &[path])?,
                None => json_link(&spec, &["next"])?,
            },
            "hal" => json_link(&spec, &["_links.next"])?,
            "json-api" => json_link(&spec, &["links.next"])?,
            "odata" => json_link(&spec, &["@odata.nextLink", "odata.nextLink", "d.__next"])?,
            "header-cursor" => {
                let name = spec.text("cursor_key").unwrap_or("next").to_owned();
                cursors(&spec, CursorSource::Header(name))?
            }
            "cursor" => {
                let path = spec.path("cursor_path")?;
                let path = path.map_or_else(|| "cursors.next".parse(), Ok)?;
                cursors(&spec, CursorSource::Json(path))?
            }
            "offset" => Way::Ranges(ended(&spec, offset(&spec)?, &common)?),
            "page-number" => Way::Ranges(ended(&spec, page_number(&spec)?, &common)?),
            _ => Way::Auto(Auto),
        };
        Ok(Self { way, common })
    }
}

fn json_link(spec: &Spec, paths: &[&str]) -> Result<Way, SpecError> {
    let paths: Result<_, SpecError> = paths.iter().map(|path| path.parse()).collect();
    let paths = paths.map_err(|error| spec.wrong("next_url_path", error))?;
    Ok(Way::Linked(Linked { source: LinkSource::Json(paths), has_more: spec.path("has_more_path")? }))
}

fn cursors(spec: &Spec, source: CursorSource) -> Result<Way, SpecError> {
    Ok(Way::Cursors(Cursors {
        source,
        parameter: spec.parameter("cursor", "cursor_param", "cursor_body_path")?,
        has_more: spec.path("has_more_path")?,
        empty_cursor: spec.flag("empty_cursor", false)?,
        stop_after_empty_page: spec.flag("stop_after_empty_page", false)?,
    }))
}

fn offset(spec: &Spec) -> Result<Ranges, SpecError> {
    let limit = spec.number("limit", 1)?.ok_or_else(|| {
        spec.wrong("limit", "it must be said how many items are asked for in a page, as offset:100")
    })?;
    let sent = match spec.text("limit_param") {
        Some("false") => None,
        _ => Some((spec.parameter("limit", "limit_param", "limit_body_path")?, limit)),
    };
    let total = match spec.text("total_path") {
        Some("false") => None,
        Some(_) => spec.path("total_path")?,
        None => Some("total".parse()?),
    };
    Ok(Ranges {
        kind: Kind::Offset {
            limit,
            first: spec.number("offset", 0)?.unwrap_or_default(),
            allow_short_pages: spec.flag("allow_short_pages", false)?,
        },
        parameter: spec.parameter("offset", "offset_param", "offset_body_path")?,
        limit: sent,
        maximum: spec.number("maximum_offset", 0)?,
        total,
        has_more: spec.path("has_more_path")?,
        stop_after_empty_page: spec.flag("stop_after_empty_page", true)?,
        parallel: spec.flag("parallel", true)?,
    })
}

fn page_number(spec: &Spec) -> Result<Ranges, SpecError> {
    let limit = spec.number("limit", 1)?;
    let sent = match (spec.text("limit_param"), limit) {
        (None, _) => None,
        (Some(name), Some(limit)) => Some((Parameter::Query(name.to_owned()), limit)),
        (Some(_), None) => {
            return Err(spec.wrong("limit_param", "it needs limit, which says how many items a page has"));
        }
    };
    Ok(Ranges {
        kind: Kind::PageNumber {
            base: spec.number("base_page", 0)?.unwrap_or_default(),
            first: spec.number("page", 0)?,
            limit,
        },
        parameter: spec.parameter("page", "page_param", "page_body_path")?,
        limit: sent,
        maximum: spec.number("maximum_page", 0)?,
        total: spec.path("total_path")?,
        has_more: spec.path("has_more_path")?,
        stop_after_empty_page: spec.flag("stop_after_empty_page", true)?,
        parallel: spec.flag("parallel", true)?,
    })
}

/// Refuses a chain that nothing would end.
fn ended(spec: &Spec, ranges: Ranges, common: &Common) -> Result<Ranges, SpecError> {
    let has_end = ranges.stop_after_empty_page
        || ranges.total.is_some()
        || ranges.has_more.is_some()
        || ranges.maximum.is_some()
        || common.maximum_pages.is_some();
    match has_end {
        true => Ok(ranges),
        false => Err(spec.wrong(
            "stop_after_empty_page",
            "nothing says where a chain ends: give total_path, has_more_path or maximum_pages, or leave this out",
        )),
    }
}

impl Pages {
    /// Where the items of a page are. Default: where they usually are.
    #[must_use]
    pub fn with_items(mut self, items: Items) -> Self {
        self.common.items = items;
        self
    }

    /// Allows links to lead to these origins, beside that of the request: they get what the request has. Default: none.
    #[must_use]
    pub fn allow_origins(mut self, origins: Origins) -> Self {
        self.common.origins = origins;
        self
    }

    /// What to ask for at first: the request itself, unless this way of paging has something to add.
    ///
    /// # Errors
    /// Where that cannot be added.
    ///
    /// ```
    /// use patata_pages::{Asked, Pages};
    ///
    /// let pages: Pages = "offset:100:50".parse()?;
    /// let first = pages.first(Asked::new("http://host/?offset=7", None))?;
    /// assert_eq!(first.url, "http://host/?offset=7&limit=100");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn first(&self, mut asked: Asked) -> Result<Asked, PageError> {
        // A page that another one has led to has all that it needs.
        if let Way::Ranges(ranges) = &self.way
            && asked.page() == 1
        {
            ranges.first(&mut asked).map_err(|why| asked.failed(format!("it cannot be asked for: {why}")))?;
        }
        Ok(asked)
    }

    /// The requests that follow a page which came: none after the last one.
    ///
    /// # Errors
    /// Where the chain cannot go on, though it is not at its end.
    pub fn follow(&self, asked: Asked, came: Came<'_>) -> Result<Following, PageError> {
        let page = Page::new(asked, came);
        let is_over = self.common.maximum_pages.is_some_and(|most| page.place.page >= most);
        if !page.place.is_end() || is_over {
            return Ok(Following::default());
        }
        match &self.way {
            Way::Linked(linked) => linked.following(page, &self.common).map(Following::from),
            Way::Cursors(cursors) => cursors.following(page, &self.common).map(Following::from),
            Way::Ranges(ranges) => ranges.following(page, &self.common),
            Way::Auto(auto) => auto.following(page, &self.common).map(Following::from),
        }
    }
}
