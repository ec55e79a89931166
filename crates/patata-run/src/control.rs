//! How a run that is under way is told things by other processes: a socket in its folder that only its owner can open.

#[cfg(unix)]
mod unix;

#[cfg(unix)]
pub use unix::{ControlServer, tell};

use serde::{Deserialize, Serialize};

use crate::accounts::LimitsNow;

/// What a run is told. What is not said stays as it is.
///
/// ```
/// let order = patata_run::Order { rate: Some(vec!["50/s".to_owned()]), ..Default::default() };
/// assert_eq!(serde_json::to_string(&order).unwrap(), r#"{"rate":["50/s"]}"#);
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Order {
    /// Other rates, in the place of those it has; an empty list for none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rate: Option<Vec<String>>,
    /// Other budgets, each as a unit and its rate, `tokens=90000/min`, in the place of those it has; an empty list for
    /// none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub budget: Option<Vec<String>>,
    /// Another number of requests in flight; 0 for no limit of its own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub concurrency: Option<usize>,
    /// Whether it is to send nothing for now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub paused: Option<bool>,
}

/// What a run answers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Answer {
    /// It has done so. These limits held before, and these do now.
    Done {
        /// Before.
        before: Box<LimitsNow>,
        /// Now.
        now: Box<LimitsNow>,
    },
    /// It cannot, for this reason.
    Refused(String),
}
