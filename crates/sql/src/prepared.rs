//! [`PreparedAppend`]: a member of a batch as rows, made before the database is asked for anything.

use std::collections::HashSet;

use velox_kernel::{AccountId, Digest, Fence, OrgId};
use velox_trading::{Append, Projection};

use crate::failure::Failure;
use crate::record::Upsert;
use crate::rows::{AccountRecord, BalanceRecord, EventRecord, FillRecord, OrderRecord, PositionRecord, signed};

/// A run of one account's events and the rows that follow, ready to be bound.
#[derive(Clone, Debug)]
pub struct PreparedAppend {
    /// The stream.
    pub account: AccountId,
    /// The tenant.
    pub org: OrgId,
    /// The number of the newest event that the decision knew.
    pub expected_seq: i64,
    /// The number of the newest event afterwards.
    pub seq: i64,
    /// Its hash.
    pub hash: Digest,
    /// The events.
    pub events: Vec<Upsert<EventRecord>>,
    /// The account's own row, where it changed.
    pub account_row: Option<Upsert<AccountRecord>>,
    /// Orders that began or changed.
    pub orders: Vec<Upsert<OrderRecord>>,
    /// Fills that were added.
    pub fills: Vec<Upsert<FillRecord>>,
    /// Positions that changed.
    pub positions: Vec<Upsert<PositionRecord>>,
    /// Ledgers that changed.
    pub balances: Vec<Upsert<BalanceRecord>>,
    /// Whether positions and ledgers that are not named are removed.
    pub reset: bool,
    /// Whether it gives a client order id or a fill's name to two things itself: a conflict wherever it is tried.
    pub repeats_a_name: bool,
    /// The right under which it is written, where it takes one.
    pub fence: Option<Fence>,
    /// How far the topic of that right's shard is worked off with it, where it follows from a record.
    pub position: Option<i64>,
}

impl PreparedAppend {
    /// Whether an order of this append begins with it, so that its client order id must not be there yet.
    #[must_use]
    pub const fn begins(&self, order: &OrderRecord) -> bool {
        order.first_seq > self.expected_seq
    }
}

/// A batch, ready to be bound.
///
/// # Errors
/// As for each append.
pub fn prepare(batch: Vec<Append>) -> Result<Vec<PreparedAppend>, Failure> {
    let mut members = Vec::with_capacity(batch.len());
    for append in batch {
        members.push(append.try_into()?);
    }
    Ok(members)
}

impl TryFrom<Append> for PreparedAppend {
    type Error = Failure;

    fn try_from(append: Append) -> Result<Self, Failure> {
        let Append { account, org, expected_seq, events, projection, fence, position } = append;
        let Projection { account: account_row, orders, fills, positions, balances, reset } = projection;
        let in_order =
            (expected_seq + 1..).zip(&events).all(|(seq, event)| event.seq == seq && event.account == account);
        let Some(newest) = events.last().filter(|_| in_order) else {
            return Err(Failure::Corrupt(format!("an append to {account} must carry the events after {expected_seq}")));
        };
        let named_orders: HashSet<_> = orders.iter().map(|order| order.client_order_id).collect();
        let named_fills: HashSet<_> = fills.iter().map(|fill| fill.fill.id).collect();
        let repeats_a_name = named_orders.len() < orders.len() || named_fills.len() < fills.len();
        Ok(Self {
            account,
            org,
            expected_seq: signed(expected_seq)?,
            seq: signed(newest.seq)?,
            hash: newest.hash,
            account_row: account_row.as_ref().map(|row| AccountRecord::try_from(row).map(Upsert)).transpose()?,
            orders: rows(orders.iter().map(|order| OrderRecord::new(org, order)))?,
            fills: rows(fills.iter().map(|fill| FillRecord::new(org, fill)))?,
            positions: positions.iter().map(|row| Upsert(PositionRecord::new(account, org, row))).collect(),
            balances: balances.iter().map(|row| Upsert(BalanceRecord::new(account, org, row))).collect(),
            events: rows(events.into_iter().map(|event| EventRecord::new(org, event)))?,
            reset,
            repeats_a_name,
            fence,
            position: position.map(signed).transpose()?,
        })
    }
}

/// All rows, in a vector of their number: rows are wide, and collecting results grows by guessing.
fn rows<R>(records: impl ExactSizeIterator<Item = Result<R, Failure>>) -> Result<Vec<Upsert<R>>, Failure> {
    let mut rows = Vec::with_capacity(records.len());
    for record in records {
        rows.push(Upsert(record?));
    }
    Ok(rows)
}
