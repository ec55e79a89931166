//! URLs as telemetry may show them: where a query's values are keys to something, they are left out.

use std::borrow::Cow;

/// The parameters whose values are signatures, as the semantic conventions of OpenTelemetry name them, and the usual names
/// of what authorises.
const SECRET: [&str; 14] = [
    "awsaccesskeyid",
    "signature",
    "sig",
    "x-goog-signature",
    "x-amz-signature",
    "x-amz-credential",
    "x-amz-security-token",
    "access_token",
    "api_key",
    "apikey",
    "auth_token",
    "client_secret",
    "password",
    "token",
];

/// What stands in the place of a secret.
const REDACTED: &str = "REDACTED";

/// A URL without credentials, of whose query the values of secret parameters are replaced.
pub(crate) fn shown(url: String) -> String {
    let Some(start) = url.find('?') else { return url };
    let query = &url[start + 1..];
    if query.split('&').all(|pair| secret_name(pair).is_none()) {
        return url;
    }
    let shown =
        |pair| secret_name(pair).map_or(Cow::Borrowed(pair), |name| format!("{name}={REDACTED}").into());
    let pairs: Vec<_> = query.split('&').map(shown).collect();
    format!("{}?{}", &url[..start], pairs.join("&"))
}

/// The name of a parameter whose value is not to be shown.
fn secret_name(pair: &str) -> Option<&str> {
    let (name, _) = pair.split_once('=')?;
    SECRET.iter().any(|secret| name.eq_ignore_ascii_case(secret)).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_secret_in_a_query_is_not_shown() {
        for (url, expected) in [
            ("http://a/b", "http://a/b"),
            ("http://a/b?c=d&sig", "http://a/b?c=d&sig"),
            ("http://a/b?c=d&sig=e", "http://a/b?c=d&sig=REDACTED"),
            (
                "http://a/b?X-Goog-Signature=c&x=y&AWSAccessKeyId=&Token=t",
                "http://a/b?X-Goog-Signature=REDACTED&x=y&AWSAccessKeyId=REDACTED&Token=REDACTED",
            ),
        ] {
            assert_eq!(shown(url.to_owned()), expected);
        }
    }
}
