//! A connection to Redis, what is kept there, and what its errors mean.

use redis::aio::MultiplexedConnection;
use redis::{AsyncCommands, AsyncConnectionConfig, Client, ErrorKind, PushInfo, RedisError};
use tokio::sync::mpsc;

use crate::client::TRY;
use crate::client::holder::NotConnected;
use crate::error::BudgetError;
use crate::handle::{Handle, Place, RedisPlace};
use crate::units::terms::Terms;

/// For how long it is remembered what a budget allows, in seconds: from the last time that somebody began to share it.
const REMEMBERED: i64 = 31 * 24 * 60 * 60;

/// The names under which a budget is kept. All have the same part in braces, by which a cluster keeps them together.
pub(crate) struct Keys {
    pub(crate) terms: String,
    pub(crate) used: String,
    pub(crate) sharers: String,
    pub(crate) pauses: String,
    /// Where it is told who is to be left alone.
    pub(crate) channel: String,
}

impl Keys {
    pub(crate) fn of(name: &str) -> Self {
        let key = |part: &str| format!("patata:{{{name}}}:{part}");
        Self {
            terms: key("terms"),
            used: key("used"),
            sharers: key("sharers"),
            pauses: key("pauses"),
            channel: key("channel"),
        }
    }
}

/// Connects, and finds out what the budget allows: what the handle says, or else what an earlier one has said.
pub(crate) async fn connect(
    place: &RedisPlace,
    pushed: mpsc::UnboundedSender<PushInfo>,
) -> Result<(MultiplexedConnection, Terms), NotConnected> {
    let failed = |error: RedisError| not_connected(place, &error);
    // Certificates are checked by what the rest of patata uses. Whoever was first has chosen the same.
    let _ = rustls::crypto::ring::default_provider().install_default();
    // By the third version of its protocol, what others say comes over the same connection.
    let client = Client::open(format!("{}?protocol=resp3", place.url)).map_err(failed)?;
    let config = AsyncConnectionConfig::new()
        .set_connection_timeout(Some(TRY))
        .set_response_timeout(Some(TRY))
        .set_push_sender(pushed);
    let mut connection =
        client.get_multiplexed_async_connection_with_config(&config).await.map_err(failed)?;
    let key = Keys::of(&place.name).terms;
    let terms = if place.terms.is_empty() {
        let kept: Option<String> = connection.get(&key).await.map_err(failed)?;
        let kept = kept.and_then(|kept| serde_json::from_str(&kept).ok());
        kept.ok_or_else(|| {
            NotConnected::Never(BudgetError::NoSuchBudget {
                address: address(place),
                name: place.name.clone(),
            })
        })?
    } else {
        let text = serde_json::to_string(&place.terms).unwrap_or_default();
        let () = connection.set(&key, text).await.map_err(failed)?;
        place.terms.clone()
    };
    let () = connection.expire(&key, REMEMBERED).await.map_err(failed)?;
    Ok((connection, terms))
}

/// Where it is, without its password.
pub(crate) fn address(place: &RedisPlace) -> String {
    Handle { place: Place::Redis(place.clone()), secret: String::new(), weight: 1.0 }.address()
}

/// What Redis says while it cannot be written to, and may be again: it has no memory or disk left, or becomes another one's
/// replica.
const PASSING: [&str; 9] =
    ["BUSY", "CLUSTERDOWN", "LOADING", "MASTERDOWN", "MISCONF", "NOREPLICAS", "OOM", "READONLY", "TRYAGAIN"];
/// What it says to who may not use it.
const CLOSED: [&str; 3] = ["NOAUTH", "NOPERM", "WRONGPASS"];

/// Whether it can be tried again.
pub(crate) fn not_connected(place: &RedisPlace, error: &RedisError) -> NotConnected {
    let says_one_of = |codes: &[&str]| error.code().is_some_and(|code| codes.contains(&code));
    // One of what was no answer of Redis has several lines.
    let cause = error.to_string().trim().replace('\n', ", ");
    if matches!(error.kind(), ErrorKind::Io) || says_one_of(&PASSING) {
        return NotConnected::Yet(cause);
    }
    let is_closed = says_one_of(&CLOSED) || matches!(error.kind(), ErrorKind::AuthenticationFailed);
    let fix = match is_closed {
        true => "write the password that it asks for into the handle, as redis://:PASSWORD@host/0?name=…",
        false => "name a Redis 6 or later, or a Valkey",
    };
    NotConnected::Never(BudgetError::NotRedis { address: address(place), cause: format!("{cause}; {fix}") })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(line: &str) -> NotConnected {
        let place =
            RedisPlace { url: "redis://host/0".to_owned(), name: "crm".to_owned(), terms: Terms::new() };
        let answer = redis::parse_redis_value(line.as_bytes()).and_then(redis::Value::extract_error);
        not_connected(&place, &answer.unwrap_err())
    }

    #[test]
    fn what_will_pass_is_tried_again_and_what_will_not_is_told_with_the_fix() {
        for line in [
            "-OOM command not allowed when used memory > 'maxmemory'.",
            "-READONLY a replica",
            "-LOADING the dataset",
        ] {
            let NotConnected::Yet(cause) = told(&format!("{line}\r\n")) else { panic!("{line}") };
            assert!(!cause.is_empty());
        }
        for (line, fix) in [
            ("-NOAUTH Authentication required.", "redis://:PASSWORD@host"),
            ("-WRONGPASS invalid username-password pair", "redis://:PASSWORD@host"),
            ("-WRONGTYPE Operation against a key", "Redis 6 or later"),
            ("HTTP/1.1 400 Bad Request", "Redis 6 or later"),
        ] {
            let NotConnected::Never(error) = told(&format!("{line}\r\n")) else { panic!("{line}") };
            let told = error.to_string();
            assert!(told.contains("redis://host/0") && told.contains(fix) && !told.contains('\n'), "{told}");
        }
    }
}
