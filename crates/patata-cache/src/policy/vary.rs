//! Which of the responses of one URL is the one for a request (RFC 9111, 4.1).

use http::{HeaderMap, HeaderName, header};
use patata::Headers;

use crate::policy::cache_control::{ResponseDirectives, members};

/// Headers that a response was chosen by, with what the request said in them. As these may be secrets, only digests are kept.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Selecting(pub(crate) Vec<(HeaderName, [u8; 16])>);

impl Selecting {
    /// What a response was chosen by: what its `Vary` names, and who has asked, as far as it is not for everybody.
    ///
    /// A private cache need not look at `Authorization`. But one program may well ask under several names, and must not get
    /// one's response for another.
    pub(crate) fn of(request: &HeaderMap, response: &Headers) -> Self {
        let named = response.get_all("vary").flat_map(members);
        let mut names: Vec<_> = named.filter_map(|name| HeaderName::from_bytes(name).ok()).collect();
        if !ResponseDirectives::of(response.get_all("cache-control")).public {
            names.push(header::AUTHORIZATION);
        }
        names.sort_unstable_by(|one, other| one.as_str().cmp(other.as_str()));
        names.dedup();
        Self(names.into_iter().map(|name| (name.clone(), digest(request, &name))).collect())
    }

    /// Whether a request says the same.
    pub(crate) fn matches(&self, request: &HeaderMap) -> bool {
        self.0.iter().all(|(name, known)| is_said(request, name.as_str().as_bytes(), *known))
    }

    /// A number for it, equal where it is.
    pub(crate) fn number(&self) -> u64 {
        let mut hasher = xxhash_rust::xxh3::Xxh3::new();
        for (name, digest) in &self.0 {
            hasher.update(name.as_str().as_bytes());
            hasher.update(digest);
        }
        hasher.digest()
    }
}

/// The digest of a header that is not there.
const NOTHING: [u8; 16] = [0; 16];

/// Whether a request says in a header what this is the digest of. The name is in lower case.
pub(crate) fn is_said(request: &HeaderMap, name: &[u8], known: [u8; 16]) -> bool {
    // Requests have few headers: to look at each is quicker than to look for one.
    match request.keys().find(|other| other.as_str().as_bytes() == name) {
        None => known == NOTHING,
        Some(name) => digest(request, name) == known,
    }
}

/// What a request says in a header: lines are put together and spaces around commas left out, which changes no meaning.
fn digest(request: &HeaderMap, name: &HeaderName) -> [u8; 16] {
    let mut lines = request.get_all(name).iter().peekable();
    if lines.peek().is_none() {
        return NOTHING;
    }
    let mut hasher = blake3::Hasher::new();
    for member in lines.flat_map(|line| members(line.as_bytes())) {
        hasher.update(member).update(b",");
    }
    let mut digest = [0; 16];
    hasher.finalize_xof().fill(&mut digest);
    digest
}
