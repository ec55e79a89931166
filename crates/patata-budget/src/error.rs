//! Why a budget cannot be shared, or can be no longer.

use std::time::Duration;

/// Why a budget cannot be shared. Each says what is wrong with what, and what to do; none shows a secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BudgetError {
    /// A rate, a unit or another part of a budget that is none.
    #[error("{0}")]
    Terms(String),
    /// A handle that leads nowhere.
    #[error("{handle:?} is no handle of a budget: {why}")]
    Handle {
        /// What was given, without its secret.
        handle: String,
        /// What is wrong with it.
        why: String,
    },
    /// One request costs more than the budget ever holds.
    #[error(
        "a request costs {cost} {unit}, and the budget never holds more than {most}; split it, or raise the budget"
    )]
    TooDear {
        /// The unit.
        unit: String,
        /// What it costs.
        cost: u64,
        /// What the budget holds at most.
        most: u64,
    },
    /// Nobody has answered for longer than is waited.
    #[error("{}", unreachable(address, *waited, cause))]
    Unreachable {
        /// Where it should be.
        address: String,
        /// For how long it was tried.
        waited: Duration,
        /// What came of the last try.
        cause: String,
    },
    /// The secret of the handle is not that of the holder.
    #[error(
        "the secret for the budget at {address} is wrong; take the handle that its holder printed when it was started"
    )]
    WrongSecret {
        /// Where the holder is.
        address: String,
    },
    /// The holder speaks another version of the protocol.
    #[error(
        "the budget at {address} speaks version {theirs} of the protocol, and this is version {ours}; use the same \
         version of patata on both sides"
    )]
    Version {
        /// Where the holder is.
        address: String,
        /// What is spoken here.
        ours: u64,
        /// What is spoken there.
        theirs: u64,
    },
    /// What answers is no budget.
    #[error("what answers at {address} is no budget: {what}; see that the handle names the right port")]
    NotABudget {
        /// Where it is.
        address: String,
        /// What it said.
        what: String,
    },
    /// The holder does not want to go on with us.
    #[error("the budget at {address} refuses: {why}")]
    Refused {
        /// Where it is.
        address: String,
        /// What it said.
        why: String,
    },
    /// What answers is no Redis, or one that cannot be used.
    #[error("what answers at {address} cannot be used as Redis: {cause}")]
    NotRedis {
        /// Where it is, without its password.
        address: String,
        /// What came of it, and what to do.
        cause: String,
    },
    /// Nobody has said what the budget of that name allows.
    #[error(
        "Redis at {address} knows no budget {name:?}; say what it allows in the handle, as in ?name={name}&requests=100/s"
    )]
    NoSuchBudget {
        /// Where it is, without its password.
        address: String,
        /// The name.
        name: String,
    },
    /// The holder cannot be started.
    #[error("a budget cannot be held at {address}: {why}")]
    CannotServe {
        /// Where it should be.
        address: String,
        /// What is in the way.
        why: String,
    },
}

fn unreachable(address: &str, waited: Duration, cause: &str) -> String {
    let runs = match address.starts_with("redis") {
        true => "see that Redis runs there, and can be written to",
        false => "see that its holder runs, as by `patata budget serve`",
    };
    if waited.is_zero() {
        return format!("the budget at {address} does not answer ({cause}); {runs}");
    }
    let waited = (waited.as_secs_f64() * 10.0).round() / 10.0;
    format!(
        "the budget at {address} has not answered for {waited} s ({cause}); {runs}, or wait longer with budget_timeout"
    )
}
