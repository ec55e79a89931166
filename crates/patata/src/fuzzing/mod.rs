//! Properties of whatever reads a server's bytes, for fuzzers and for tests: each takes any bytes, and panics
//! where what should hold does not. No part of the crate's interface.

#![allow(clippy::expect_used, reason = "a panic is how a property says that it does not hold")]

mod decoding;
mod redirect;
mod response;
mod retry_after;
mod text;
mod told;

pub use decoding::decoding;
pub use redirect::redirect;
pub use response::response;
pub use retry_after::retry_after_header;
pub use text::text;
pub use told::told_limits;

/// Bytes to draw from; nought once they have been used up.
struct Drawn<'d>(&'d [u8]);

impl<'d> Drawn<'d> {
    fn byte(&mut self) -> u8 {
        let Some((first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        *first
    }

    fn choice<'c, V>(&mut self, choices: &'c [V]) -> &'c V {
        &choices[usize::from(self.byte()) % choices.len()]
    }

    /// At most so many bytes.
    fn some(&mut self, count: usize) -> &'d [u8] {
        let (some, rest) = self.0.split_at(count.min(self.0.len()));
        self.0 = rest;
        some
    }
}
