//! By what a request is known again that comes from no file: its id, or else all that it says.

use patata::Request;

use crate::id::Id;

/// The key of a request. Where positions have moved it alone decides, so that nobody may be able to make two alike.
pub(crate) fn key<T>(id: &Id, request: &Request<T>) -> u128 {
    key_of_id(id).unwrap_or_else(|| {
        let mut hasher = blake3::Hasher::new();
        hasher.update(request.method().as_str().as_bytes()).update(b" ");
        hasher.update(request.url().as_bytes()).update(b"\n");
        if let Some(body) = request.own_body().and_then(|body| body.bytes()) {
            hasher.update(body);
        }
        half_of(&hasher)
    })
}

/// The key of a request that has an id.
pub(crate) fn key_of_id(id: &Id) -> Option<u128> {
    let mut hasher = blake3::Hasher::new();
    match id {
        Id::None => return None,
        Id::Integer(number) => hasher.update(b"integer ").update(&number.to_le_bytes()),
        Id::Text(text) => hasher.update(b"text ").update(text.as_bytes()),
    };
    Some(half_of(&hasher))
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
        let ids = [Id::from(1), Id::from("1"), Id::from(2), Id::None];
        for (place, id) in ids.iter().enumerate() {
            assert!(ids[..place].iter().all(|other| key(other, &a) != key(id, &a)));
        }
        assert_ne!(key(&Id::None, &a), key(&Id::None, &b));
        let post = |body: &'static str| Request::post((), "http://host/a").body(body);
        assert_ne!(key(&Id::None, &post("1")), key(&Id::None, &post("2")));
    }
}
