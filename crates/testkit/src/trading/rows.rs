//! [`Rows`]: read rows folded from projections, the plain way.

use std::collections::BTreeMap;

use velox_kernel::{Currency, FillId, OrderId, StrategyId, Symbol};
use velox_trading::{AccountRow, Balance, Order, PositionRow, Projection, RecordedFill};

/// What the read tables hold of one account.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rows {
    /// The account's own row.
    pub account: Option<AccountRow>,
    /// Its orders, by id.
    pub orders: BTreeMap<OrderId, Order>,
    /// Its fills, by event.
    pub fills: BTreeMap<u64, RecordedFill>,
    /// Its positions and its strategies', by symbol.
    pub positions: BTreeMap<(Symbol, Option<StrategyId>), PositionRow>,
    /// Its ledgers.
    pub balances: BTreeMap<Currency, Balance>,
}

impl Rows {
    /// Takes the rows of a run of events in.
    pub fn take(&mut self, projection: &Projection) {
        let Projection { account, orders, fills, positions, balances, reset } = projection;
        if let Some(account) = account {
            self.account = Some(account.clone());
        }
        self.orders.extend(orders.iter().map(|order| (order.id, order.clone())));
        self.fills.extend(fills.iter().map(|fill| (fill.seq, fill.clone())));
        if *reset {
            self.positions.clear();
            self.balances.clear();
        }
        self.positions.extend(positions.iter().map(|row| ((row.position.symbol, row.strategy), row.clone())));
        self.balances.extend(balances.iter().map(|balance| (balance.currency, balance.clone())));
    }

    /// Whether there is a fill of this name.
    #[must_use]
    pub fn has_fill(&self, id: FillId) -> bool {
        self.fills.values().any(|recorded| recorded.fill.id == id)
    }
}
