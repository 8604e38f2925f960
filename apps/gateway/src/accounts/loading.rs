//! From the store to an account's state.

use velox_kernel::AccountId;
use velox_trading::{DamagedLog, ExecuteError, LiveAccount, Snapshot, StoreError, TradingLog};

/// Events read at a time when an account is loaded.
const PAGE: u32 = 1_000;

/// An account's state: its snapshot and the log's tail, or all of the log where the snapshot is none or does not belong
/// to it.
pub(super) async fn load_account(log: &dyn TradingLog, account: AccountId) -> Result<LiveAccount, ExecuteError> {
    let resumed = match log.snapshot(account).await {
        Ok(None) => None,
        Ok(Some(snapshot)) => Some(resume(log, account, snapshot).await),
        Err(error) => Some(Err(error.into())),
    };
    match resumed {
        // A snapshot only saves reading: one that is wrong costs no more than that.
        Some(Err(ExecuteError::Store(StoreError::Corrupt(why)))) => {
            tracing::warn!(%account, why, "a snapshot is passed over; the log is read from its start");
        }
        Some(outcome) => return outcome,
        None => {}
    }
    follow_log(log, LiveAccount::unopened(account)).await
}

/// Goes on from a snapshot, once the log is seen to hold the event that it includes last.
async fn resume(log: &dyn TradingLog, account: AccountId, snapshot: Snapshot) -> Result<LiveAccount, ExecuteError> {
    let mut live = LiveAccount::from_snapshot(snapshot);
    let head = live.head();
    let page = log.events(account, head.seq.saturating_sub(1), PAGE).await?;
    let belongs = live.account().id() == account
        && page.first().is_some_and(|record| record.seq == head.seq && record.hash == head.hash);
    if !belongs {
        return Err(StoreError::Corrupt(format!("the snapshot at event {} is not of this log", head.seq)).into());
    }
    for record in page.iter().skip(1) {
        live.follow(record).map_err(damaged)?;
    }
    if is_full(page.len()) { follow_log(log, live).await } else { Ok(live) }
}

/// Follows the log to its end.
pub(super) async fn follow_log(log: &dyn TradingLog, mut live: LiveAccount) -> Result<LiveAccount, ExecuteError> {
    loop {
        let page = log.events(live.account().id(), live.head().seq, PAGE).await?;
        for record in &page {
            live.follow(record).map_err(damaged)?;
        }
        if !is_full(page.len()) {
            return Ok(live);
        }
    }
}

pub(super) fn damaged(error: DamagedLog) -> ExecuteError {
    StoreError::Corrupt(error.to_string()).into()
}

fn is_full(page: usize) -> bool {
    page >= usize::try_from(PAGE).unwrap_or(usize::MAX)
}
