//! Which page of its chain a request asks for, carried by the request itself: as the fragment of its URL, which is never sent.
//! So whatever keeps requests keeps it, a run folder too, and a run that is resumed goes on as if it had not ended.

/// What the fragment begins with.
const MARK: &str = "patata-page=";

/// A page's place in its chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    /// The first is 1.
    pub(crate) page: u64,
    /// Where pages up to this one were asked for at once: the others than the last lead nowhere.
    pub(crate) last: Option<u64>,
}

impl Place {
    /// That of a request. One that no page has led to begins a chain.
    pub(crate) fn of(url: &str) -> Self {
        let read = |url: &str| {
            let mark = url.split_once('#')?.1.strip_prefix(MARK)?;
            let (page, last) = mark.split_once('/').map_or((mark, None), |(page, last)| (page, Some(last)));
            Some(Self {
                page: number(page)?,
                last: last.map(|last| number(last).ok_or(())).transpose().ok()?,
            })
        };
        read(url).unwrap_or(Self { page: 1, last: None })
    }

    /// Whether it is for this page to lead on.
    pub(crate) fn is_end(self) -> bool {
        self.last.is_none_or(|last| self.page >= last)
    }

    /// That of the next page.
    pub(crate) fn following(self) -> Self {
        Self { page: self.page.saturating_add(1), last: None }
    }

    /// The URL with this place.
    pub(crate) fn marked(self, url: &str) -> String {
        let bare = bare(url);
        match self.last {
            None => format!("{bare}#{MARK}{}", self.page),
            Some(last) => format!("{bare}#{MARK}{}/{last}", self.page),
        }
    }
}

fn number(text: &str) -> Option<u64> {
    let is_plain =
        text.bytes().all(|byte| byte.is_ascii_digit()) && !text.starts_with('0') && text.len() <= 18;
    is_plain.then(|| text.parse().ok()).flatten()
}

/// A URL without its fragment.
pub(crate) fn bare(url: &str) -> &str {
    url.split_once('#').map_or(url, |(bare, _)| bare)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_place_of_a_page_stands_in_its_fragment() {
        for (url, page, last) in [
            ("http://host/?page=3#patata-page=3/10", 3, Some(10)),
            ("http://host/#patata-page=7", 7, None),
            ("http://host/", 1, None),
            ("http://host/#top", 1, None),
            ("http://host/#patata-page=0", 1, None),
            ("http://host/#patata-page=3/", 1, None),
            ("http://host/#patata-page=+3", 1, None),
        ] {
            assert_eq!(Place::of(url), Place { page, last }, "{url}");
        }
    }

    proptest! {
        #[test]
        fn a_place_is_read_as_it_was_written(page in 1..=u64::pow(10, 17), last in proptest::option::of(1..=u64::pow(10, 17)), url in "http://h/[a-z?#=]{0,9}") {
            let place = Place { page, last };
            let marked = place.marked(&url);
            prop_assert_eq!(Place::of(&marked), place);
            prop_assert_eq!(bare(&marked), bare(&url));
        }
    }
}
