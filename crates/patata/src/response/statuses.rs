//! A set of status codes: which are tried again, which count as success, which end a run.

use http::StatusCode;

use crate::response::Response;
use crate::response::cache_status::CacheStatus;

/// The codes that three digits can write.
const CODES: usize = 1000;
const WORD: usize = u64::BITS as usize;

/// A set of HTTP status codes.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Statuses([u64; CODES.div_ceil(WORD)]);

impl Statuses {
    pub(crate) fn contains(&self, status: StatusCode) -> bool {
        let (word, bit) = place(status.as_u16());
        self.0[word] & bit != 0
    }

    fn insert(&mut self, code: u16) {
        let (word, bit) = place(code);
        self.0[word] |= bit;
    }

    /// The codes in order.
    pub(crate) fn codes(&self) -> impl Iterator<Item = u16> {
        (100..CODES as u16).filter(|code| {
            let (word, bit) = place(*code);
            self.0[word] & bit != 0
        })
    }
}

/// The statuses that count as success: those below 400, or those that the user names.
#[derive(Debug, Clone, Default)]
pub(crate) struct OkStatuses(pub(crate) Option<Statuses>);

impl OkStatuses {
    pub(crate) fn contains(&self, status: StatusCode) -> bool {
        match &self.0 {
            None => status.as_u16() < 400,
            Some(statuses) => statuses.contains(status),
        }
    }

    /// Whether a response is one of success: also where its file is left alone as it has not changed.
    pub(crate) fn takes(&self, response: &Response) -> bool {
        self.contains(response.status) || response.cached == CacheStatus::Unchanged
    }
}

/// Where the bit of a code is, which is below `CODES`.
fn place(code: u16) -> (usize, u64) {
    (usize::from(code) / WORD, 1 << (usize::from(code) % WORD))
}

impl std::fmt::Debug for Statuses {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_set().entries(self.codes()).finish()
    }
}

impl TryFrom<Vec<u16>> for Statuses {
    /// The code that is none.
    type Error = u16;

    fn try_from(codes: Vec<u16>) -> Result<Self, u16> {
        let mut statuses = Self([0; CODES.div_ceil(WORD)]);
        for code in codes {
            if !(100..CODES as u16).contains(&code) {
                return Err(code);
            }
            statuses.insert(code);
        }
        Ok(statuses)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    #[test]
    fn what_is_no_status_code_is_told() {
        for code in [0, 99, 1000, u16::MAX] {
            assert_eq!(Statuses::try_from(vec![200, code]), Err(code));
        }
    }

    #[test]
    fn success_is_what_is_below_400_unless_the_user_says_otherwise() {
        let own = OkStatuses(Some(Statuses::try_from(vec![200, 404]).unwrap()));
        for (code, by_default, by_the_user) in [
            (200, true, true),
            (204, true, false),
            (302, true, false),
            (404, false, true),
            (500, false, false),
        ] {
            let status = StatusCode::from_u16(code).unwrap();
            assert_eq!(OkStatuses::default().contains(status), by_default, "{code}");
            assert_eq!(own.contains(status), by_the_user, "{code}");
        }
    }

    proptest! {
        #[test]
        fn it_holds_what_was_given_and_nothing_else(codes in prop::collection::btree_set(100..1000_u16, 0..40)) {
            let statuses = Statuses::try_from(codes.iter().copied().collect::<Vec<_>>()).unwrap();
            prop_assert_eq!(statuses.codes().collect::<BTreeSet<_>>(), codes.clone());
            for code in 100..1000 {
                let status = StatusCode::from_u16(code).unwrap();
                prop_assert_eq!(statuses.contains(status), codes.contains(&code));
            }
        }
    }
}
