//! The routes: what is answered to a request, worked out without any input or output.

use std::collections::HashMap;
use std::str::FromStr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use bytes::Bytes;
use http::header::{CONNECTION, CONTENT_TYPE, ETAG, IF_NONE_MATCH, LINK, LOCATION};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Response, StatusCode};
use serde_json::{Value, json};

use crate::body::Body;
use crate::llm::{Llm, LlmCounts, LlmLimits};
use crate::pages;
use crate::query::parameter;

const HELLO: Bytes = Bytes::from_static(br#"{"message":"Hello world!"}"#);
const JSON: HeaderValue = HeaderValue::from_static("application/json");
const TEXT: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");
const HTML: HeaderValue = HeaderValue::from_static("text/html; charset=utf-8");
const BINARY: HeaderValue = HeaderValue::from_static("application/octet-stream");
const LONGEST_DELAY: Duration = Duration::from_secs(600);

/// A response, and how long to wait before it is sent.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) response: Response<Body>,
    pub(crate) delay: Duration,
}

impl From<Response<Body>> for Answer {
    fn from(response: Response<Body>) -> Answer {
        let delay = Duration::ZERO;
        Answer { response, delay }
    }
}

/// The routes, with what they remember from one request to the next.
#[derive(Debug, Default)]
pub(crate) struct Routes {
    /// How many requests `/flaky` has had for each key.
    flaky: Mutex<HashMap<String, u64>>,
    llm: Option<LlmRoutes>,
}

/// A language model's API, and how long it takes.
#[derive(Debug)]
struct LlmRoutes {
    api: Llm,
    began: Instant,
    latency: Duration,
}

impl Routes {
    /// The same, with a language model's API that takes so long to answer.
    pub(crate) fn with_llm(limits: LlmLimits, latency: Duration) -> Routes {
        let llm = LlmRoutes { api: Llm::new(limits), began: Instant::now(), latency };
        Routes { llm: Some(llm), ..Routes::default() }
    }

    /// What the language model's API has been asked for, where there is one.
    pub(crate) fn llm_counts(&self) -> Option<LlmCounts> {
        self.llm.as_ref().map(|llm| llm.api.counts())
    }

    /// Whether the answer to this path depends on the body of the request; if
    /// not, [`Routes::answer`] may be given an empty one.
    pub(crate) fn uses_body(path: &str) -> bool {
        matches!(path, "/echo" | "/echo-body" | "/v1/chat/completions" | "/v1/messages")
    }

    /// The answer to a request.
    pub(crate) fn answer(&self, request: &Parts, body: Bytes) -> Answer {
        // First and apart, as this is the route that benchmarks ask for.
        if request.uri.path() == "/" {
            return hello().into();
        }
        self.route(request, body).unwrap_or_else(|reason| bad_request(&reason).into())
    }

    /// The answer to a request, or what is wrong with its parameters.
    fn route(&self, request: &Parts, body: Bytes) -> Result<Answer, String> {
        let path = request.uri.path();
        if let Some(answer) = self.llm.as_ref().and_then(|llm| llm.answer(path, &body)) {
            return Ok(answer);
        }
        let query = request.uri.query().unwrap_or_default();
        let segments: Vec<&str> = path.split('/').skip(1).collect();
        let response = match segments.as_slice() {
            ["delay", milliseconds] => return delayed(number(milliseconds)?),
            ["echo"] => echo(request, &body),
            ["echo-body"] => echo_body(request, body),
            ["status", code] => status(code, query)?,
            ["bytes", length] => letters(Body::Sized(number(length)?)),
            ["chunked", length] => letters(Body::Chunked(number(length)?)),
            ["redirect", hops] => redirect(number(hops)?)?,
            ["redirect-to"] => redirect_to(query)?,
            ["flaky", key, failures] => self.flaky(key, number(failures)?),
            ["tagged", tag] => tagged(tag, &request.headers)?,
            ["pages"] => page(query)?,
            ["site", page] => of_site(page, path),
            ["robots.txt"] => response(StatusCode::OK, TEXT, Body::Whole(pages::ROBOTS.into())),
            ["close"] => close(),
            _ => not_found(path),
        };
        Ok(response.into())
    }

    fn flaky(&self, key: &str, failures: u64) -> Response<Body> {
        // A count is whole at any time, so a poisoned lock is no less good.
        let mut counts = self.flaky.lock().unwrap_or_else(PoisonError::into_inner);
        let count = counts.entry(key.to_owned()).or_default();
        *count += 1;
        if *count > failures {
            return hello();
        }
        let reason = format!("failure {count} of {failures}");
        json_response(StatusCode::SERVICE_UNAVAILABLE, &json!({ "error": reason }))
    }
}

impl LlmRoutes {
    /// A refusal comes at once.
    fn answer(&self, path: &str, body: &[u8]) -> Option<Answer> {
        let answer = self.api.answer(path, body, self.began.elapsed(), SystemTime::now())?;
        let mut builder = Response::builder().status(answer.status).header(CONTENT_TYPE, JSON);
        for (name, value) in &answer.headers {
            builder = builder.header(name, value);
        }
        let response = builder.body(Body::Whole(answer.body.into())).ok()?;
        let delay = if answer.status == 200 { self.latency } else { Duration::ZERO };
        Some(Answer { response, delay })
    }
}

fn hello() -> Response<Body> {
    response(StatusCode::OK, JSON, Body::Whole(HELLO))
}

fn delayed(milliseconds: u64) -> Result<Answer, String> {
    let delay = Duration::from_millis(milliseconds).min(LONGEST_DELAY);
    let response = hello();
    Ok(Answer { response, delay })
}

fn echo(request: &Parts, body: &Bytes) -> Response<Body> {
    let echo = json!({
        "method": request.method.as_str(),
        "path": request.uri.path(),
        "query": request.uri.query().unwrap_or_default(),
        "headers": joined(&request.headers),
        "body": String::from_utf8_lossy(body),
        "length": body.len(),
    });
    json_response(StatusCode::OK, &echo)
}

/// The headers as a JSON object, the values of a repeated one in the order they came in.
fn joined(headers: &HeaderMap) -> Value {
    let join = |name| {
        let values = headers.get_all(name).iter();
        let values: Vec<_> = values.map(|value| String::from_utf8_lossy(value.as_bytes())).collect();
        Value::from(values.join(", "))
    };
    headers.keys().map(|name| (name.as_str().to_owned(), join(name))).collect()
}

fn echo_body(request: &Parts, body: Bytes) -> Response<Body> {
    let mut response = Response::new(Body::Whole(body));
    if let Some(content_type) = request.headers.get(CONTENT_TYPE) {
        response.headers_mut().insert(CONTENT_TYPE, content_type.clone());
    }
    response
}

fn status(code: &str, query: &str) -> Result<Response<Body>, String> {
    let status = status_within(code, 200, 999)?;
    // Statuses whose answers have no content by definition; a client would
    // take what is sent all the same for the beginning of the next answer.
    if matches!(status.as_u16(), 204 | 205 | 304) {
        return Ok(bare(status));
    }
    Ok(match parameter(query, "body") {
        Some(text) => response(status, TEXT, Body::Whole(text.into())),
        None => json_response(status, &json!({ "status": status.as_u16() })),
    })
}

fn letters(body: Body) -> Response<Body> {
    response(StatusCode::OK, BINARY, body)
}

fn redirect(hops: u64) -> Result<Response<Body>, String> {
    match hops.checked_sub(1) {
        None => Ok(hello()),
        Some(left) => redirection(StatusCode::FOUND, format!("/redirect/{left}")),
    }
}

fn redirect_to(query: &str) -> Result<Response<Body>, String> {
    let location = parameter(query, "url").ok_or("the parameter url is missing")?;
    let status = match parameter(query, "status") {
        Some(code) => status_within(&code, 300, 399)?,
        None => StatusCode::FOUND,
    };
    redirection(status, location)
}

fn redirection(status: StatusCode, location: String) -> Result<Response<Body>, String> {
    let location = HeaderValue::try_from(location)
        .map_err(|_| "the parameter url has characters that no header can hold")?;
    let mut response = bare(status);
    response.headers_mut().insert(LOCATION, location);
    Ok(response)
}

/// The message with an `ETag`, or that it has not changed, to who knows it under that.
fn tagged(tag: &str, headers: &HeaderMap) -> Result<Response<Body>, String> {
    let tag = HeaderValue::try_from(format!("\"{tag}\"")).map_err(|_| "no header can hold this tag")?;
    let is_known = headers.get(IF_NONE_MATCH) == Some(&tag);
    let mut response = if is_known { bare(StatusCode::NOT_MODIFIED) } else { hello() };
    response.headers_mut().insert(ETAG, tag);
    Ok(response)
}

/// A page of a list, which the header `Link` leads on from too.
fn page(query: &str) -> Result<Response<Body>, String> {
    let given = |name| parameter(query, name).map(|value| number(&value)).transpose();
    let (page, next) = pages::page(given("page")?, given("size")?);
    let mut response = json_response(StatusCode::OK, &page);
    let link = next.and_then(|next| HeaderValue::try_from(format!("<{next}>; rel=\"next\"")).ok());
    if let Some(link) = link {
        response.headers_mut().insert(LINK, link);
    }
    Ok(response)
}

/// A page of the site.
fn of_site(page: &str, path: &str) -> Response<Body> {
    let text = page.parse().ok().and_then(pages::of_site);
    text.map_or_else(|| not_found(path), |text| response(StatusCode::OK, HTML, Body::Whole(text.into())))
}

fn close() -> Response<Body> {
    let mut response = hello();
    let close = HeaderValue::from_static("close");
    response.headers_mut().insert(CONNECTION, close);
    response
}

fn not_found(path: &str) -> Response<Body> {
    let error = json!({ "error": "no such route", "path": path });
    json_response(StatusCode::NOT_FOUND, &error)
}

fn bad_request(reason: &str) -> Response<Body> {
    json_response(StatusCode::BAD_REQUEST, &json!({ "error": reason }))
}

fn number<T: FromStr>(text: &str) -> Result<T, String> {
    text.parse().map_err(|_| format!("{text:?} is not a whole number, or is too large"))
}

fn status_within(code: &str, least: u16, most: u16) -> Result<StatusCode, String> {
    let code: u16 = number(code)?;
    StatusCode::from_u16(code)
        .ok()
        .filter(|_| (least..=most).contains(&code))
        .ok_or_else(|| format!("the status {code} is not within {least} to {most}"))
}

fn json_response(status: StatusCode, value: &Value) -> Response<Body> {
    response(status, JSON, Body::Whole(value.to_string().into()))
}

fn response(status: StatusCode, content_type: HeaderValue, body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, content_type);
    response
}

/// A response without content.
fn bare(status: StatusCode) -> Response<Body> {
    let mut response = Response::new(Body::EMPTY);
    *response.status_mut() = status;
    response
}
