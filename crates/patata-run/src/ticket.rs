//! What a run folder keeps of a request while it is under way.

use std::borrow::Cow;

use http::header::{AUTHORIZATION, CONTENT_TYPE, COOKIE, PROXY_AUTHORIZATION};
use patata::{Body, HeaderMap, Method, Request};
use serde_json::value::RawValue;

use crate::id::Id;
use crate::output::json::{write_bytes, write_text};
use crate::output::row::{Asked, write_id};

/// A request that is under way, as its run folder knows it: given with the request, and wanted with its outcome.
#[derive(Debug)]
pub struct Ticket {
    pub(crate) position: u64,
    pub(crate) id: Id,
    pub(crate) key: Option<u128>,
    method: Method,
    url: Box<str>,
    /// Most requests have neither headers nor a body of their own.
    own: Option<Box<Own>>,
}

#[derive(Debug)]
struct Own {
    headers: Option<HeaderMap>,
    body: Option<Body>,
}

impl Ticket {
    pub(crate) fn new<T>(position: u64, id: Id, key: Option<u128>, request: &Request<T>) -> Self {
        let (headers, body) = (request.headers(), request.own_body());
        let has_own = headers.is_some() || body.is_some();
        let own = has_own.then(|| Box::new(Own { headers: headers.cloned(), body: body.cloned() }));
        let method = request.method().clone();
        let url = without_credentials(&request.url()).into();
        Self { position, id, key, method, url, own }
    }

    /// Its place in the run, counted from 0.
    pub fn position(&self) -> u64 {
        self.position
    }

    /// Its id.
    pub fn id(&self) -> &Id {
        &self.id
    }

    pub(crate) fn asked(&self) -> Asked<'_> {
        Asked { id: &self.id, index: self.position, method: self.method.as_str(), url: &self.url }
    }

    /// Writes it as a line of an input, so that it can be asked for again. Credentials of its own are left out.
    pub(crate) fn write_line(&self, line: &mut Vec<u8>) {
        line.extend_from_slice(b"{\"id\":");
        write_id(line, &self.id);
        line.extend_from_slice(format!(",\"index\":{},\"method\":", self.position).as_bytes());
        write_text(line, self.method.as_str());
        line.extend_from_slice(b",\"url\":");
        write_text(line, &self.url);
        if let Some(own) = &self.own {
            own.write(line);
        }
        line.extend_from_slice(b"}\n");
    }
}

/// A URL without the name and password before its host.
fn without_credentials(url: &str) -> Cow<'_, str> {
    // Of most URLs a look at their bytes is enough.
    if memchr::memchr(b'@', url.as_bytes()).is_none() {
        return url.into();
    }
    let Some(begin) = url.find("://").map(|at| at + 3) else { return url.into() };
    let end = url[begin..].find(['/', '?', '#', '\\']).map_or(url.len(), |end| begin + end);
    match url[begin..end].rfind('@') {
        Some(at) => format!("{}{}", &url[..begin], &url[begin + at + 1..]).into(),
        // Where a password holds what ends a host, nobody can tell: the engine's rule for errors is this one's, too.
        None => patata::redacted(url).into(),
    }
}

impl Own {
    fn write(&self, line: &mut Vec<u8>) {
        let body = self.body.as_ref().and_then(|body| body.bytes().map(|bytes| (bytes, body.media_type())));
        let json = body.and_then(|(bytes, media_type)| json(bytes, media_type));
        let media_type = body.and_then(|(_, media_type)| media_type).filter(|_| json.is_none());
        self.write_headers(line, media_type);
        match (json, body) {
            (Some(json), _) => {
                line.extend_from_slice(b",\"json\":");
                // Line breaks between its parts are of no meaning, those within texts are escaped.
                line.extend(json.get().bytes().map(|byte| if byte < b' ' { b' ' } else { byte }));
            }
            (None, Some((bytes, _))) => {
                line.extend_from_slice(b",\"content\":");
                match std::str::from_utf8(bytes) {
                    Ok(text) => write_text(line, text),
                    Err(_) => write_bytes(line, bytes),
                }
            }
            // It was read from a file or an iterator, and is gone.
            (None, None) if self.body.is_some() => line.extend_from_slice(b",\"content\":null"),
            (None, None) => {}
        }
    }

    fn write_headers(&self, line: &mut Vec<u8>, media_type: Option<&str>) {
        let secret = [AUTHORIZATION, PROXY_AUTHORIZATION, COOKIE];
        let own = self.headers.iter().flatten_headers();
        let mut headers: Vec<(&str, String)> = own
            .filter(|(name, _)| !secret.iter().any(|secret| secret == name))
            .map(|(name, value)| (name, String::from_utf8_lossy(value).into_owned()))
            .collect();
        if let Some(media_type) = media_type
            && headers.iter().all(|(name, _)| *name != CONTENT_TYPE.as_str())
        {
            headers.push((CONTENT_TYPE.as_str(), media_type.to_owned()));
        }
        for (place, (name, value)) in headers.iter().enumerate() {
            line.extend_from_slice(if place == 0 { b",\"headers\":{" } else { b"," });
            write_text(line, name);
            line.push(b':');
            write_text(line, value);
        }
        if !headers.is_empty() {
            line.push(b'}');
        }
    }
}

/// Names and values of headers that may not be there.
trait FlattenHeaders<'a> {
    fn flatten_headers(self) -> impl Iterator<Item = (&'a str, &'a [u8])>;
}

impl<'a, I: Iterator<Item = &'a HeaderMap>> FlattenHeaders<'a> for I {
    fn flatten_headers(self) -> impl Iterator<Item = (&'a str, &'a [u8])> {
        self.flatten().map(|(name, value)| (name.as_str(), value.as_bytes()))
    }
}

/// A body that is sent as JSON, and is.
fn json<'a>(bytes: &'a [u8], media_type: Option<&str>) -> Option<&'a RawValue> {
    let is_json = media_type.is_some_and(|media_type| media_type.starts_with("application/json"));
    serde_json::from_slice(bytes).ok().filter(|_| is_json)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(request: &Request<()>) -> String {
        let mut line = Vec::new();
        Ticket::new(3, Id::from("a"), None, request).write_line(&mut line);
        String::from_utf8(line).unwrap()
    }

    #[test]
    fn a_line_is_what_another_run_can_read() {
        let url = "http://host/a";
        let get = Request::get((), url).param("q", "1");
        assert_eq!(
            line(&get),
            "{\"id\":\"a\",\"index\":3,\"method\":\"GET\",\"url\":\"http://host/a?q=1\"}\n"
        );
        let json = Request::post((), url).header("X-A", "1").body(Body::json(&[1, 2]));
        assert!(line(&json).ends_with(",\"headers\":{\"x-a\":\"1\"},\"json\":[1,2]}\n"), "{}", line(&json));
        let form = Request::post((), url).body(Body::form([("b", "1\n")]));
        let expected =
            ",\"headers\":{\"content-type\":\"application/x-www-form-urlencoded\"},\"content\":\"b=1%0A\"}\n";
        assert!(line(&form).ends_with(expected), "{}", line(&form));
        let bytes = Request::post((), url).body(&b"\xff"[..]);
        assert!(line(&bytes).ends_with(",\"content\":{\"base64\":\"/w==\"}}\n"), "{}", line(&bytes));
    }

    #[test]
    fn credentials_are_not_written_down() {
        let request = Request::get((), "http://host/")
            .bearer_auth("secret")
            .header("cookie", "secret")
            .header("a", "b");
        let in_url = Request::get((), "http://me:secret@host:1/a@b");
        assert!(line(&in_url).contains("\"url\":\"http://host:1/a@b\""));
        let unsure = Request::get((), "http://me:sec/ret@host/");
        assert!(line(&unsure).contains("\"url\":\"http://***@host/\""));
        assert!(!line(&request).contains("secret") && line(&request).contains("\"headers\":{\"a\":\"b\"}"));
    }
}
