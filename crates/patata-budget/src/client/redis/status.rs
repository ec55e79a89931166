//! How a budget in Redis is used.

use redis::AsyncCommands;
use serde::Deserialize;
use tokio::sync::mpsc;

use crate::client::holder::NotConnected;
use crate::client::redis::connection::{Keys, connect, not_connected};
use crate::handle::RedisPlace;
use crate::wire::{SharerStatus, Status, UnitStatus};

/// What the script keeps of one who shares the budget.
#[derive(Deserialize)]
struct Kept {
    seen: f64,
    weight: f64,
    name: String,
    wants: u32,
    may: u32,
    holds: u32,
    // Lua has one kind of table: an empty one is written as an object.
    #[serde(default)]
    used: serde_json::Value,
    #[serde(default)]
    waits: serde_json::Value,
}

/// Who is using how much, and what is waiting. Redis keeps no sum of those who have gone.
pub(crate) async fn status(place: &RedisPlace) -> Result<Status, NotConnected> {
    let failed = |error| not_connected(place, &error);
    let (pushed, _pushes) = mpsc::unbounded_channel();
    let (mut connection, terms) = connect(place, pushed).await?;
    let keys = Keys::of(&place.name);
    let sharers: Vec<(String, String)> = connection.hgetall(&keys.sharers).await.map_err(failed)?;
    let pauses: Vec<(String, u64)> = connection.hgetall(&keys.pauses).await.map_err(failed)?;
    let (seconds, micros): (u64, u64) =
        redis::cmd("TIME").query_async(&mut connection).await.map_err(failed)?;
    let now_us = seconds * 1_000_000 + micros;
    let left = |until: u64| until.saturating_sub(now_us) as f64 / 1e6;
    let whole = pauses.iter().find(|(host, _)| host.is_empty());
    let hosts = pauses.iter().filter(|(host, until)| !host.is_empty() && *until > now_us);
    let now_ms = now_us as f64 / 1e3;
    let kept: Vec<Kept> = sharers.iter().filter_map(|(_, text)| serde_json::from_str(text).ok()).collect();
    let sharers: Vec<_> = kept.iter().map(|kept| sharer(kept, now_ms, terms.units().len())).collect();
    let sum =
        |of: &dyn Fn(&(u64, u64)) -> u64, at: usize| sharers.iter().map(|sharer| of(&sharer.units[at])).sum();
    let unit = |(at, unit): (usize, &crate::units::terms::UnitTerms)| UnitStatus {
        unit: unit.name.clone(),
        rates: unit.rates.iter().map(ToString::to_string).collect(),
        used: sum(&|(used, _)| *used, at),
        last_second: 0,
        waiting: sum(&|(_, waits)| *waits, at),
    };
    Ok(Status {
        terms: terms.to_string(),
        running_s: 0.0,
        paused_s: whole.map_or(0.0, |(_, until)| left(*until)),
        left_alone: hosts.map(|(host, until)| (host.clone(), left(*until))).collect(),
        units: terms.units().iter().enumerate().map(unit).collect(),
        concurrency: terms.most_in_flight(),
        sharers,
        unsaved: None,
    })
}

fn sharer(kept: &Kept, now_ms: f64, units: usize) -> SharerStatus {
    let of = |value: &serde_json::Value, at: usize| {
        value.get(at).and_then(serde_json::Value::as_f64).unwrap_or(0.0) as u64
    };
    SharerStatus {
        name: kept.name.clone(),
        weight: kept.weight,
        connected: now_ms - kept.seen <= 3000.0,
        units: (0..units).map(|at| (of(&kept.used, at), of(&kept.waits, at))).collect(),
        holds: kept.holds.max(kept.may),
        wants: kept.wants,
    }
}
