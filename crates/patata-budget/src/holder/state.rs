//! What a holder keeps on the disk: how much is used up, so that the next one goes on from there.

use std::fs;
use std::io;
use std::path::Path;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use crate::error::BudgetError;
use crate::holder::core::Shared;
use crate::units::{MILLISECOND, Nanos};

#[derive(Serialize, Deserialize)]
struct State {
    /// When it was written, since 1970.
    at_ms: u64,
    units: Vec<UnitState>,
    /// Hosts that are left alone, or all of them, and for how long from then on.
    left_alone: Vec<(Option<String>, u64)>,
}

#[derive(Serialize, Deserialize)]
struct UnitState {
    unit: String,
    rates: Vec<String>,
    /// For how long it is used up.
    busy_us: u64,
    /// What is in its longer windows: since when, until when, how much; in nanoseconds before it was written.
    used: Vec<Vec<(i64, i64, u64)>>,
}

/// Writes it, as a whole or not at all.
pub(crate) fn save(path: &Path, shared: &Shared) -> io::Result<()> {
    let text = serde_json::to_vec(&taken(shared))?;
    let mut beside = path.as_os_str().to_owned();
    beside.push(".new");
    fs::write(&beside, text)?;
    fs::rename(&beside, path)
}

/// Why it cannot be written, and what to do.
pub(crate) fn unsaved(path: &Path, cause: &io::Error) -> String {
    format!(
        "the file of its state, {}, cannot be written: {cause}; make room, or name another one, or what is used up in longer \
         windows is forgotten with this holder",
        path.display()
    )
}

fn taken(shared: &Shared) -> State {
    let core = shared.lock();
    let now = core.moment(Instant::now());
    let unit = |unit: &crate::units::unit::Unit| UnitState {
        unit: unit.terms.name.clone(),
        rates: unit.terms.rates.iter().map(ToString::to_string).collect(),
        busy_us: u64::try_from(unit.busy(now).as_micros()).unwrap_or(u64::MAX),
        used: unit.used(now),
    };
    let pauses = core.budget.pauses(now);
    State {
        at_ms: unix_ms(),
        units: core.budget.units().iter().map(unit).collect(),
        left_alone: pauses
            .map(|(host, until)| (host.map(str::to_owned), (until - now) / MILLISECOND))
            .collect(),
    }
}

/// Goes on from what was written, where there is such a file. Units whose rates are others now begin anew.
pub(crate) fn load(path: &Path, shared: &Shared) -> Result<(), BudgetError> {
    let refused = |why: String| BudgetError::CannotServe { address: path.display().to_string(), why };
    let text = match fs::read(path) {
        Ok(text) => text,
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(cause) => return Err(refused(format!("the file of its state cannot be read: {cause}"))),
    };
    let state: State = serde_json::from_slice(&text).map_err(|cause| {
        refused(format!("it is no file of a budget's state ({cause}); name another, or remove it"))
    })?;
    let mut core = shared.lock();
    let now = core.moment(Instant::now());
    // A clock that was set back makes it longer, at most as long as it was.
    let passed = Duration::from_millis(unix_ms().saturating_sub(state.at_ms));
    let passed_ns = i64::try_from(passed.as_nanos()).unwrap_or(i64::MAX / 2);
    for unit in core.budget.units_mut() {
        let is_same = |kept: &&UnitState| {
            let rates = unit.terms.rates.iter().map(ToString::to_string);
            kept.unit == unit.terms.name && rates.eq(kept.rates.iter().cloned())
        };
        let Some(kept) = state.units.iter().find(is_same) else { continue };
        let later = |(began, last, amount): &(i64, i64, u64)| {
            (began.saturating_add(passed_ns), last.saturating_add(passed_ns), *amount)
        };
        let used: Vec<Vec<_>> = kept.used.iter().map(|parts| parts.iter().map(later).collect()).collect();
        let busy = Duration::from_micros(kept.busy_us).saturating_sub(passed);
        unit.resume(now, busy, &used);
    }
    for (host, ms) in state.left_alone {
        let left = ms.saturating_mul(MILLISECOND).saturating_sub(passed_ns.unsigned_abs() as Nanos);
        core.budget.pause(host.as_deref(), left, now);
    }
    Ok(())
}

fn unix_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
