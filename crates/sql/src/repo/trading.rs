//! What is read of trading: the log and the read tables.

#[path = "trading/lists.rs"]
mod lists;

use std::collections::HashMap;

use diesel::prelude::{BoolExpressionMethods, ExpressionMethods, OptionalExtension, QueryDsl, SelectableHelper};
use diesel::sql_types::Bool;
use velox_kernel::{AccountId, ClientOrderId, ConnectionId, Cursor, Digest, FillId, OrderId, OrgId, Page, PageRequest};
use velox_trading::{
    AccountRow, Balance, Head, Order, OrderStatus, PositionRow, RecordedEvent, RecordedFill, Snapshot,
};

pub use self::lists::{fills, orders};

use super::{Conn, Db, RunQueryDsl};
use crate::failure::Failure;
use crate::literal::literal;
use crate::record::Upsert;
use crate::rows::{
    AccountRecord, BalanceRecord, EventRecord, FillRecord, OrderRecord, PositionRecord, SnapshotRecord, signed,
    unsigned,
};
use crate::schema::{accounts, balances, events, fills, orders, positions, snapshots, stream_heads};
use crate::types::{Val, vals};

/// The states of the partial index `orders_waiting`, in which an order waits for its broker.
const WAITING: [OrderStatus; 5] = [
    OrderStatus::PendingNew,
    OrderStatus::Routed,
    OrderStatus::PendingCancel,
    OrderStatus::PendingReplace,
    OrderStatus::Unknown,
];
literal! {
    /// The condition of that index, word for word: SQLite takes no other for the same.
    IsWaiting: Bool = "status IN ('pending_new', 'routed', 'pending_cancel', 'pending_replace', 'unknown')"
}

fn all<R, T>(records: Vec<R>) -> Result<Vec<T>, Failure>
where
    T: TryFrom<R, Error = Failure>,
{
    records.into_iter().map(T::try_from).collect()
}

fn one<R, T>(record: Option<R>) -> Result<Option<T>, Failure>
where
    T: TryFrom<R, Error = Failure>,
{
    record.map(T::try_from).transpose()
}

fn rows_of(page: &PageRequest) -> i64 {
    i64::from(page.limit()) + 1
}

/// Up to `limit` events after number `after`.
///
/// # Errors
/// [`Failure`].
pub async fn events(
    conn: &mut Conn,
    account: AccountId,
    after: u64,
    limit: u32,
) -> Result<Vec<RecordedEvent>, Failure> {
    all(event_records(conn, account, after, limit).await?)
}

/// [`events`] as rows.
pub(super) async fn event_records(
    conn: &mut Conn,
    account: AccountId,
    after: u64,
    limit: u32,
) -> Result<Vec<EventRecord>, Failure> {
    let records = events::table
        .filter(events::account_id.eq(Val(account)).and(events::seq.gt(signed(after)?)))
        .order(events::seq.asc())
        .limit(i64::from(limit))
        .select(EventRecord::as_select())
        .load(conn)
        .await?;
    Ok(records)
}

/// For each account, up to `limit` events after the number beside it.
///
/// # Errors
/// [`Failure`].
pub async fn tails(
    conn: &mut Conn,
    after: &[(AccountId, u64)],
    limit: u32,
) -> Result<Vec<Vec<RecordedEvent>>, Failure> {
    let places: HashMap<AccountId, usize> =
        after.iter().enumerate().map(|(place, (account, _))| (*account, place)).collect();
    let mut tails: Vec<Vec<RecordedEvent>> = after.iter().map(|_| Vec::new()).collect();
    for record in super::event_tails(conn, after, limit).await? {
        if let Some(tail) = places.get(&record.account_id).and_then(|place| tails.get_mut(*place)) {
            tail.push(record.try_into()?);
        }
    }
    Ok(tails)
}

/// All events after number `after`: what a writer has not seen yet.
///
/// # Errors
/// [`Failure`].
pub async fn tail(conn: &mut Conn, account: AccountId, after: u64) -> Result<Vec<RecordedEvent>, Failure> {
    let records = events::table
        .filter(events::account_id.eq(Val(account)).and(events::seq.gt(signed(after)?)))
        .order(events::seq.asc())
        .select(EventRecord::as_select())
        .load(conn)
        .await?;
    all(records)
}

/// The newest event of a stream.
///
/// # Errors
/// [`Failure`].
pub async fn head(conn: &mut Conn, account: AccountId) -> Result<Head, Failure> {
    let head: Option<(i64, Digest)> = stream_heads::table
        .find(Val(account))
        .select((stream_heads::seq, stream_heads::hash))
        .first(conn)
        .await
        .optional()?;
    match head {
        Some((seq, hash)) => Ok(Head { seq: unsigned(seq)?, hash }),
        None => Ok(Head { seq: 0, hash: Digest::ZERO }),
    }
}

/// The newest snapshot of an account, if there is one of the present version.
///
/// # Errors
/// [`Failure`].
pub async fn snapshot(conn: &mut Conn, account: AccountId) -> Result<Option<Snapshot>, Failure> {
    let record: Option<SnapshotRecord> =
        snapshots::table.find(Val(account)).select(SnapshotRecord::as_select()).first(conn).await.optional()?;
    Ok(record.and_then(SnapshotRecord::into_snapshot))
}

/// Keeps a snapshot in place of an older one.
///
/// # Errors
/// [`Failure`].
pub async fn save_snapshot(conn: &mut Conn, snapshot: &Snapshot) -> Result<(), Failure> {
    Upsert(SnapshotRecord::try_from(snapshot)?).execute(conn).await?;
    Ok(())
}

/// The tenant's accounts, oldest id first.
///
/// # Errors
/// [`Failure`].
pub async fn accounts(conn: &mut Conn, org: OrgId, page: &PageRequest) -> Result<Page<AccountRow>, Failure> {
    let mut query =
        accounts::table.filter(accounts::org_id.eq(Val(org))).select(AccountRecord::as_select()).into_boxed::<Db>();
    if let Some(after) = &page.after {
        query = query.filter(accounts::id.gt(Val(after.parse::<AccountId>()?)));
    }
    let records = query.order(accounts::id.asc()).limit(rows_of(page)).load(conn).await?;
    Ok(Page::cut(all(records)?, page, |row: &AccountRow| Cursor::new(row.id)))
}

/// One of the tenant's accounts.
///
/// # Errors
/// [`Failure`].
pub async fn account(conn: &mut Conn, org: OrgId, account: AccountId) -> Result<Option<AccountRow>, Failure> {
    let record: Option<AccountRecord> = accounts::table
        .find(Val(account))
        .filter(accounts::org_id.eq(Val(org)))
        .select(AccountRecord::as_select())
        .first(conn)
        .await
        .optional()?;
    one(record)
}

/// The accounts of a broker connection, oldest id first.
///
/// # Errors
/// [`Failure`].
pub async fn accounts_of_connection(conn: &mut Conn, connection: ConnectionId) -> Result<Vec<AccountRow>, Failure> {
    let records = accounts::table
        .filter(accounts::connection_id.eq(Val(connection)))
        .order(accounts::id.asc())
        .select(AccountRecord::as_select())
        .load(conn)
        .await?;
    all(records)
}

/// Every account, oldest id first, after the given one.
///
/// # Errors
/// [`Failure`].
pub async fn all_accounts(conn: &mut Conn, after: Option<AccountId>, limit: u32) -> Result<Vec<AccountRow>, Failure> {
    let mut query = accounts::table.select(AccountRecord::as_select()).into_boxed::<Db>();
    if let Some(after) = after {
        query = query.filter(accounts::id.gt(Val(after)));
    }
    all(query.order(accounts::id.asc()).limit(i64::from(limit)).load(conn).await?)
}

/// The accounts that trade and whose loss of a trading day is limited, oldest id first, after the given one.
///
/// # Errors
/// [`Failure`].
pub async fn loss_limited_accounts(
    conn: &mut Conn,
    after: Option<AccountId>,
    limit: u32,
) -> Result<Vec<AccountRow>, Failure> {
    let watched = accounts::loss_limited.and(accounts::halt.is_null());
    let mut query = accounts::table.filter(watched).select(AccountRecord::as_select()).into_boxed::<Db>();
    if let Some(after) = after {
        query = query.filter(accounts::id.gt(Val(after)));
    }
    all(query.order(accounts::id.asc()).limit(i64::from(limit)).load(conn).await?)
}

/// One of the tenant's orders.
///
/// # Errors
/// [`Failure`].
pub async fn order(conn: &mut Conn, org: OrgId, order: OrderId) -> Result<Option<Order>, Failure> {
    let record: Option<OrderRecord> = orders::table
        .find(Val(order))
        .filter(orders::org_id.eq(Val(org)))
        .select(OrderRecord::as_select())
        .first(conn)
        .await
        .optional()?;
    one(record)
}

/// An account's order by the client's name for it.
///
/// # Errors
/// [`Failure`].
pub async fn order_by_client_id(
    conn: &mut Conn,
    account: AccountId,
    id: ClientOrderId,
) -> Result<Option<Order>, Failure> {
    let record: Option<OrderRecord> = orders::table
        .filter(orders::account_id.eq(Val(account)).and(orders::client_order_id.eq(Val(id))))
        .select(OrderRecord::as_select())
        .first(conn)
        .await
        .optional()?;
    one(record)
}

/// An account's order.
///
/// # Errors
/// [`Failure`].
pub async fn order_of_account(conn: &mut Conn, account: AccountId, order: OrderId) -> Result<Option<Order>, Failure> {
    let record: Option<OrderRecord> = orders::table
        .find(Val(order))
        .filter(orders::account_id.eq(Val(account)))
        .select(OrderRecord::as_select())
        .first(conn)
        .await
        .optional()?;
    one(record)
}

/// Orders of any tenant in the given states, oldest id first, after the given one.
///
/// # Errors
/// [`Failure`].
pub async fn orders_in(
    conn: &mut Conn,
    statuses: &[OrderStatus],
    after: Option<OrderId>,
    limit: u32,
) -> Result<Vec<Order>, Failure> {
    let mut query =
        orders::table.filter(orders::status.eq_any(vals(statuses))).select(OrderRecord::as_select()).into_boxed::<Db>();
    if statuses.iter().all(|status| WAITING.contains(status)) {
        // Lets the partial index of waiting orders answer.
        query = query.filter(IsWaiting);
    } else if statuses.iter().all(|status| status.is_open()) {
        // Lets the partial index of open orders answer.
        query = query.filter(orders::is_open);
    }
    if let Some(after) = after {
        query = query.filter(orders::id.gt(Val(after)));
    }
    all(query.order(orders::id.asc()).limit(i64::from(limit)).load(conn).await?)
}

/// An account's orders of any state, oldest id first, after the given one.
///
/// # Errors
/// [`Failure`].
pub async fn orders_of_account(
    conn: &mut Conn,
    account: AccountId,
    after: Option<OrderId>,
    limit: u32,
) -> Result<Vec<Order>, Failure> {
    let mut query =
        orders::table.filter(orders::account_id.eq(Val(account))).select(OrderRecord::as_select()).into_boxed::<Db>();
    if let Some(after) = after {
        query = query.filter(orders::id.gt(Val(after)));
    }
    all(query.order(orders::id.asc()).limit(i64::from(limit)).load(conn).await?)
}

/// Whether an account has a fill.
///
/// # Errors
/// [`Failure`].
pub async fn has_fill(conn: &mut Conn, account: AccountId, fill: FillId) -> Result<bool, Failure> {
    let seq: Option<i64> =
        fills::table.find((Val(account), Val(fill))).select(fills::seq).first(conn).await.optional()?;
    Ok(seq.is_some())
}

/// An account's fills by event number, after the given one.
///
/// # Errors
/// [`Failure`].
pub async fn fills_of_account(
    conn: &mut Conn,
    account: AccountId,
    after: u64,
    limit: u32,
) -> Result<Vec<RecordedFill>, Failure> {
    let records = fills::table
        .filter(fills::account_id.eq(Val(account)).and(fills::seq.gt(signed(after)?)))
        .order(fills::seq.asc())
        .limit(i64::from(limit))
        .select(FillRecord::as_select())
        .load(conn)
        .await?;
    all(records)
}

/// An account's positions, its strategies' included, by symbol; the account's own first.
///
/// # Errors
/// [`Failure`].
pub async fn positions(conn: &mut Conn, account: AccountId) -> Result<Vec<PositionRow>, Failure> {
    let records: Vec<PositionRecord> = positions::table
        .filter(positions::account_id.eq(Val(account)))
        .order((positions::symbol.asc(), positions::strategy_id.asc()))
        .select(PositionRecord::as_select())
        .load(conn)
        .await?;
    Ok(records.into_iter().map(PositionRow::from).collect())
}

/// An account's ledgers, by currency.
///
/// # Errors
/// [`Failure`].
pub async fn balances(conn: &mut Conn, account: AccountId) -> Result<Vec<Balance>, Failure> {
    let records: Vec<BalanceRecord> = balances::table
        .filter(balances::account_id.eq(Val(account)))
        .order(balances::currency.asc())
        .select(BalanceRecord::as_select())
        .load(conn)
        .await?;
    Ok(records.into_iter().map(Balance::from).collect())
}
