//! How both sides show that they know the secret, without saying it: an HMAC over fresh nonces of both.

use std::fmt::Write;

use ring::hmac;
use ring::rand::{SecureRandom, SystemRandom};

use crate::error::BudgetError;

/// What is proven is who one is, so that neither side can send back what the other one has said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    Client,
    Holder,
}

/// Sixteen random bytes in hexadecimal digits.
///
/// # Errors
/// The system has no random bytes.
pub(crate) fn nonce() -> Result<String, BudgetError> {
    let mut bytes = [0; 16];
    SystemRandom::new().fill(&mut bytes).map_err(|_| BudgetError::CannotServe {
        address: "this machine".to_owned(),
        why: "the system has no random bytes".to_owned(),
    })?;
    Ok(hex(&bytes))
}

/// What one side says to prove that it knows the secret.
pub(crate) fn proof(secret: &str, side: Side, of_holder: &str, of_client: &str) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
    hex(hmac::sign(&key, &text(side, of_holder, of_client)).as_ref())
}

/// Whether that is so. Takes as long for any proof that is wrong.
pub(crate) fn proves(proof: &str, secret: &str, side: Side, of_holder: &str, of_client: &str) -> bool {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
    let Some(bytes) = unhex(proof) else { return false };
    hmac::verify(&key, &text(side, of_holder, of_client), &bytes).is_ok()
}

fn text(side: Side, of_holder: &str, of_client: &str) -> Vec<u8> {
    let side = match side {
        Side::Client => "client",
        Side::Holder => "holder",
    };
    format!("patata-budget/{} {side}\n{of_holder}\n{of_client}", super::VERSION).into_bytes()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    if !text.len().is_multiple_of(2) || !text.is_ascii() {
        return None;
    }
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).ok()).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_proof_holds_for_its_secret_side_and_nonces_only() {
        let (a, b) = (nonce().unwrap(), nonce().unwrap());
        assert!(a != b && a.len() == 32);
        let said = proof("secret", Side::Client, &a, &b);
        assert!(proves(&said, "secret", Side::Client, &a, &b));
        assert!(!proves(&said, "Secret", Side::Client, &a, &b));
        assert!(!proves(&said, "secret", Side::Holder, &a, &b));
        assert!(!proves(&said, "secret", Side::Client, &b, &a));
    }

    /// The documentation has these, for who writes a client of another kind.
    #[test]
    fn a_known_proof() {
        let expected = "7c9ed556704f0bb917d1773aa0605827008e89cdd31a3aeed2e433aaebc74e2b";
        assert_eq!(proof("hunter2", Side::Client, "aa", "bb"), expected);
    }

    proptest! {
        #[test]
        fn no_text_proves_anything(text in ".{0,70}") {
            prop_assert!(!proves(&text, "secret", Side::Client, "a", "b"));
        }
    }
}
