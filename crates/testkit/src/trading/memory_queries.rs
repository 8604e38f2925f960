//! [`TradingQueries`] of the [`MemoryTradingStore`].

use std::ops::Bound;

use async_trait::async_trait;
use velox_kernel::{
    AccountId, ClientOrderId, ConnectionId, Cursor, FillId, InvalidCursor, OrderId, OrgId, Page, PageRequest, Timestamp,
};
use velox_trading::{
    AccountRow, Balance, FillFilter, Order, OrderFilter, OrderStatus, PositionRow, RecordedFill, StoreError,
    TradingLists, TradingQueries,
};

use super::memory_store::{MemoryTradingStore, Tables};

/// The sort key of the fills' list: market time, event, account; newest first.
type FillKey = (Timestamp, u64, AccountId);

fn fill_key(recorded: &RecordedFill) -> FillKey {
    (recorded.fill.at, recorded.seq, recorded.fill.account)
}

fn fill_cursor(recorded: &RecordedFill) -> Cursor {
    let (at, seq, account) = fill_key(recorded);
    Cursor::new(format_args!("{}|{seq}|{account}", at.micros()))
}

fn parse_fill_cursor(cursor: &Cursor) -> Result<FillKey, InvalidCursor> {
    let mut parts = cursor.key().split('|');
    let (at, seq, account) = (parts.next(), parts.next(), parts.next());
    match (at.and_then(|t| t.parse().ok()), seq.and_then(|t| t.parse().ok()), account.and_then(|t| t.parse().ok())) {
        (Some(at), Some(seq), Some(account)) if parts.next().is_none() => {
            Ok((Timestamp::from_micros(at), seq, account))
        }
        _ => Err(InvalidCursor),
    }
}

fn wanted(limit: u32) -> usize {
    usize::try_from(limit).unwrap_or(usize::MAX)
}

fn page_and_one(page: &PageRequest) -> usize {
    usize::from(page.limit()) + 1
}

/// What comes after `after` in ascending order.
fn beyond<K: Copy>(after: Option<K>) -> (Bound<K>, Bound<K>) {
    (after.map_or(Bound::Unbounded, Bound::Excluded), Bound::Unbounded)
}

/// Whether `value` passes a filter that lists values; an empty list lets all pass.
fn passes<T: PartialEq>(listed: &[T], value: &T) -> bool {
    listed.is_empty() || listed.contains(value)
}

impl Tables {
    fn order(&self, id: OrderId) -> Option<(OrgId, &Order)> {
        let stream = self.streams.get(self.account_of_order.get(&id)?)?;
        Some((stream.org, stream.rows.orders.get(&id)?))
    }
}

#[async_trait]
impl TradingLists for MemoryTradingStore {
    async fn accounts(&self, org: OrgId, page: &PageRequest) -> Result<Page<AccountRow>, StoreError> {
        let after = page.after.as_ref().map(Cursor::parse::<AccountId>).transpose()?;
        let tables = self.tables.lock();
        let streams = tables.streams.range(beyond(after)).filter(|(_, stream)| stream.org == org);
        let rows = streams.filter_map(|(_, stream)| stream.rows.account.clone()).take(page_and_one(page)).collect();
        Ok(Page::cut(rows, page, |row| Cursor::new(row.id)))
    }

    async fn orders(&self, org: OrgId, filter: &OrderFilter, page: &PageRequest) -> Result<Page<Order>, StoreError> {
        let before = page.after.as_ref().map(Cursor::parse::<OrderId>).transpose()?;
        let OrderFilter { accounts, statuses, symbol, side, strategy } = filter;
        let tables = self.tables.lock();
        let streams = tables.streams.iter().filter(|(id, stream)| stream.org == org && accounts.admits(**id));
        let mut found: Vec<&Order> = streams
            .flat_map(|(_, stream)| stream.rows.orders.values())
            .filter(|order| {
                before.is_none_or(|before| order.id < before)
                    && passes(statuses, &order.status)
                    && symbol.is_none_or(|symbol| order.terms.symbol == symbol)
                    && side.is_none_or(|side| order.terms.side == side)
                    && strategy.is_none_or(|strategy| order.terms.strategy == Some(strategy))
            })
            .collect();
        found.sort_unstable_by_key(|order| std::cmp::Reverse(order.id));
        let rows = found.into_iter().take(page_and_one(page)).cloned().collect();
        Ok(Page::cut(rows, page, |order| Cursor::new(order.id)))
    }

    async fn fills(
        &self,
        org: OrgId,
        filter: &FillFilter,
        page: &PageRequest,
    ) -> Result<Page<RecordedFill>, StoreError> {
        let before = page.after.as_ref().map(parse_fill_cursor).transpose()?;
        let FillFilter { accounts, order, symbol, strategy, from, to } = filter;
        let tables = self.tables.lock();
        let streams = tables.streams.iter().filter(|(id, stream)| stream.org == org && accounts.admits(**id));
        let mut found: Vec<&RecordedFill> = streams
            .flat_map(|(_, stream)| stream.rows.fills.values())
            .filter(|recorded| {
                let fill = &recorded.fill;
                before.is_none_or(|before| fill_key(recorded) < before)
                    && order.is_none_or(|order| fill.order == order)
                    && symbol.is_none_or(|symbol| fill.symbol == symbol)
                    && strategy.is_none_or(|strategy| fill.strategy == Some(strategy))
                    && from.is_none_or(|from| fill.at >= from)
                    && to.is_none_or(|to| fill.at < to)
            })
            .collect();
        found.sort_unstable_by_key(|recorded| std::cmp::Reverse(fill_key(recorded)));
        let rows = found.into_iter().take(page_and_one(page)).cloned().collect();
        Ok(Page::cut(rows, page, fill_cursor))
    }
}

#[async_trait]
impl TradingQueries for MemoryTradingStore {
    async fn account(&self, org: OrgId, account: AccountId) -> Result<Option<AccountRow>, StoreError> {
        let tables = self.tables.lock();
        let stream = tables.streams.get(&account).filter(|stream| stream.org == org);
        Ok(stream.and_then(|stream| stream.rows.account.clone()))
    }

    async fn accounts_of_connection(&self, connection: ConnectionId) -> Result<Vec<AccountRow>, StoreError> {
        let tables = self.tables.lock();
        let rows = tables.streams.values().filter_map(|stream| stream.rows.account.as_ref());
        Ok(rows.filter(|row| row.connection == connection).cloned().collect())
    }

    async fn order(&self, org: OrgId, order: OrderId) -> Result<Option<Order>, StoreError> {
        let tables = self.tables.lock();
        Ok(tables.order(order).filter(|(owner, _)| *owner == org).map(|(_, order)| order.clone()))
    }

    async fn order_by_client_id(&self, account: AccountId, id: ClientOrderId) -> Result<Option<Order>, StoreError> {
        let tables = self.tables.lock();
        let stream = tables.streams.get(&account);
        let order = stream.and_then(|stream| stream.rows.orders.get(&stream.order_of_client_id(id)?));
        Ok(order.cloned())
    }

    async fn order_of_account(&self, account: AccountId, order: OrderId) -> Result<Option<Order>, StoreError> {
        let tables = self.tables.lock();
        Ok(tables.streams.get(&account).and_then(|stream| stream.rows.orders.get(&order)).cloned())
    }

    async fn has_fill(&self, account: AccountId, fill: FillId) -> Result<bool, StoreError> {
        let tables = self.tables.lock();
        Ok(tables.streams.get(&account).is_some_and(|stream| stream.fill_ids.contains(&fill)))
    }

    async fn positions(&self, account: AccountId) -> Result<Vec<PositionRow>, StoreError> {
        let tables = self.tables.lock();
        let stream = tables.streams.get(&account);
        Ok(stream.map_or_else(Vec::new, |stream| stream.rows.positions.values().cloned().collect()))
    }

    async fn balances(&self, account: AccountId) -> Result<Vec<Balance>, StoreError> {
        let tables = self.tables.lock();
        let stream = tables.streams.get(&account);
        Ok(stream.map_or_else(Vec::new, |stream| stream.rows.balances.values().cloned().collect()))
    }

    async fn orders_in(
        &self,
        statuses: &[OrderStatus],
        after: Option<OrderId>,
        limit: u32,
    ) -> Result<Vec<Order>, StoreError> {
        let tables = self.tables.lock();
        // Work is among the open orders; whoever asks for closed ones looks through all.
        let among =
            if statuses.iter().all(|status| status.is_open()) { &tables.open_orders } else { &tables.account_of_order };
        let orders = among.range(beyond(after)).filter_map(|(id, _)| tables.order(*id)).map(|(_, order)| order);
        Ok(orders.filter(|order| statuses.contains(&order.status)).take(wanted(limit)).cloned().collect())
    }

    async fn all_accounts(&self, after: Option<AccountId>, limit: u32) -> Result<Vec<AccountRow>, StoreError> {
        let tables = self.tables.lock();
        let streams = tables.streams.range(beyond(after));
        Ok(streams.filter_map(|(_, stream)| stream.rows.account.clone()).take(wanted(limit)).collect())
    }

    async fn loss_limited_accounts(&self, after: Option<AccountId>, limit: u32) -> Result<Vec<AccountRow>, StoreError> {
        let tables = self.tables.lock();
        let rows = tables.streams.range(beyond(after)).filter_map(|(_, stream)| stream.rows.account.as_ref());
        let watched = rows.filter(|row| row.limits.daily_loss.is_some() && row.halt.is_none());
        Ok(watched.take(wanted(limit)).cloned().collect())
    }

    async fn orders_of_account(
        &self,
        account: AccountId,
        after: Option<OrderId>,
        limit: u32,
    ) -> Result<Vec<Order>, StoreError> {
        let tables = self.tables.lock();
        Ok(tables.streams.get(&account).map_or_else(Vec::new, |stream| {
            stream.rows.orders.range(beyond(after)).take(wanted(limit)).map(|(_, order)| order.clone()).collect()
        }))
    }

    async fn fills_of_account(
        &self,
        account: AccountId,
        after: u64,
        limit: u32,
    ) -> Result<Vec<RecordedFill>, StoreError> {
        let tables = self.tables.lock();
        Ok(tables.streams.get(&account).map_or_else(Vec::new, |stream| {
            stream.rows.fills.range(beyond(Some(after))).take(wanted(limit)).map(|(_, fill)| fill.clone()).collect()
        }))
    }
}
