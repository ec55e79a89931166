//! Pages of an API: from a request and what came to the requests for the pages after it, as the engine takes them.

use std::sync::Arc;

use patata::{Body, Outcome, Request};
use patata_pages::{Asked, Came, Following, Items, PageError, Pages};
use serde_json::value::RawValue;

use crate::args::pages::PageFlags;
use crate::args::values::Pair;
use crate::redaction::Redaction;

/// How responses lead to pages, and what is taken out of them.
#[derive(Debug, Clone)]
pub(crate) struct Paging {
    pages: Option<Pages>,
    items: Option<Items>,
    /// The parameters of each request that no link need have.
    redaction: Redaction,
}

/// What a request for a page has to say so that others can be made like it.
#[derive(Debug, Clone)]
pub(crate) struct Chain {
    asked: Asked,
    like: Arc<Like>,
    /// How many pages have led to it.
    pub(crate) depth: u32,
}

/// What is the same for all pages of a chain.
#[derive(Debug)]
struct Like {
    /// Without its URL.
    request: Request<()>,
    body: Option<Body>,
}

/// What a page has come to.
#[derive(Debug, Default)]
pub(crate) struct Led {
    /// The requests for the pages after it.
    pub(crate) next: Next,
    /// What is told of it besides what came.
    pub(crate) told: Told,
}

/// What is told of a page besides what came.
#[derive(Debug, Default)]
pub(crate) struct Told {
    /// Its items, where they are wanted and are there: a list of JSON in one line.
    pub(crate) items: Option<String>,
    /// Why its chain ends here, though it is not at its end.
    pub(crate) error: Option<String>,
}

impl Told {
    /// Whether there is nothing but what came.
    pub(crate) fn is_empty(&self) -> bool {
        self.items.is_none() && self.error.is_none()
    }
}

/// The requests for the pages after one, made when they are taken.
#[derive(Debug, Default)]
pub(crate) struct Next {
    following: Following,
    like: Option<Arc<Like>>,
    pub(crate) depth: u32,
}

impl Paging {
    /// As the command line says it; `None` where it says nothing.
    pub(crate) fn of(flags: &PageFlags, params: &[Pair]) -> Option<Self> {
        let mut origins = patata_pages::Origins::default();
        origins.extend(flags.pages_allow_origin.iter().cloned());
        let items = flags.items.clone().unwrap_or_default();
        let pages = flags.pages.clone().map(|pages| pages.with_items(items).allow_origins(origins));
        let is_used = pages.is_some() || flags.items.is_some();
        is_used.then(|| Self { pages, items: flags.items.clone(), redaction: Redaction::of(params) })
    }

    /// Whether items are given, each by itself.
    pub(crate) fn has_items(&self) -> bool {
        self.items.is_some()
    }

    /// Whether pages lead to others.
    pub(crate) fn follows(&self) -> bool {
        self.pages.is_some()
    }

    /// The request for a first page, as it is to be sent, and the chain that it begins.
    pub(crate) fn begun<T>(&self, request: Request<T>) -> (Request<T>, Option<Chain>) {
        if request.is_invalid() {
            return (request, None);
        }
        let chain = Chain::of(&request, 0);
        let Some(pages) = &self.pages else { return (request, Some(chain)) };
        match pages.first(chain.asked.clone()) {
            Ok(asked) if asked.url == chain.asked.url && asked.body == chain.asked.body => {
                (request, Some(chain))
            }
            Ok(asked) => {
                let made = chain.like.made(&asked);
                let tag = request.with_tag(()).1;
                (made.with_tag(tag).0, Some(Chain { asked, ..chain }))
            }
            Err(error) => (Request::invalid(request.tag, error.to_string()), None),
        }
    }

    /// What a page has come to. `is_ok` is whether the client counts it as a success.
    pub(crate) fn led<T>(&self, chain: Chain, outcome: &Outcome<T>, is_ok: bool) -> Led {
        match self.look(chain, outcome, is_ok) {
            Ok((next, items)) => Led { next, told: Told { items, error: None } },
            Err(error) => {
                Led { next: Next::default(), told: Told { items: None, error: Some(error.to_string()) } }
            }
        }
    }

    fn look<T>(
        &self,
        chain: Chain,
        outcome: &Outcome<T>,
        is_ok: bool,
    ) -> Result<(Next, Option<String>), PageError> {
        let Chain { asked, like, depth } = chain;
        let response = match &outcome.result {
            Ok(response) if is_ok => response,
            // Where nothing is followed, it tells of itself.
            _ if !self.follows() => return Ok((Next::default(), None)),
            Ok(response) => {
                return Err(asked.failed(format!("the page failed: status {}", response.status.as_u16())));
            }
            Err(error) => return Err(asked.failed(format!("the page failed: {error}"))),
        };
        let url = response.url.to_string();
        let came = Came::of(response, &url);
        let items = self.items.as_ref().map(|items| items.of(&asked, came)).transpose()?;
        let items = items.as_deref().map(list);
        let Some(pages) = &self.pages else { return Ok((Next::default(), items)) };
        let following = pages.follow(asked, came)?;
        Ok((Next { following, like: Some(like), depth: depth.saturating_add(1) }, items))
    }

    /// The next of the requests for other pages, without what each request has anyway and must not be written down.
    pub(crate) fn next(&self, next: &mut Next) -> Option<(Request<()>, Chain)> {
        let like = next.like.clone()?;
        let mut asked = next.following.next()?;
        asked.url = self.redaction.without(&asked.url);
        let request = like.made(&asked);
        Some((request, Chain { asked, like, depth: next.depth }))
    }
}

impl Chain {
    /// That of a request; so many pages have led to it.
    pub(crate) fn of<T>(request: &Request<T>, depth: u32) -> Self {
        let body = request.own_body();
        let bytes = body.and_then(Body::bytes).cloned();
        let like = Like { request: with_head_of(request, ""), body: body.cloned() };
        Self { asked: Asked::new(request.url(), bytes), like: Arc::new(like), depth }
    }
}

impl Like {
    /// The request that asks for a page.
    fn made(&self, asked: &Asked) -> Request<()> {
        let request = with_head_of(&self.request, &asked.url);
        let own = self.body.as_ref();
        match &asked.body {
            Some(bytes) if own.and_then(Body::bytes) != Some(bytes) => {
                let media_type = own.and_then(Body::media_type).unwrap_or("application/json").to_owned();
                request.body(Body::from(bytes.clone()).with_media_type(media_type))
            }
            _ => match own {
                Some(body) => request.body(body.clone()),
                None => request,
            },
        }
    }
}

/// A request for another URL, alike but for the body.
fn with_head_of<T>(other: &Request<T>, url: &str) -> Request<()> {
    let mut request = Request::new((), other.method().clone(), url);
    for (name, value) in other.headers().into_iter().flatten() {
        request = request.header(name, value);
    }
    for name in other.removed_headers() {
        request = request.without_header(name);
    }
    if let Some(timeout) = other.own_timeout() {
        request = request.timeout(timeout);
    }
    for (unit, amount) in other.costs().into_iter().flatten() {
        request = request.cost(unit, amount);
    }
    request
}

/// Items as a list in one line: within texts line breaks are escaped, and elsewhere they mean nothing.
fn list(items: &[&RawValue]) -> String {
    let mut list = String::from("[");
    for (place, item) in items.iter().enumerate() {
        list.push_str(if place == 0 { "" } else { "," });
        list.extend(item.get().split(['\n', '\r']));
    }
    list + "]"
}
