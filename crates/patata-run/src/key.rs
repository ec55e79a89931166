//! By what a request is known again that comes from no file: its id, or else all that it says.

use patata::Request;

use crate::id::Id;

/// Keys that hold an id as it is begin with one of these bytes and a length, others with a bit that is set: so no hash
/// is the key of an id that another key holds.
const INTEGER: u8 = 0x20;
const TEXT: u8 = 0x40;
const HASHED: u128 = 1 << 127;
/// The longest text that a key holds as it is.
const SHORT: usize = 15;
/// Integers whose absolute value is less are held as they are.
const MOST: u128 = 1 << 119;

/// The key of a request. Where positions have moved it alone decides, so that nobody may be able to make two alike.
pub(crate) fn key<T>(id: &Id, request: &Request<T>) -> u128 {
    key_of_id(id).unwrap_or_else(|| {
        let mut hasher = blake3::Hasher::new();
        hasher.update(request.method().as_str().as_bytes()).update(b" ");
        hasher.update(request.url().as_bytes()).update(b"\n");
        if let Some(body) = request.own_body().and_then(|body| body.bytes()) {
            hasher.update(body);
        }
        HASHED | half_of(&hasher)
    })
}

/// The key of a request that has an id: the id itself where there is room for it, which takes no time, or else a hash.
pub(crate) fn key_of_id(id: &Id) -> Option<u128> {
    let mut hasher = blake3::Hasher::new();
    match id {
        Id::None => return None,
        Id::Integer(number) if number.unsigned_abs() < MOST => {
            return Some(held(INTEGER, &number.to_be_bytes()[1..]));
        }
        Id::Text(text) if text.len() <= SHORT => {
            // At most 15, which has room beside the mark.
            let mark = TEXT | u8::try_from(text.len()).unwrap_or_default();
            return Some(held(mark, text.as_bytes()));
        }
        Id::Integer(number) => hasher.update(b"integer ").update(&number.to_le_bytes()),
        Id::Text(text) => hasher.update(b"text ").update(text.as_bytes()),
    };
    Some(HASHED | half_of(&hasher))
}

/// A key that holds so many bytes as they are.
fn held(mark: u8, bytes: &[u8]) -> u128 {
    let mut held = [0; 1 + SHORT];
    held[0] = mark;
    held[1..=bytes.len()].copy_from_slice(bytes);
    u128::from_be_bytes(held)
}

/// A key by which a server knows a request again, whichever process sends it.
pub(crate) fn idempotency_key(run: &str, position: u64) -> String {
    let mut hasher = blake3::Hasher::new();
    hasher.update(run.as_bytes()).update(&position.to_le_bytes());
    format!("{:032x}", half_of(&hasher))
}

fn half_of(hasher: &blake3::Hasher) -> u128 {
    let mut half = [0; 16];
    half.copy_from_slice(&hasher.finalize().as_bytes()[..16]);
    u128::from_be_bytes(half)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_with_ids_are_known_by_these_alone_and_others_by_what_they_say() {
        let get = |url: &str| Request::get((), url);
        let (a, b) = (get("http://host/a"), get("http://host/b"));
        assert_eq!(key(&Id::from(1), &a), key(&Id::from(1), &b));
        let texts = ["", "1", "\0", "1\0", "fifteen letters", "sixteen letters!", "sixteen letters?"];
        let numbers = [1, 2, -1, i64::MAX.into(), 1 << 119, 1 << 120].map(Id::Integer);
        let ids: Vec<_> = numbers.into_iter().chain(texts.map(Id::from)).chain([Id::None]).collect();
        for (place, id) in ids.iter().enumerate() {
            assert!(ids[..place].iter().all(|other| key(other, &a) != key(id, &a)));
        }
        assert_ne!(key(&Id::None, &a), key(&Id::None, &b));
        let post = |body: &'static str| Request::post((), "http://host/a").body(body);
        assert_ne!(key(&Id::None, &post("1")), key(&Id::None, &post("2")));
    }
}
