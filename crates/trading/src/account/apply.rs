//! How an event changes an account: no decision, no clock, no prices.

use std::sync::Arc;

use imbl::OrdMap;
use velox_kernel::{Currency, DecimalError, OrderId, Symbol, Timestamp};

use super::{Account, Exposure, Profile, TradingDay};
use crate::balance::Balance;
use crate::event::{AccountOpened, Event, Fact};
use crate::fill::Fill;
use crate::order::{Order, Side};
use crate::order_fold::{self, OrderFoldError};
use crate::position::Position;

/// An event that no decision of ours could have written at this place in the log: the log is damaged.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidHistory {
    /// The account is not there, or is there already.
    #[error("event {seq}: the account was not open, or was opened twice")]
    Opening {
        /// The event's number.
        seq: u64,
    },
    /// An order that is not open.
    #[error("event {seq}: {order} is not an open order")]
    MissingOrder {
        /// The event's number.
        seq: u64,
        /// The order.
        order: OrderId,
    },
    /// An order's step that its state does not allow.
    #[error("event {seq}: {source}")]
    Order {
        /// The event's number.
        seq: u64,
        /// What is wrong.
        source: OrderFoldError,
    },
    /// Time ran backwards.
    #[error("event {seq}: its time {at} is before the event before it")]
    TimeWentBack {
        /// The event's number.
        seq: u64,
        /// The event's time.
        at: Timestamp,
    },
    /// An amount that does not fit.
    #[error("event {seq}: an amount {source}")]
    Overflow {
        /// The event's number.
        seq: u64,
        /// What is wrong.
        source: DecimalError,
    },
}

impl Account {
    /// Takes an event in. On what [`Account::handle`] returned it never fails: `handle` has tried it.
    ///
    /// # Errors
    /// [`InvalidHistory`] when the event cannot stand here; the account is then half changed and must be dropped.
    pub fn apply(&mut self, event: &Event) -> Result<(), InvalidHistory> {
        let seq = self.seq + 1;
        if event.at < self.last_time {
            return Err(InvalidHistory::TimeWentBack { seq, at: event.at });
        }
        self.seq = seq;
        self.last_time = event.at;
        if self.day.day != event.at.day() {
            self.day = TradingDay { day: event.at.day(), ..TradingDay::default() };
        }
        if self.profile.is_none() != matches!(event.fact, Fact::AccountOpened(_)) {
            return Err(InvalidHistory::Opening { seq });
        }
        self.apply_fact(event).map_err(|problem| problem.at(seq))
    }

    fn apply_fact(&mut self, event: &Event) -> Result<(), Problem> {
        match &event.fact {
            Fact::AccountOpened(opened) => self.open(opened, event.at),
            Fact::CashMoved { currency, amount } => {
                let balance = self.ledger(*currency);
                balance.deposited = balance.deposited.plus(*amount)?;
                balance.cash()?;
                Ok(())
            }
            Fact::LimitsChanged { limits } => {
                self.limits = limits.clone();
                Ok(())
            }
            Fact::AccountHalted { mode, .. } => {
                self.halt = Some(*mode);
                Ok(())
            }
            Fact::AccountResumed => {
                self.halt = None;
                Ok(())
            }
            Fact::AccountReset { cash } => {
                self.balances = OrdMap::new();
                self.positions = OrdMap::new();
                self.strategy_positions = OrdMap::new();
                self.day = TradingDay { day: self.day.day, ..TradingDay::default() };
                if let Some(currency) = self.profile.as_ref().map(|profile| profile.currency) {
                    self.ledger(currency).deposited = *cash;
                }
                Ok(())
            }
            Fact::OrderAccepted(placed) => {
                self.day.trades = self.day.trades.saturating_add(1);
                self.insert_order(order_fold::accepted(self.id, placed, event.at, self.seq))
            }
            Fact::OrderDenied { .. } => Ok(()),
            Fact::OrderReplaced { order_id, by, broker_order_id } => {
                self.step_order(*order_id, event)?;
                self.insert_order(order_fold::replacing(self.id, by, *order_id, *broker_order_id, event.at, self.seq))
            }
            Fact::OrderFilled(fill) => self.fill(fill, event),
            Fact::OrderRouted { order_id, .. }
            | Fact::OrderAcknowledged { order_id, .. }
            | Fact::OrderCancelRequested { order_id }
            | Fact::OrderCancelRejected { order_id, .. }
            | Fact::OrderCanceled { order_id, .. }
            | Fact::OrderExpired { order_id, .. }
            | Fact::OrderRejected { order_id, .. }
            | Fact::OrderReplaceRequested { order_id, .. }
            | Fact::OrderReplaceRejected { order_id, .. }
            | Fact::OrderUnknown { order_id, .. }
            | Fact::OrderMissed { order_id } => self.step_order(*order_id, event),
        }
    }

    fn open(&mut self, opened: &AccountOpened, at: Timestamp) -> Result<(), Problem> {
        let AccountOpened { account: _, org, connection, name, paper, currency, cash, leverage, allow_short, limits } =
            opened;
        self.profile = Some(Arc::new(Profile {
            org: *org,
            connection: *connection,
            name: name.clone(),
            paper: *paper,
            currency: *currency,
            leverage: *leverage,
            allow_short: *allow_short,
            opened_at: at,
        }));
        self.limits = limits.clone();
        self.ledger(*currency).deposited = *cash;
        Ok(())
    }

    fn ledger(&mut self, currency: Currency) -> &mut Balance {
        self.balances.entry(currency).or_insert_with(|| Balance::empty(currency))
    }

    fn insert_order(&mut self, order: Order) -> Result<(), Problem> {
        self.change_exposure(&order, Change::Add)?;
        self.client_ids.insert(order.client_order_id, order.id);
        self.orders.insert(order.id, Arc::new(order));
        Ok(())
    }

    /// Lets an event change an open order; a closed one leaves the state.
    fn step_order(&mut self, id: OrderId, event: &Event) -> Result<(), Problem> {
        let before = self.orders.get(&id).map(Arc::clone).ok_or(Problem::MissingOrder(id))?;
        let mut order = Order::clone(&before);
        order_fold::step(&mut order, event, self.seq)?;
        // Most steps leave what the order reserves as it is.
        if !order.status.is_open() || order.reserved()? != before.reserved()? {
            self.change_exposure(&before, Change::Remove)?;
            self.change_exposure(&order, Change::Add)?;
        }
        if let Some(pending) = &before.pending {
            self.client_ids.remove(&pending.client_order_id);
        }
        if order.status.is_open() {
            if let Some(pending) = &order.pending {
                self.client_ids.insert(pending.client_order_id, id);
            }
            self.orders.insert(id, Arc::new(order));
        } else {
            self.client_ids.remove(&order.client_order_id);
            self.orders.remove(&id);
        }
        Ok(())
    }

    fn fill(&mut self, fill: &Fill, event: &Event) -> Result<(), Problem> {
        // A fill of an order that is closed here moves positions and cash all the same: it happened.
        if self.orders.contains_key(&fill.order) {
            self.step_order(fill.order, event)?;
        }
        let flat = || Position::flat(fill.symbol, fill.currency);
        let (position, realised) = self.positions.get(&fill.symbol).cloned().unwrap_or_else(flat).after(fill)?;
        self.positions.insert(fill.symbol, position);
        if let Some(strategy) = fill.strategy {
            let key = (strategy, fill.symbol);
            let (position, _) = self.strategy_positions.get(&key).cloned().unwrap_or_else(flat).after(fill)?;
            self.strategy_positions.insert(key, position);
        }
        let quote = self.ledger(fill.currency);
        quote.realised = quote.realised.plus(realised)?;
        quote.cash()?;
        let paid = self.ledger(fill.fee_currency);
        paid.fees = paid.fees.plus(fill.fee)?;
        paid.cash()?;
        let own = self.profile.as_ref().map(|profile| profile.currency);
        if own == Some(fill.currency) {
            self.day.realised = self.day.realised.plus(realised)?;
        }
        if own == Some(fill.fee_currency) {
            self.day.fees = self.day.fees.plus(fill.fee)?;
        }
        Ok(())
    }

    fn change_exposure(&mut self, order: &Order, change: Change) -> Result<(), DecimalError> {
        if !order.status.is_open() {
            return Ok(());
        }
        let symbol: Symbol = order.terms.symbol;
        let mut exposure = self.exposure.get(&symbol).copied().unwrap_or_default();
        let (quantity, value) = order.reserved()?;
        exposure.currency = Some(order.terms.currency);
        let Exposure { currency: _, buy_quantity, buy_value, sell_quantity, sell_value, orders } = &mut exposure;
        let (side_quantity, side_value) = match order.terms.side {
            Side::Buy => (buy_quantity, buy_value),
            Side::Sell => (sell_quantity, sell_value),
        };
        match change {
            Change::Add => {
                *side_quantity = side_quantity.plus(quantity)?;
                *side_value = side_value.plus(value)?;
                *orders += 1;
            }
            Change::Remove => {
                *side_quantity = side_quantity.minus(quantity)?;
                *side_value = side_value.minus(value)?;
                *orders = orders.saturating_sub(1);
            }
        }
        if exposure.orders == 0 {
            self.exposure.remove(&symbol);
        } else {
            self.exposure.insert(symbol, exposure);
        }
        Ok(())
    }
}

#[derive(Clone, Copy)]
enum Change {
    Add,
    Remove,
}

/// An [`InvalidHistory`] whose place is not known yet.
enum Problem {
    MissingOrder(OrderId),
    Order(OrderFoldError),
    Overflow(DecimalError),
}

impl Problem {
    fn at(self, seq: u64) -> InvalidHistory {
        match self {
            Self::MissingOrder(order) => InvalidHistory::MissingOrder { seq, order },
            Self::Order(source) => InvalidHistory::Order { seq, source },
            Self::Overflow(source) => InvalidHistory::Overflow { seq, source },
        }
    }
}

impl From<DecimalError> for Problem {
    fn from(error: DecimalError) -> Self {
        Self::Overflow(error)
    }
}

impl From<OrderFoldError> for Problem {
    fn from(error: OrderFoldError) -> Self {
        Self::Order(error)
    }
}
