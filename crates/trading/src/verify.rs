//! Checking an account: its log's chain, and that replaying it gives the read tables.

use std::collections::BTreeMap;

use velox_kernel::{AccountId, OrderId};

use crate::live::{DamagedLog, LiveAccount};
use crate::order::Order;
use crate::projection::{AccountRow, PositionRow, Projector, RecordedFill};
use crate::store::{StoreError, TradingLog, TradingQueries};

/// Rows read at a time.
const PAGE: u32 = 1_000;

/// How often an account that changes meanwhile is compared.
const COMPARISONS: u32 = 20;

/// What checking an account found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Findings {
    /// Events read.
    pub events: u64,
    /// Orders compared.
    pub orders: u64,
    /// Fills compared.
    pub fills: u64,
    /// What is wrong, in words; empty when all is well.
    pub faults: Vec<String>,
}

/// Why an account could not be checked to the end.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum VerifyError {
    /// The store could not be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The account changed during every comparison: its log is sound, its read tables were not compared.
    #[error("{0} changes too quickly for its tables to be compared; its log is sound")]
    Busy(AccountId),
}

/// Replays an account's log, checking the hash chain, and compares the read tables with what it gives.
///
/// The rows that the log had given when the tables were read are compared, so that it may run beside a server: rows
/// that changed in between are read again.
///
/// # Errors
/// [`VerifyError`] when the store could not be read, or the account changed during every comparison.
pub async fn verify_account(
    log: &dyn TradingLog,
    queries: &dyn TradingQueries,
    row: &AccountRow,
) -> Result<Findings, VerifyError> {
    let mut replay = Replay::new(row.id);
    for _ in 0..COMPARISONS {
        if let Err(damaged) = replay.catch_up(log).await? {
            return Ok(Findings { faults: vec![damaged.to_string()], ..replay.findings() });
        }
        let before = replay.live.head().seq;
        let faults = replay.compare(queries, row).await?;
        if let Err(damaged) = replay.catch_up(log).await? {
            return Ok(Findings { faults: vec![damaged.to_string()], ..replay.findings() });
        }
        if faults.is_empty() || replay.live.head().seq == before {
            return Ok(Findings { faults, ..replay.findings() });
        }
    }
    Err(VerifyError::Busy(row.id))
}

struct Replay {
    live: LiveAccount,
    orders: BTreeMap<OrderId, Order>,
    fills: Vec<RecordedFill>,
}

impl Replay {
    fn new(account: AccountId) -> Self {
        Self { live: LiveAccount::unopened(account), orders: BTreeMap::new(), fills: Vec::new() }
    }

    fn findings(&self) -> Findings {
        let count = |length: usize| u64::try_from(length).unwrap_or(u64::MAX);
        Findings {
            events: self.live.head().seq,
            orders: count(self.orders.len()),
            fills: count(self.fills.len()),
            faults: Vec::new(),
        }
    }

    async fn catch_up(&mut self, log: &dyn TradingLog) -> Result<Result<(), DamagedLog>, StoreError> {
        loop {
            let page = log.events(self.live.account().id(), self.live.head().seq, PAGE).await?;
            if page.is_empty() {
                return Ok(Ok(()));
            }
            for record in &page {
                let mut projector = Projector::default();
                let closed = record.event().ok().and_then(|event| self.orders.get(&event.fact.order()?).cloned());
                if let Err(damaged) = self.live.follow_with(record, &mut projector, closed.as_ref()) {
                    return Ok(Err(damaged));
                }
                let projection = projector.finish(self.live.account());
                self.orders.extend(projection.orders.into_iter().map(|order| (order.id, order)));
                self.fills.extend(projection.fills);
            }
        }
    }

    async fn compare(&self, queries: &dyn TradingQueries, row: &AccountRow) -> Result<Vec<String>, StoreError> {
        let account = self.live.account();
        let id = account.id();
        let mut faults = Vec::new();
        let stored_row = queries.account(row.org, id).await?;
        if stored_row != AccountRow::of(account) {
            faults.push(format!("{id}: the account's row is not what the log gives"));
        }
        self.compare_orders(queries, &mut faults).await?;
        self.compare_fills(queries, &mut faults).await?;
        let mut positions: Vec<PositionRow> =
            account.positions().map(|position| PositionRow { strategy: None, position: position.clone() }).collect();
        positions.extend(
            account
                .strategy_positions()
                .map(|(strategy, position)| PositionRow { strategy: Some(strategy), position: position.clone() }),
        );
        let key = |row: &PositionRow| (row.strategy, row.position.symbol);
        let mut stored = queries.positions(id).await?;
        positions.sort_by_key(key);
        stored.sort_by_key(key);
        if positions != stored {
            faults.push(format!("{id}: the positions are not what the log gives"));
        }
        let mut balances = queries.balances(id).await?;
        balances.sort_by_key(|balance| balance.currency);
        if !account.balances().eq(balances.iter()) {
            faults.push(format!("{id}: the balances are not what the log gives"));
        }
        Ok(faults)
    }

    async fn compare_orders(&self, queries: &dyn TradingQueries, faults: &mut Vec<String>) -> Result<(), StoreError> {
        let id = self.live.account().id();
        let mut expected = self.orders.values();
        let mut after = None;
        loop {
            let page = queries.orders_of_account(id, after, PAGE).await?;
            after = page.last().map(|order| order.id);
            let ended = page.is_empty();
            for stored in page {
                match expected.next() {
                    Some(order) if *order == stored => {}
                    _ => faults.push(format!("{id}: order {} is not what the log gives", stored.id)),
                }
            }
            if ended || !faults.is_empty() {
                break;
            }
        }
        if faults.is_empty()
            && let Some(missing) = expected.next()
        {
            faults.push(format!("{id}: order {} is missing from the read table", missing.id));
        }
        Ok(())
    }

    async fn compare_fills(&self, queries: &dyn TradingQueries, faults: &mut Vec<String>) -> Result<(), StoreError> {
        let id = self.live.account().id();
        let mut expected = self.fills.iter();
        let mut after = 0;
        loop {
            let page = queries.fills_of_account(id, after, PAGE).await?;
            after = page.last().map_or(after, |recorded| recorded.seq);
            let ended = page.is_empty();
            for stored in page {
                if expected.next() != Some(&stored) {
                    faults.push(format!("{id}: fill {} is not what the log gives", stored.fill.id));
                    return Ok(());
                }
            }
            if ended {
                break;
            }
        }
        if let Some(missing) = expected.next() {
            faults.push(format!("{id}: fill {} is missing from the read table", missing.fill.id));
        }
        Ok(())
    }
}
