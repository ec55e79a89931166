//! The ways of paging, one a file.

mod auto;
mod cursors;
mod linked;
mod ranges;

pub(crate) use auto::Auto;
pub(crate) use cursors::{CursorSource, Cursors};
pub(crate) use linked::{LinkSource, Linked};
pub(crate) use ranges::{Kind, Ranges};

use crate::items::Items;
use crate::origins::Origins;
use crate::page::Asked;
use crate::parameter::Parameter;
use crate::place::Place;

/// What all ways of paging have in common.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Common {
    pub(crate) items: Items,
    pub(crate) origins: Origins,
    pub(crate) allow_repeats: bool,
    pub(crate) maximum_pages: Option<u64>,
}

/// The requests that follow a page: none, one, or a great many that are made when they are taken.
#[derive(Debug, Clone, Default)]
pub struct Following(State);

#[derive(Debug, Clone, Default)]
enum State {
    #[default]
    None,
    One(Asked),
    Many(Many),
}

/// Pages that are asked for at once.
#[derive(Debug, Clone)]
pub(crate) struct Many {
    /// As which they all are, but for the value that says the page.
    pub(crate) like: Asked,
    pub(crate) parameter: Parameter,
    /// The value of the next one, and what is added for the one after it.
    pub(crate) value: i64,
    pub(crate) step: i64,
    pub(crate) page: u64,
    /// The last one leads on.
    pub(crate) last: u64,
}

impl From<Option<Asked>> for Following {
    fn from(asked: Option<Asked>) -> Self {
        Self(asked.map_or(State::None, State::One))
    }
}

impl From<Many> for Following {
    fn from(many: Many) -> Self {
        Self(State::Many(many))
    }
}

impl Iterator for Following {
    type Item = Asked;

    fn next(&mut self) -> Option<Asked> {
        match std::mem::take(&mut self.0) {
            State::None => None,
            State::One(asked) => Some(asked),
            State::Many(mut many) => {
                let asked = many.next()?;
                self.0 = State::Many(many);
                Some(asked)
            }
        }
    }
}

impl Many {
    fn next(&mut self) -> Option<Asked> {
        if self.page > self.last {
            return None;
        }
        let mut made = Asked::new(&*self.like.url, self.like.body.clone());
        // The first of them was made before, so it can be made.
        self.parameter.put(&mut made, &crate::json::raw(self.value.to_string())).ok()?;
        made.url = Place { page: self.page, last: Some(self.last) }.marked(&made.url);
        self.page += 1;
        self.value = self.value.saturating_add(self.step);
        Some(made)
    }
}
