//! Pages that are counted: by the offset of their first item, or by their own number.

use serde_json::value::RawValue;

use crate::error::{PageError, PageErrorKind};
use crate::json::{Opened, excerpt, opened, raw, shown, text, whole};
use crate::page::{Asked, Page, hash};
use crate::parameter::Parameter;
use crate::path::JsonPath;
use crate::place::Place;
use crate::way::{Common, Following, Many};

/// How many pages on end may be without items in a chain of which nothing else says where it ends.
const MOST_EMPTY: u32 = 1_000;

/// How many pages are asked for at once: the last of them leads on. So no total that a server says, however large, makes
/// more requests than that wait.
const MOST_AT_ONCE: i64 = 10_000;

/// The value of a page is the one before it and a step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Ranges {
    pub(crate) kind: Kind,
    /// Where the value is sent.
    pub(crate) parameter: Parameter,
    /// What is sent besides, on each page: how many items it should have.
    pub(crate) limit: Option<(Parameter, i64)>,
    /// The greatest value that is asked for.
    pub(crate) maximum: Option<i64>,
    pub(crate) total: Option<JsonPath>,
    pub(crate) has_more: Option<JsonPath>,
    pub(crate) stop_after_empty_page: bool,
    /// Whether pages are asked for at once where their number is known.
    pub(crate) parallel: bool,
}

/// What is counted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Kind {
    Offset {
        limit: i64,
        /// That of the first page.
        first: i64,
        allow_short_pages: bool,
    },
    PageNumber {
        /// The number that the server has for its first page.
        base: i64,
        /// The number of the first page that is asked for.
        first: Option<i64>,
        /// How many items a page has, where that is known.
        limit: Option<i64>,
    },
}

impl Ranges {
    /// What the first page has to say besides what the request says.
    pub(crate) fn first(&self, asked: &mut Asked) -> Result<(), String> {
        let first = match self.kind {
            Kind::Offset { first, .. } => Some(first).filter(|first| *first > 0),
            Kind::PageNumber { first, .. } => first,
        };
        let limit = self.limit.as_ref().map(|(parameter, limit)| (parameter, *limit));
        for (parameter, value) in limit.into_iter().chain(first.map(|first| (&self.parameter, first))) {
            if parameter.of(asked)?.is_none() {
                parameter.put(asked, &raw(value.to_string()))?;
            }
        }
        Ok(())
    }

    fn initial(&self) -> i64 {
        match self.kind {
            Kind::Offset { first, .. } => first,
            Kind::PageNumber { base, first, .. } => first.unwrap_or(base),
        }
    }

    fn step(&self) -> i64 {
        match self.kind {
            Kind::Offset { limit, .. } => limit,
            Kind::PageNumber { .. } => 1,
        }
    }

    /// The value that is one too many, where the total is this.
    fn end(&self, total: i64) -> i64 {
        match self.kind {
            Kind::Offset { .. } => total,
            Kind::PageNumber { base, limit: None, .. } => base.saturating_add(total),
            Kind::PageNumber { base, limit: Some(limit), .. } => {
                let pages = total / limit + i64::from(total % limit > 0);
                base.saturating_add(pages)
            }
        }
    }

    pub(crate) fn following(&self, page: Page<'_>, common: &Common) -> Result<Following, PageError> {
        let has_more = page.says(self.has_more.as_ref())?;
        if has_more == Some(false) {
            return Ok(Following::default());
        }
        let value = self.value(&page)?;
        let total = self.total_of(&page)?;
        self.check(&page, value, total, has_more, common)?;
        let upcoming = value
            .checked_add(self.step())
            .ok_or_else(|| page.error(format!("there is no number behind {value}")))?;
        if let Some(end) = total.map(|total| self.end(total)).filter(|end| upcoming < *end) {
            return self.up_to(&page, upcoming, end, common);
        }
        let is_beyond = self.maximum.is_some_and(|maximum| upcoming > maximum);
        if is_beyond || self.is_over(&page, total, has_more, common)? {
            return Ok(Following::default());
        }
        self.watched(page, upcoming, common).map(|made| Some(made).into())
    }

    /// The value that the page was asked for by.
    fn value(&self, page: &Page<'_>) -> Result<i64, PageError> {
        match self.parameter.of(&page.asked).map_err(|why| page.cannot_ask(&why))? {
            None => Ok(self.initial()),
            Some(value) => whole(&value).ok_or_else(|| {
                page.error(format!(
                    "its request has {value:?} for {}, which is no whole number",
                    self.parameter
                ))
            }),
        }
    }

    fn total_of(&self, page: &Page<'_>) -> Result<Option<i64>, PageError> {
        let Some(path) = &self.total else { return Ok(None) };
        let Some(found) = page.find(path)?.and_then(counted) else { return Ok(None) };
        let total = whole(&shown(found)).filter(|total| *total >= 0);
        total.map(Some).ok_or_else(|| {
            page.error(format!("the total at {path} is no whole number, but {}", excerpt(found)))
        })
    }

    /// Finds out whether a page shows that items would be left out.
    fn check(
        &self,
        page: &Page<'_>,
        value: i64,
        total: Option<i64>,
        has_more: Option<bool>,
        common: &Common,
    ) -> Result<(), PageError> {
        let Kind::Offset { limit, allow_short_pages, .. } = self.kind else { return Ok(()) };
        if let Some((parameter, _)) = &self.limit {
            let given = parameter.of(&page.asked).map_err(|why| page.cannot_ask(&why))?;
            if let Some(given) = given.filter(|given| whole(given) != Some(limit)) {
                let reason = format!("its request has {given:?} for {parameter}, and the limit is {limit}");
                return Err(page.error(reason));
            }
        }
        let is_more = has_more == Some(true);
        if page.place.page > 1 || allow_short_pages || !(is_more || total.is_some_and(|total| total > 0)) {
            return Ok(());
        }
        let items = common.items.look(page)?.unwrap_or_default();
        let count = i64::try_from(items.len()).unwrap_or(i64::MAX);
        let is_short = 0 < count && count < limit;
        if is_short && (is_more || value.saturating_add(count) < total.unwrap_or_default()) {
            return Err(page.error(format!(
                "it has {count} items of the {limit} that were asked for, and says that there are more: if that is as many \
                 as the server gives, a limit of {count} leaves none out; if pages may be shorter, \
                 allow_short_pages=true goes on"
            )));
        }
        Ok(())
    }

    /// Whether a page is the last one, of what is asked for one after another.
    fn is_over(
        &self,
        page: &Page<'_>,
        total: Option<i64>,
        has_more: Option<bool>,
        common: &Common,
    ) -> Result<bool, PageError> {
        if has_more == Some(true) {
            // Beyond a total there may be more that has come since, but not for ever.
            return Ok(total.is_some() && common.items.on(page)?.is_empty());
        }
        if total.is_some() {
            return Ok(true);
        }
        if !self.stop_after_empty_page {
            return Ok(false);
        }
        let is_bounded = self.maximum.is_some() || common.maximum_pages.is_some();
        if is_bounded && common.items.look(page)?.is_none() {
            return Ok(false);
        }
        Ok(common.items.on(page)?.is_empty())
    }

    /// The requests for all pages before a value, or for the next one of them.
    fn up_to(
        &self,
        page: &Page<'_>,
        upcoming: i64,
        end: i64,
        common: &Common,
    ) -> Result<Following, PageError> {
        let end = self.maximum.map_or(end, |maximum| end.min(maximum.saturating_add(1)));
        let distance = end.saturating_sub(upcoming).max(0);
        let mut count = distance / self.step() + i64::from(distance % self.step() > 0);
        if let Some(most) = common.maximum_pages {
            count = count.min(i64::try_from(most.saturating_sub(page.place.page)).unwrap_or(i64::MAX));
        }
        count = count.min(if self.parallel { MOST_AT_ONCE } else { 1 });
        if count < 1 {
            return Ok(Following::default());
        }
        // Whether it can be made at all is said of this page.
        let next = self.asking(page, upcoming, page.place.following())?;
        if count == 1 {
            return Ok(Some(next).into());
        }
        Ok(Following::from(Many {
            like: next,
            parameter: self.parameter.clone(),
            value: upcoming,
            step: self.step(),
            page: page.place.page + 1,
            last: page.place.page.saturating_add(count.unsigned_abs()),
        }))
    }

    fn asking(&self, page: &Page<'_>, value: i64, place: Place) -> Result<Asked, PageError> {
        let mut made = Asked::new(&*page.asked.url, page.asked.body.clone());
        self.parameter.put(&mut made, &raw(value.to_string())).map_err(|why| page.cannot_ask(&why))?;
        made.url = place.marked(&made.url);
        Ok(made)
    }

    /// The request for the next page of a chain of which nobody knows how long it is.
    fn watched(&self, page: Page<'_>, upcoming: i64, common: &Common) -> Result<Asked, PageError> {
        let mut made = self.asking(&page, upcoming, page.place.following())?;
        let Some(items) = common.items.look(&page)? else { return Ok(made) };
        let known = hash(&items.iter().map(|item| item.get()).collect::<Vec<_>>());
        let before = &page.asked.memory;
        if !items.is_empty() && !common.allow_repeats && before.items == Some(known) {
            let reason = format!(
                "it has the same items as the page before it: does the server know {}? If such pages are all right, \
                 allow_repeats=true goes on",
                self.parameter
            );
            return Err(page.error_of(PageErrorKind::Repeated, reason));
        }
        made.memory.items = Some(known);
        made.memory.empty = if items.is_empty() { before.empty + 1 } else { 0 };
        if made.memory.empty >= MOST_EMPTY {
            return Err(page.error(format!(
                "{MOST_EMPTY} pages on end had no items, and it still says that there is more"
            )));
        }
        Ok(made)
    }
}

/// The number of a total, which may be an object as Elasticsearch's: where its relation is another one, counting has stopped.
fn counted(total: &RawValue) -> Option<&RawValue> {
    let Opened::Object(members) = opened(total) else { return Some(total) };
    let Some(value) = members.get("value") else { return Some(total) };
    let relation = members.get("relation").and_then(text);
    let is_whole = relation.is_none_or(|relation| relation == "eq");
    Some(value).filter(|value| is_whole && !crate::json::is_null(value))
}
