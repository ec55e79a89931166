//! What a page has on it: the items of its JSON, at a path or where such things usually are.

use std::str::FromStr;

use serde_json::value::RawValue;

use crate::error::{PageError, SpecError};
use crate::json::{Members, Opened, excerpt, is_null, opened};
use crate::page::{Asked, Came, Page};
use crate::path::JsonPath;

/// What APIs call the member that has the items, or the object that they are in.
const USUAL: [&str; 13] = [
    "data",
    "items",
    "results",
    "value",
    "values",
    "records",
    "entries",
    "rows",
    "elements",
    "content",
    "objects",
    "hits",
    "_embedded",
];

/// Where the items of a page are. By default they are looked for: the document itself, the first list of a usual name, there
/// or one level deeper, or the only list that there is.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Items(Option<JsonPath>);

impl FromStr for Items {
    type Err = SpecError;

    /// A path, as `data.results`; nothing, or `auto`, for where they usually are.
    fn from_str(text: &str) -> Result<Self, SpecError> {
        if text.is_empty() || text == "auto" { Ok(Self(None)) } else { Ok(Self(Some(text.parse()?))) }
    }
}

impl Items {
    /// The items of a page, each as it is written.
    ///
    /// # Errors
    /// Where there is no list, or no JSON.
    ///
    /// ```
    /// use patata::Headers;
    /// use patata_pages::{Asked, Came, Items};
    ///
    /// let headers = Headers::default();
    /// let body = br#"{"data":{"results":[1, 2.50]}}"#;
    /// let came = Came { status: 200, url: "http://host/", headers: &headers, body };
    /// let items: Items = "data.results".parse()?;
    /// let found: Vec<_> = items.of(&Asked::new("http://host/", None), came)?.iter().map(|item| item.get()).collect();
    /// assert_eq!(found, ["1", "2.50"]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn of<'a>(&self, asked: &Asked, came: Came<'a>) -> Result<Vec<&'a RawValue>, PageError> {
        self.on(&Page::new(Asked::new(&*asked.url, None), came))
    }

    /// The same of a page.
    pub(crate) fn on<'a>(&self, page: &Page<'a>) -> Result<Vec<&'a RawValue>, PageError> {
        let found = self.look(page)?;
        found.ok_or_else(|| page.error("it is not clear where its items are: --items data.results says it"))
    }

    /// The same, and `None` where it is not said where they are, and they are not found.
    pub(crate) fn look<'a>(&self, page: &Page<'a>) -> Result<Option<Vec<&'a RawValue>>, PageError> {
        let Some(document) = page.document()? else { return Ok(Some(Vec::new())) };
        let Some(path) = &self.0 else { return Ok(usual(document)) };
        let wrong =
            |what: &str| Err(page.error(format!("the items should be at {path}, and there is {what}")));
        match path.find(document) {
            None => wrong("nothing"),
            Some(found) if is_null(found) => Ok(Some(Vec::new())),
            Some(found) => match opened(found) {
                Opened::List(items) => Ok(Some(items)),
                _ => wrong(&format!("no list, but {}", excerpt(found))),
            },
        }
    }
}

/// The items, where they usually are.
fn usual(document: &RawValue) -> Option<Vec<&RawValue>> {
    let members = match opened(document) {
        Opened::List(items) => return Some(items),
        Opened::Object(members) => members,
        Opened::Plain(_) => return None,
    };
    for member in usual_members(&members) {
        match opened(member) {
            Opened::List(items) => return Some(items),
            Opened::Object(inner) => {
                let lists = usual_members(&inner).find_map(list);
                if let Some(items) = lists.or_else(|| only_list(&inner)) {
                    return Some(items);
                }
            }
            Opened::Plain(_) => {}
        }
    }
    only_list(&members)
}

fn usual_members<'m, 'a>(members: &'m Members<'a>) -> impl Iterator<Item = &'a RawValue> + 'm {
    USUAL.iter().filter_map(|name| members.get(name))
}

fn list(value: &RawValue) -> Option<Vec<&RawValue>> {
    match opened(value) {
        Opened::List(items) => Some(items),
        _ => None,
    }
}

fn only_list<'a>(members: &Members<'a>) -> Option<Vec<&'a RawValue>> {
    let mut lists = members.0.iter().filter_map(|(_, value)| list(value));
    lists.next().filter(|_| lists.next().is_none())
}

#[cfg(test)]
mod tests {
    use patata::Headers;

    use super::*;

    fn items(path: &str, status: u16, body: &str) -> Result<Vec<String>, String> {
        let came = Came { status, url: "http://h/", headers: &Headers::default(), body: body.as_bytes() };
        let found = path.parse::<Items>().unwrap().of(&Asked::new("http://h/#patata-page=4", None), came);
        found
            .map(|items| items.iter().map(|item| item.get().to_owned()).collect())
            .map_err(|error| error.to_string())
    }

    #[test]
    fn items_are_found_at_their_path_or_where_they_usually_are() {
        for (path, body, expected) in [
            ("a.b", r#"{"a":{"b":[1,{"c":2}]}}"#, &["1", "{\"c\":2}"][..]),
            ("a", r#"{"a":null}"#, &[]),
            ("auto", "\u{feff}[1.10]", &["1.10"]),
            ("", r#"{"x":[0],"results":[1]}"#, &["1"]),
            ("", r#"{"data":{"items":[1],"x":[2]}}"#, &["1"]),
            ("", r#"{"hits":{"total":{"value":9},"hits":[1]}}"#, &["1"]),
            ("", r#"{"_embedded":{"orders":[1]}}"#, &["1"]),
            ("", r#"{"next":"x","things":[1]}"#, &["1"]),
        ] {
            assert_eq!(items(path, 200, body).unwrap(), expected, "{body}");
        }
        assert_eq!(items("a", 204, "").unwrap(), Vec::<String>::new());
    }

    #[test]
    fn where_there_are_none_it_is_said_at_which_page_and_how_to_mend_it() {
        for (path, body, expected) in [
            ("a.b", r#"{"a":{}}"#, "page 4: the items should be at \"a.b\", and there is nothing"),
            ("a", r#"{"a":{"c":1}}"#, "there is no list, but {\"c\":1}"),
            ("", r#"{"a":[],"b":[]}"#, "--items data.results says it"),
            ("", "<html>", "it is no JSON"),
            ("", "", "it is no JSON"),
        ] {
            let error = items(path, 200, body).unwrap_err();
            assert!(error.contains(expected), "{error}");
        }
    }
}
