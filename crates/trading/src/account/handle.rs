//! How an account decides.

use std::collections::BTreeMap;

use velox_kernel::{Decimal, DecimalError, Money, OrderId, Quantity, Symbol};

use super::Account;
use crate::command::{Command, HaltMode, OpenAccount};
use crate::context::Context;
use crate::denial::Basis;
use crate::event::{AccountOpened, Event, Fact};
use crate::limits::RiskLimits;
use crate::order::{EndReason, Order, OrderStatus, Side};
use crate::refused::Refused;

impl Account {
    /// Decides a command: the events that follow from it, or why nothing does.
    ///
    /// The decision depends on the account, the command and the context alone. Every event returned has been applied
    /// to a copy of the account, so that [`Account::apply`] cannot fail on it later.
    ///
    /// # Errors
    /// [`Refused`] when the command changes nothing.
    pub fn handle(&self, command: &Command, context: &Context<'_>) -> Result<Vec<Event>, Refused> {
        self.handle_and_apply(command, context).map(|(events, _)| events)
    }

    /// [`Account::handle`], and the account after the events: the copy that they were tried on.
    ///
    /// # Errors
    /// As [`Account::handle`].
    pub fn handle_and_apply(&self, command: &Command, context: &Context<'_>) -> Result<(Vec<Event>, Self), Refused> {
        if self.profile.is_none() && !matches!(command, Command::Open(_)) {
            return Err(Refused::NotOpen);
        }
        let facts = self.decide(command, context)?;
        let at = context.market_time.max(self.last_time);
        let events: Vec<Event> = facts.into_iter().map(|fact| Event { at, fact }).collect();
        let after = self.try_out(&events)?;
        Ok((events, after))
    }

    fn decide(&self, command: &Command, context: &Context<'_>) -> Result<Vec<Fact>, Refused> {
        match command {
            Command::Open(open) => self.decide_open(open),
            Command::Place(place) => self.decide_place(place, context),
            Command::Replace(replace) => self.decide_replace(replace, context),
            Command::Cancel { order } => self.decide_cancel(*order, context),
            Command::CancelAll { symbol } => Ok(self.decide_cancel_all(*symbol)),
            Command::ClosePosition(close) => self.decide_close_position(close, context),
            Command::Route { order } => self.decide_route(*order, context),
            Command::ExpireUnrouted { order, bound } => {
                let order = self.open_order(*order).ok_or(Refused::NotRoutable)?;
                if order.status != OrderStatus::PendingNew || context.wall_time < order.accepted_at.plus(*bound) {
                    return Err(Refused::NotRoutable);
                }
                Ok(vec![Fact::OrderExpired { order_id: order.id, reason: EndReason::NotRouted }])
            }
            Command::Report(report) => self.decide_report(report, context),
            Command::Halt { mode, reason, cancel_open } => self.decide_halt(*mode, reason, *cancel_open),
            Command::EnforceDailyLoss => self.decide_enforce_daily_loss(context),
            Command::Resume => match self.halt {
                None => Err(Refused::NotHalted),
                Some(HaltMode::Closed) => Err(Refused::Closed),
                Some(HaltMode::ReduceOnly | HaltMode::Halted) => Ok(vec![Fact::AccountResumed]),
            },
            Command::Close => self.decide_close(),
            Command::SetLimits(limits) => {
                check_limits(limits)?;
                Ok(if *limits == self.limits { vec![] } else { vec![Fact::LimitsChanged { limits: limits.clone() }] })
            }
            Command::MoveCash { .. } | Command::Reset { .. } if self.halt == Some(HaltMode::Closed) => {
                Err(Refused::Closed)
            }
            Command::MoveCash { currency, amount } => {
                if amount.is_zero() {
                    return Err(Refused::OutOfRange("the amount must not be zero"));
                }
                if amount.is_negative() && self.free_cash(*currency, context)?.plus(*amount)?.is_negative() {
                    return Err(Refused::InsufficientCash);
                }
                Ok(vec![Fact::CashMoved { currency: *currency, amount: *amount }])
            }
            Command::Reset { cash } => {
                if !self.profile.as_ref().is_some_and(|profile| profile.paper) {
                    return Err(Refused::NotPaper);
                }
                if !self.orders.is_empty() {
                    return Err(Refused::OpenOrders);
                }
                if cash.is_negative() {
                    return Err(Refused::OutOfRange("the cash must not be below zero"));
                }
                Ok(vec![Fact::AccountReset { cash: *cash }])
            }
        }
    }

    /// Applies events to a copy. What cannot be applied must not be written.
    fn try_out(&self, events: &[Event]) -> Result<Self, Refused> {
        let mut trial = self.clone();
        for event in events {
            trial.apply(event).map_err(|invalid| match invalid {
                super::InvalidHistory::Overflow { source, .. } => Refused::Overflow(source),
                super::InvalidHistory::Order {
                    source: crate::order_fold::OrderFoldError::Overflow(source), ..
                } => Refused::Overflow(source),
                super::InvalidHistory::Order {
                    source: crate::order_fold::OrderFoldError::IllegalStep { from, .. },
                    ..
                } => Refused::IllegalReport { status: from },
                super::InvalidHistory::MissingOrder { .. } => Refused::UnknownOrder,
                super::InvalidHistory::Opening { .. } | super::InvalidHistory::TimeWentBack { .. } => Refused::NotOpen,
            })?;
        }
        Ok(trial)
    }

    fn decide_open(&self, open: &OpenAccount) -> Result<Vec<Fact>, Refused> {
        if self.profile.is_some() {
            return Err(Refused::AlreadyOpen);
        }
        let OpenAccount { account, org, connection, name, paper, currency, cash, leverage, allow_short, limits } = open;
        if cash.is_negative() {
            return Err(Refused::OutOfRange("the cash must not be below zero"));
        }
        if *leverage < Decimal::ONE || *leverage > Decimal::from_int(1_000) {
            return Err(Refused::OutOfRange("the leverage must be between 1 and 1000"));
        }
        check_limits(limits)?;
        Ok(vec![Fact::AccountOpened(AccountOpened {
            account: *account,
            org: *org,
            connection: *connection,
            name: name.clone(),
            paper: *paper,
            currency: *currency,
            cash: *cash,
            leverage: *leverage,
            allow_short: *allow_short,
            limits: limits.clone(),
        })])
    }

    /// The open order that a client's command names, or why it cannot be changed.
    pub(super) fn changeable(&self, id: OrderId, context: &Context<'_>) -> Result<&Order, Refused> {
        match (self.open_order(id), context.closed_order) {
            (Some(order), _) => Ok(order),
            (None, Some(closed)) if closed.id == id => Err(Refused::OrderNotOpen { status: closed.status }),
            (None, _) => Err(Refused::UnknownOrder),
        }
    }

    fn decide_cancel(&self, id: OrderId, context: &Context<'_>) -> Result<Vec<Fact>, Refused> {
        Ok(cancel(self.changeable(id, context)?, EndReason::ByClient).into_iter().collect())
    }

    fn decide_cancel_all(&self, symbol: Option<Symbol>) -> Vec<Fact> {
        self.open_orders()
            .filter(|order| symbol.is_none_or(|symbol| order.terms.symbol == symbol))
            .filter_map(|order| cancel(order, EndReason::ByClient))
            .collect()
    }

    fn decide_close(&self) -> Result<Vec<Fact>, Refused> {
        if !self.orders.is_empty() || self.positions().any(|position| !position.quantity.is_zero()) {
            return Err(Refused::OpenOrders);
        }
        Ok(match self.halt {
            Some(HaltMode::Closed) => vec![],
            _ => vec![Fact::AccountHalted { mode: HaltMode::Closed, reason: "closed".to_owned(), basis: None }],
        })
    }

    fn decide_halt(&self, mode: HaltMode, reason: &str, cancel_open: bool) -> Result<Vec<Fact>, Refused> {
        if mode == HaltMode::Closed {
            return Err(Refused::OutOfRange("an account is closed by closing it"));
        }
        if self.halt == Some(HaltMode::Closed) {
            return Err(Refused::Closed);
        }
        let mut facts = Vec::new();
        if self.halt != Some(mode) {
            facts.push(Fact::AccountHalted { mode, reason: reason.to_owned(), basis: None });
        }
        if cancel_open {
            facts.extend(self.decide_cancel_all(None));
        }
        Ok(facts)
    }

    /// An account that is halted already, however far, stays as it is.
    fn decide_enforce_daily_loss(&self, context: &Context<'_>) -> Result<Vec<Fact>, Refused> {
        let mut prices = Vec::new();
        let check = self.daily_loss_at(context.market_time, context.prices, |price| prices.push(price))?;
        if check.passed || self.halt.is_some() {
            return Ok(vec![]);
        }
        let halted = Fact::AccountHalted {
            mode: HaltMode::ReduceOnly,
            reason: "the loss of the trading day has reached its limit".to_owned(),
            basis: Some(Basis { prices, checks: vec![check] }),
        };
        let canceled = self.orders_that_add()?.into_iter().filter_map(|order| cancel(order, EndReason::AccountHalted));
        Ok(std::iter::once(halted).chain(canceled).collect())
    }

    /// The open orders that could open a position or make one larger. Of those that oppose a position the oldest are none
    /// of them, as far as they only make it smaller.
    fn orders_that_add(&self) -> Result<Vec<&Order>, DecimalError> {
        let mut closing: BTreeMap<Symbol, Quantity> = BTreeMap::new();
        let mut adding = Vec::new();
        for order in self.open_orders() {
            let held = self.position(order.terms.symbol).map_or(Quantity::ZERO, |position| position.quantity);
            let opposes = !held.is_zero() && held.is_negative() == (order.terms.side == Side::Buy);
            let before = closing.get(&order.terms.symbol).copied().unwrap_or_default();
            let (quantity, _) = order.reserved()?;
            let with = before.plus(quantity)?;
            if opposes && with <= held.abs() {
                closing.insert(order.terms.symbol, with);
            } else {
                adding.push(order);
            }
        }
        Ok(adding)
    }

    /// The claim. A halted account loses here: what it may not place, it may not route either.
    fn decide_route(&self, id: OrderId, context: &Context<'_>) -> Result<Vec<Fact>, Refused> {
        let order = self.open_order(id).ok_or(Refused::NotRoutable)?;
        if order.status != OrderStatus::PendingNew {
            return Err(Refused::NotRoutable);
        }
        let stopped = match self.halt {
            None => false,
            Some(HaltMode::Halted | HaltMode::Closed) => true,
            Some(HaltMode::ReduceOnly) => !self.reduces(order),
        };
        Ok(vec![if stopped {
            Fact::OrderCanceled { order_id: id, reason: EndReason::AccountHalted }
        } else {
            Fact::OrderRouted { order_id: id, routed_at: context.wall_time }
        }])
    }

    /// Whether an open order can only make the position smaller, whatever its flag says, beside what works already.
    fn reduces(&self, order: &Order) -> bool {
        let (symbol, side) = (order.terms.symbol, order.terms.side);
        let Some(position) = self.position(symbol) else { return false };
        let opposite = position.quantity.is_negative() == (side == Side::Buy);
        let beside = self.open_orders().filter(|other| {
            let works = other.status != OrderStatus::PendingNew;
            works && other.id != order.id && other.terms.symbol == symbol && other.terms.side == side
        });
        let mut closing = order.remaining();
        for other in beside {
            match other.reserved().and_then(|(quantity, _)| closing.plus(quantity)) {
                Ok(sum) => closing = sum,
                Err(_) => return false,
            }
        }
        opposite && closing <= position.quantity.abs()
    }
}

/// What cancelling an open order means where it stands: at once, for this reason, when no broker has seen it.
pub(super) fn cancel(order: &Order, reason: EndReason) -> Option<Fact> {
    match order.status {
        OrderStatus::PendingNew => Some(Fact::OrderCanceled { order_id: order.id, reason }),
        OrderStatus::PendingCancel => None,
        _ => Some(Fact::OrderCancelRequested { order_id: order.id }),
    }
}

fn check_limits(limits: &RiskLimits) -> Result<(), Refused> {
    let RiskLimits {
        max_order_quantity,
        max_order_notional,
        max_position,
        price_collar,
        daily_loss,
        daily_trades: _,
        max_open_orders,
    } = limits;
    let negative = max_order_quantity.is_some_and(velox_kernel::Quantity::is_negative)
        || max_order_notional.is_some_and(Money::is_negative)
        || max_position.is_some_and(velox_kernel::Quantity::is_negative)
        || price_collar.is_some_and(Decimal::is_negative)
        || daily_loss.is_some_and(Money::is_negative);
    if negative {
        return Err(Refused::OutOfRange("a limit must not be below zero"));
    }
    if *max_open_orders == 0 {
        return Err(Refused::OutOfRange("the limit of open orders must be above zero"));
    }
    Ok(())
}
