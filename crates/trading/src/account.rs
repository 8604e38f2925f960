//! [`Account`]: the aggregate. It decides in [`Account::handle`] and changes in [`Account::apply`] alone.

mod apply;
mod close_position;
mod handle;
mod place;
mod replace;
mod report;
mod risk;
mod valuation;

use std::sync::Arc;

use imbl::OrdMap;
use serde::{Deserialize, Serialize};
use velox_kernel::{
    AccountId, ClientOrderId, ConnectionId, Currency, Decimal, Money, OrderId, OrgId, Quantity, StrategyId, Symbol,
    Timestamp,
};

pub use apply::InvalidHistory;
pub use place::Explanation;
pub use risk::Verdict;
pub use valuation::Valuation;

use crate::balance::Balance;
use crate::command::HaltMode;
use crate::limits::RiskLimits;
use crate::order::{Order, Side};
use crate::position::Position;

/// The version of the state's shape; a snapshot of another version is discarded.
pub const STATE_VERSION: u16 = 1;

/// A trading account: one book at one broker, folded from its events.
///
/// Its maps are persistent ones: a clone is cheap, so that a decision can be tried on a copy and a batch of commands
/// decided ahead of its commit can be dropped when the commit fails.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    id: AccountId,
    seq: u64,
    last_time: Timestamp,
    profile: Option<Arc<Profile>>,
    halt: Option<HaltMode>,
    limits: RiskLimits,
    balances: OrdMap<Currency, Balance>,
    positions: OrdMap<Symbol, Position>,
    #[serde(with = "strategy_positions")]
    strategy_positions: OrdMap<(StrategyId, Symbol), Position>,
    /// Shared, because changing one entry of a persistent map clones its neighbours.
    #[serde(with = "open_orders")]
    orders: OrdMap<OrderId, Arc<Order>>,
    client_ids: OrdMap<ClientOrderId, OrderId>,
    exposure: OrdMap<Symbol, Exposure>,
    day: TradingDay,
}

/// What is fixed when an account is opened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Profile {
    /// The tenant.
    pub org: OrgId,
    /// The broker connection.
    pub connection: ConnectionId,
    /// Its name.
    pub name: String,
    /// Whether its money is play money.
    pub paper: bool,
    /// What its cash is in.
    pub currency: Currency,
    /// Exposure it may hold for each unit of equity.
    pub leverage: Decimal,
    /// Whether it may sell what it does not hold.
    pub allow_short: bool,
    /// When it was opened, in market time.
    pub opened_at: Timestamp,
}

/// The open orders of one instrument, summed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exposure {
    /// What the values are in.
    pub currency: Option<Currency>,
    /// Units to buy.
    pub buy_quantity: Quantity,
    /// What they reserve, before what they close.
    pub buy_value: Money,
    /// Units to sell.
    pub sell_quantity: Quantity,
    /// What they reserve, before what they close.
    pub sell_value: Money,
    /// How many orders.
    pub orders: u32,
}

impl Exposure {
    /// The units and the value on one side.
    #[must_use]
    pub const fn side(&self, side: Side) -> (Quantity, Money) {
        match side {
            Side::Buy => (self.buy_quantity, self.buy_value),
            Side::Sell => (self.sell_quantity, self.sell_value),
        }
    }
}

/// What happened in the trading day (UTC, market time), in the account's currency.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TradingDay {
    /// Days since 1970-01-01.
    pub day: i64,
    /// Profit and loss realised, before fees.
    pub realised: Money,
    /// Fees paid.
    pub fees: Money,
    /// Orders accepted.
    pub trades: u32,
}

impl Account {
    /// An account before its first event.
    #[must_use]
    pub fn unopened(id: AccountId) -> Self {
        Self {
            id,
            seq: 0,
            last_time: Timestamp::EPOCH,
            profile: None,
            halt: None,
            limits: RiskLimits::default(),
            balances: OrdMap::new(),
            positions: OrdMap::new(),
            strategy_positions: OrdMap::new(),
            orders: OrdMap::new(),
            client_ids: OrdMap::new(),
            exposure: OrdMap::new(),
            day: TradingDay::default(),
        }
    }

    /// Its id.
    #[must_use]
    pub const fn id(&self) -> AccountId {
        self.id
    }

    /// The number of its newest event; 0 before the first.
    #[must_use]
    pub const fn seq(&self) -> u64 {
        self.seq
    }

    /// The market time of its newest event.
    #[must_use]
    pub const fn last_time(&self) -> Timestamp {
        self.last_time
    }

    /// What was fixed when it was opened; `None` before.
    #[must_use]
    pub fn profile(&self) -> Option<&Profile> {
        self.profile.as_deref()
    }

    /// How far it is halted.
    #[must_use]
    pub const fn halt(&self) -> Option<HaltMode> {
        self.halt
    }

    /// Its limits.
    #[must_use]
    pub const fn limits(&self) -> &RiskLimits {
        &self.limits
    }

    /// Its ledgers, by currency.
    pub fn balances(&self) -> impl Iterator<Item = &Balance> {
        self.balances.values()
    }

    /// The ledger of one currency.
    #[must_use]
    pub fn balance(&self, currency: Currency) -> Option<&Balance> {
        self.balances.get(&currency)
    }

    /// Its positions, by symbol; flat ones that once were held included.
    pub fn positions(&self) -> impl Iterator<Item = &Position> {
        self.positions.values()
    }

    /// The position in one instrument.
    #[must_use]
    pub fn position(&self, symbol: Symbol) -> Option<&Position> {
        self.positions.get(&symbol)
    }

    /// Its positions by strategy.
    pub fn strategy_positions(&self) -> impl Iterator<Item = (StrategyId, &Position)> {
        self.strategy_positions.iter().map(|((strategy, _), position)| (*strategy, position))
    }

    /// The position of one strategy in one instrument.
    #[must_use]
    pub fn strategy_position(&self, strategy: StrategyId, symbol: Symbol) -> Option<&Position> {
        self.strategy_positions.get(&(strategy, symbol))
    }

    /// Its open orders, oldest id first.
    pub fn open_orders(&self) -> impl Iterator<Item = &Order> {
        self.orders.values().map(Arc::as_ref)
    }

    /// An open order.
    #[must_use]
    pub fn open_order(&self, id: OrderId) -> Option<&Order> {
        self.orders.get(&id).map(Arc::as_ref)
    }

    /// An open order by the client's name for it.
    #[must_use]
    pub fn open_order_by_client_id(&self, id: ClientOrderId) -> Option<&Order> {
        self.holder_of_client_id(id).filter(|order| order.client_order_id == id)
    }

    /// The open order that has taken this client order id, for itself or for the replacement under way.
    pub(crate) fn holder_of_client_id(&self, id: ClientOrderId) -> Option<&Order> {
        self.client_ids.get(&id).and_then(|order| self.open_order(*order))
    }

    /// The open orders of one instrument, summed.
    #[must_use]
    pub fn exposure(&self, symbol: Symbol) -> Exposure {
        self.exposure.get(&symbol).copied().unwrap_or_default()
    }

    /// What happened in the trading day that holds `at`.
    #[must_use]
    pub fn trading_day(&self, at: Timestamp) -> TradingDay {
        let day = at.max(self.last_time).day();
        if day == self.day.day { self.day } else { TradingDay { day, ..TradingDay::default() } }
    }
}

/// The open orders as a list.
mod open_orders {
    use std::sync::Arc;

    use imbl::OrdMap;
    use serde::{Deserialize, Deserializer, Serializer};
    use velox_kernel::OrderId;

    use crate::order::Order;

    pub(super) fn serialize<S: Serializer>(
        map: &OrdMap<OrderId, Arc<Order>>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(map.values().map(Arc::as_ref))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<OrdMap<OrderId, Arc<Order>>, D::Error> {
        let list = Vec::<Order>::deserialize(deserializer)?;
        Ok(list.into_iter().map(|order| (order.id, Arc::new(order))).collect())
    }
}

/// A map keyed by a pair, as a list: JSON has string keys alone.
mod strategy_positions {
    use imbl::OrdMap;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};
    use velox_kernel::{StrategyId, Symbol};

    use crate::position::Position;

    pub(super) fn serialize<S: Serializer>(
        map: &OrdMap<(StrategyId, Symbol), Position>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        let list: Vec<(&StrategyId, &Position)> =
            map.iter().map(|((strategy, _), position)| (strategy, position)).collect();
        list.serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<OrdMap<(StrategyId, Symbol), Position>, D::Error> {
        let list = Vec::<(StrategyId, Position)>::deserialize(deserializer)?;
        Ok(list.into_iter().map(|(strategy, position)| ((strategy, position.symbol), position)).collect())
    }
}
