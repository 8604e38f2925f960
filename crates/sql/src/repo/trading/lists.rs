//! The lists of a tenant's orders and fills.
//!
//! However many rows a tenant has, a page reads little more than it shows: it is put together of lists, each read in the
//! order of an index. Which index that is must not hang on what the database knows of its tables. So a list compares plainly
//! only what its index begins with, and says of what makes it the right one that few rows have it ([`only!`]), though nearly
//! all may. What else is wanted is looked at row by row ([`IsTrue`]).

use diesel::dsl::not;
use diesel::postfix_operator;
use diesel::prelude::{BoolExpressionMethods, ExpressionMethods, QueryDsl, SelectableHelper};
use diesel::sql_types::Bool;
use velox_kernel::{
    AccountId, Cursor, InvalidCursor, OrderId, OrgId, Page, PageRequest, StrategyId, Symbol, Timestamp,
};
use velox_trading::{FillFilter, Order, OrderFilter, OrderStatus, RecordedFill};

use super::super::{Conn, Db, RunQueryDsl};
use super::{all, rows_of};
use crate::failure::Failure;
use crate::literal::literal;
use crate::merged::Merged;
use crate::rows::{FillRecord, OrderRecord};
use crate::schema::{fills, orders};
use crate::types::{Val, vals};

// A condition by which neither database looks for an index.
postfix_operator!(IsTrue, " IS TRUE");

/// The condition of the indexes of a tenant's and an account's open orders, word for word.
const OPEN: &str = "status IN ('pending_new', 'routed', 'new', 'partially_filled', 'pending_cancel', 'pending_replace', \
                    'unknown')";
literal! {
    /// Of an order: not `is_open`, with which PostgreSQL would rather sort everybody's open orders, of which it has an index.
    IsOpen: Bool = OPEN
}

/// The tenant's orders, newest id first.
///
/// # Errors
/// [`Failure`].
pub async fn orders(
    conn: &mut Conn,
    org: OrgId,
    filter: &OrderFilter,
    page: &PageRequest,
) -> Result<Page<Order>, Failure> {
    let OrderFilter { accounts, statuses, symbol, side, strategy } = filter;
    let after = page.after.as_ref().map(Cursor::parse::<OrderId>).transpose()?;
    let wanted = || {
        let of_tenant = orders::org_id.eq(Val(org));
        let mut query = orders::table.select(OrderRecord::as_select()).filter(of_tenant).into_boxed::<Db>();
        if !statuses.is_empty() {
            query = query.filter(IsTrue::new(orders::status.eq_any(vals(statuses))));
        }
        if let Some(symbol) = symbol {
            query = query.filter(IsTrue::new(orders::symbol.eq(Val(*symbol))));
        }
        if let Some(side) = side {
            query = query.filter(IsTrue::new(orders::side.eq(Val(*side))));
        }
        if let Some(strategy) = strategy {
            query = query.filter(IsTrue::new(orders::strategy_id.eq(Some(Val(*strategy)))));
        }
        if let Some(after) = after {
            query = query.filter(orders::id.lt(Val(after)));
        }
        query
    };
    let of_tenant = || wanted().filter(only!(orders::org_id, Val(org)));
    let of_account = |account: &AccountId| wanted().filter(only!(orders::account_id, Val(*account)));
    let open = || of_tenant().filter(IsOpen);
    let closed = || wanted().filter(not(orders::is_open));
    let in_state = |status: &OrderStatus| closed().filter(only!(orders::status, Val(*status)));
    let of_symbol = |symbol: &Symbol| closed().filter(only!(orders::symbol, Val(*symbol)));
    let of_strategy = |strategy: &StrategyId| closed().filter(only!(orders::strategy_id, Some(Val(*strategy))));
    let states = OrderStatus::ALL.iter().filter(|status| statuses.is_empty() || statuses.contains(status));
    let (opened, ended): (Vec<_>, Vec<_>) = states.partition(|status| status.is_open());
    let is_every_end = OrderStatus::ALL.iter().filter(|status| !status.is_open()).eq(ended.iter().copied());
    let closed_lists = match (strategy, symbol) {
        (Some(strategy), _) => Some(vec![of_strategy(strategy)]),
        (None, Some(symbol)) => Some(vec![of_symbol(symbol)]),
        (None, None) if is_every_end => None,
        (None, None) => Some(ended.iter().copied().map(in_state).collect()),
    };
    let lists = match (accounts.named(), closed_lists) {
        ([], _) if ended.is_empty() => vec![open()],
        ([], Some(closed)) if opened.is_empty() => closed,
        ([], Some(closed)) => closed.into_iter().chain([open()]).collect(),
        ([], None) => vec![of_tenant()],
        (named, _) if ended.is_empty() => named.iter().map(|account| of_account(account).filter(IsOpen)).collect(),
        (named, _) => named.iter().map(of_account).collect(),
    };
    let records = Merged { lists, order: "id DESC", limit: rows_of(page) }.load::<OrderRecord>(conn).await?;
    Ok(Page::cut(all(records)?, page, |order: &Order| Cursor::new(order.id)))
}

/// Where a page of fills ended: market time, event, account.
fn fill_cursor(row: &RecordedFill) -> Cursor {
    Cursor::new(format_args!("{}|{}|{}", row.fill.at.micros(), row.seq, row.fill.account))
}

fn read_fill_cursor(cursor: &Cursor) -> Result<(Timestamp, i64, AccountId), InvalidCursor> {
    let mut parts = cursor.key().split('|');
    let mut next = || parts.next().ok_or(InvalidCursor);
    let (at, seq, account) = (next()?, next()?, next()?);
    Ok((
        Timestamp::from_micros(at.parse().map_err(|_| InvalidCursor)?),
        seq.parse().map_err(|_| InvalidCursor)?,
        account.parse().map_err(|_| InvalidCursor)?,
    ))
}

/// The tenant's fills, newest first by market time, then by event.
///
/// # Errors
/// [`Failure`].
pub async fn fills(
    conn: &mut Conn,
    org: OrgId,
    filter: &FillFilter,
    page: &PageRequest,
) -> Result<Page<RecordedFill>, Failure> {
    let FillFilter { accounts, order, symbol, strategy, from, to } = filter;
    let after = page.after.as_ref().map(read_fill_cursor).transpose()?;
    let wanted = || {
        let mut query = fills::table.select(FillRecord::as_select()).into_boxed::<Db>();
        if let Some(symbol) = symbol {
            query = query.filter(IsTrue::new(fills::symbol.eq(Val(*symbol))));
        }
        if let Some(strategy) = strategy {
            query = query.filter(IsTrue::new(fills::strategy_id.eq(Some(Val(*strategy)))));
        }
        if let Some(from) = from {
            query = query.filter(fills::at.ge(Val(*from)));
        }
        if let Some(to) = to {
            query = query.filter(fills::at.lt(Val(*to)));
        }
        if let Some((at, seq, account)) = after {
            let same_event = fills::seq.eq(seq).and(fills::account_id.lt(Val(account)));
            let same_time = fills::at.eq(Val(at)).and(fills::seq.lt(seq).or(same_event));
            query = query.filter(fills::at.le(Val(at))).filter(fills::at.lt(Val(at)).or(same_time));
        }
        query
    };
    let of_tenant = || wanted().filter(fills::org_id.eq(Val(org)));
    let of_symbol = |symbol: &Symbol| of_tenant().filter(only!(fills::symbol, Val(*symbol)));
    let of_strategy = |strategy: &StrategyId| of_tenant().filter(only!(fills::strategy_id, Some(Val(*strategy))));
    let of_account = |account: &AccountId| {
        wanted().filter(IsTrue::new(fills::org_id.eq(Val(org)))).filter(only!(fills::account_id, Val(*account)))
    };
    // So few that they are sorted.
    let of_order = |order: &OrderId| {
        let query =
            wanted().filter(IsTrue::new(fills::org_id.eq(Val(org)))).filter(only!(fills::order_id, Val(*order)));
        match accounts.named() {
            [] => query,
            named => query.filter(IsTrue::new(fills::account_id.eq_any(vals(named)))),
        }
    };
    let lists = match (order, accounts.named(), strategy, symbol) {
        (Some(order), ..) => vec![of_order(order)],
        (None, named @ [_, ..], ..) => named.iter().map(of_account).collect(),
        (None, [], Some(strategy), _) => vec![of_strategy(strategy)],
        (None, [], None, Some(symbol)) => vec![of_symbol(symbol)],
        (None, [], None, None) => vec![of_tenant()],
    };
    let newest_first = "at DESC, seq DESC, account_id DESC";
    let records = Merged { lists, order: newest_first, limit: rows_of(page) }.load::<FillRecord>(conn).await?;
    Ok(Page::cut(all(records)?, page, fill_cursor))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_open_state_is_one_of_the_open_ones() {
        let open = OrderStatus::ALL.iter().filter(|status| status.is_open());
        let words: Vec<_> = open.map(|status| format!("'{}'", status.as_str())).collect();
        assert_eq!(OPEN, format!("status IN ({})", words.join(", ")));
    }
}
