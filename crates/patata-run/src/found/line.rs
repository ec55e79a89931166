//! A request that was found, as a line of a file, and made of one again.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::{AUTHORIZATION, CONTENT_TYPE, COOKIE, HeaderMap, PROXY_AUTHORIZATION};
use patata::{Body, Method, Request};
use serde::{Deserialize, Serialize};
use std::path::Path;
use std::time::Duration;

use crate::error::RunError;
use crate::found::Found;
use crate::id::Id;
use crate::journal::files;

/// A line of the file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Line {
    pub(crate) index: u64,
    /// The position of the request whose response has led to it; none where it was added from outside.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) parent: Option<u64>,
    #[serde(default)]
    pub(crate) depth: u32,
    #[serde(default)]
    pub(crate) id: Id,
    method: String,
    url: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    headers: Vec<(String, String)>,
    /// Headers of the client that are not for it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    without: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    content: Option<Content>,
    /// In seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    timeout: Option<f64>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    cost: Vec<(String, f64)>,
}

/// A body: a text, or any bytes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
enum Content {
    Text(String),
    Bytes { base64: String },
}

/// What of a line says whether it counts.
#[derive(Deserialize)]
pub(crate) struct Place {
    pub(crate) index: u64,
    #[serde(default)]
    pub(crate) parent: Option<u64>,
}

impl Line {
    /// That of a request.
    ///
    /// # Errors
    /// What a file cannot keep of it.
    pub(crate) fn of<T>(
        index: u64,
        parent: Option<u64>,
        depth: u32,
        id: &Id,
        request: &Request<T>,
    ) -> Result<Self, RunError> {
        let url = request.url().into_owned();
        if has_credentials(&url) {
            return Err(refused(
                "it has a name and password in its URL; give credentials to the client (auth)",
            ));
        }
        let content = request.own_body().map(content).transpose()?;
        let own = request.headers();
        let mut headers = own.map(texts).transpose()?.unwrap_or_default();
        let has_type = own.is_some_and(|own| own.contains_key(CONTENT_TYPE));
        if let Some(media_type) = request.own_body().and_then(Body::media_type).filter(|_| !has_type) {
            headers.push((CONTENT_TYPE.as_str().to_owned(), media_type.to_owned()));
        }
        let cost =
            request.costs().map(|costs| costs.map(|(unit, amount)| (unit.to_owned(), amount)).collect());
        Ok(Self {
            index,
            parent,
            depth,
            id: id.clone(),
            method: request.method().as_str().to_owned(),
            url,
            headers,
            without: request.removed_headers().map(ToString::to_string).collect(),
            content,
            timeout: request.own_timeout().map(|timeout| timeout.as_secs_f64()),
            cost: cost.unwrap_or_default(),
        })
    }

    /// With its line break.
    pub(crate) fn written(&self) -> Vec<u8> {
        let mut line = serde_json::to_vec(self).unwrap_or_default();
        line.push(b'\n');
        line
    }

    /// Reads one, without its line break.
    pub(crate) fn read(line: &[u8]) -> Option<Self> {
        serde_json::from_slice(line).ok()
    }

    /// The request that it stands for.
    pub(crate) fn into_found(self, folder: &Path) -> Result<Found, RunError> {
        let damaged = |what: &str| RunError::Damaged {
            path: folder.join(files::FOUND),
            what: format!("request {} has {what}", self.index),
        };
        let method = Method::from_bytes(self.method.as_bytes()).map_err(|_| damaged("no method"))?;
        let mut request = Request::new((), method, &*self.url);
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        for name in &self.without {
            request = request.without_header(name);
        }
        match &self.content {
            Some(Content::Text(text)) => request = request.body(text.clone().into_bytes()),
            Some(Content::Bytes { base64 }) => {
                let bytes = STANDARD.decode(base64).map_err(|_| damaged("a body that is no base64"))?;
                request = request.body(bytes);
            }
            None => {}
        }
        if let Some(seconds) = self.timeout {
            request = request.timeout(Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX));
        }
        for (unit, amount) in &self.cost {
            request = request.cost(unit, *amount);
        }
        Ok(Found { request, id: self.id, depth: self.depth, position: self.index })
    }
}

fn refused(why: &str) -> RunError {
    RunError::FollowUp { what: why.to_owned() }
}

/// Whether a URL has a name or password before its host.
fn has_credentials(url: &str) -> bool {
    let Some(begin) = url.find("://").map(|at| at + 3) else { return false };
    let end = url[begin..].find(['/', '?', '#', '\\']).map_or(url.len(), |end| begin + end);
    url[begin..end].contains('@')
}

fn content(body: &Body) -> Result<Content, RunError> {
    let Some(bytes) = body.bytes() else {
        return Err(refused("its body is read from a file or an iterable; give bytes or a text"));
    };
    Ok(match std::str::from_utf8(bytes) {
        Ok(text) => Content::Text(text.to_owned()),
        Err(_) => Content::Bytes { base64: STANDARD.encode(bytes) },
    })
}

/// Headers as texts.
fn texts(headers: &HeaderMap) -> Result<Vec<(String, String)>, RunError> {
    let secret = [AUTHORIZATION, PROXY_AUTHORIZATION, COOKIE];
    if let Some(name) = headers.keys().find(|name| secret.contains(name)) {
        let why = format!(
            "it has a header {name} of its own; give credentials to the client (auth, cookies, headers)"
        );
        return Err(refused(&why));
    }
    let text = |(name, value): (&http::HeaderName, &http::HeaderValue)| match std::str::from_utf8(
        value.as_bytes(),
    ) {
        Ok(value) => Ok((name.as_str().to_owned(), value.to_owned())),
        Err(_) => Err(refused(&format!("its header {name} is no text in UTF-8"))),
    };
    headers.iter().map(text).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn again(line: &Line) -> Line {
        let written = line.written();
        Line::read(written.strip_suffix(b"\n").unwrap()).unwrap()
    }

    #[test]
    fn a_request_is_the_same_when_it_is_read_again() {
        let request = Request::new((), Method::PATCH, "http://host/a?b=1")
            .param("c", "2 3")
            .header("x-a", "1")
            .header("x-a", "ü")
            .without_header("accept")
            .body(Body::json(&[1, 2]))
            .timeout(Duration::from_millis(1500))
            .cost("tokens", 7.5);
        let line = Line::of(9, Some(4), 3, &Id::from("page"), &request).unwrap();
        assert_eq!(again(&line), line);
        let found = again(&line).into_found(Path::new("run")).unwrap();
        assert_eq!((found.position(), found.depth, &found.id), (9, 3, &Id::from("page")));
        let mut once_more = Line::of(9, Some(4), 3, &found.id, &found.request).unwrap();
        assert_eq!(once_more, line);
        once_more.depth = 4;
        assert_ne!(once_more, line);
    }

    #[test]
    fn what_a_folder_must_not_keep_is_refused_with_the_fix() {
        let error = |request: Request<()>| Line::of(0, None, 0, &Id::None, &request).unwrap_err().to_string();
        let get = || Request::get((), "http://host/");
        assert!(error(get().header("Cookie", "secret")).contains("header cookie of its own"));
        assert!(error(Request::get((), "http://me:secret@host/")).contains("in its URL"));
        assert!(error(get().body(Body::pieces(std::iter::empty()))).contains("give bytes or a text"));
        assert!(!error(get().header("authorization", "secret")).contains("secret"));
    }

    proptest! {
        #[test]
        fn any_body_is_the_same_when_it_is_read_again(body in proptest::collection::vec(any::<u8>(), 0..60)) {
            let request = Request::post((), "http://host/").body(body.clone());
            let line = Line::of(1, None, 0, &Id::None, &request).unwrap();
            let found = again(&line).into_found(Path::new("run")).unwrap();
            let bytes = found.request.own_body().and_then(Body::bytes).map(|bytes| bytes.to_vec());
            prop_assert_eq!(bytes.unwrap_or_default(), body);
        }

        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            prop_assert!(Line::read(&bytes).is_none());
        }
    }
}
