//! Asks who is using how much of a budget, without sharing it.

use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::time::timeout;

use crate::client::TRY;
use crate::client::holder::{NotConnected, connect};
use crate::client::redis;
use crate::error::BudgetError;
use crate::handle::{Handle, Place};
use crate::wire::{FromHolder, Status, ToHolder, line};

/// Who is using how much of a budget, and what is waiting. Waits at most some seconds.
///
/// ```
/// use patata_budget::{HolderBuilder, Terms, status};
///
/// let holder = HolderBuilder::new(Terms::new().rate("requests", "100/s")?).serve()?;
/// let status = status(holder.handle())?;
/// assert_eq!(status.units[0].rates, ["100/s"]);
/// assert!(status.sharers.is_empty());
/// # Ok::<(), patata_budget::BudgetError>(())
/// ```
///
/// # Errors
/// It does not answer, or not as a budget does.
pub fn status(handle: &Handle) -> Result<Status, BudgetError> {
    let unreachable =
        |cause: String| BudgetError::Unreachable { address: handle.address(), waited: Duration::ZERO, cause };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|cause| unreachable(cause.to_string()))?;
    let ask = async {
        match &handle.place {
            Place::Redis(place) => redis::status(place).await,
            _ => ask(handle).await,
        }
    };
    let asked = runtime.block_on(async { timeout(2 * TRY, ask).await });
    match asked {
        Ok(Ok(status)) => Ok(status),
        Ok(Err(NotConnected::Yet(cause))) => Err(unreachable(cause)),
        Ok(Err(NotConnected::Never(error))) => Err(error),
        Err(_) => Err(unreachable("no answer".to_owned())),
    }
}

async fn ask(handle: &Handle) -> Result<Status, NotConnected> {
    let mut connected = connect(handle).await?;
    let asked = connected.writer.write_all(&line(&ToHolder::Status)).await;
    asked.map_err(|cause| NotConnected::Yet(cause.to_string()))?;
    let bytes = connected
        .lines
        .next()
        .await
        .map_err(|_| NotConnected::Yet("the connection was closed".to_owned()))?;
    match serde_json::from_slice(&bytes) {
        Ok(FromHolder::Status(status)) => Ok(status),
        _ => Err(NotConnected::Yet("it does not tell its status".to_owned())),
    }
}
