//! [`Working`]: an order in the book, as lean as it can be.

use std::time::Duration;

use velox_kernel::{Currency, OrderId, Price, Quantity, Timestamp};
use velox_trading::{Order, OrderTerms, Replacement, Side, TimeInForce};

use crate::names::says_triggered;

/// What an order waits for; each stage has its own index in the book.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    /// It is on its way, or no price is known yet.
    Arriving,
    /// It takes what there is until it is filled: market orders and stops that were triggered.
    Taking,
    /// It waits for its stop price.
    Stopped,
    /// It rests at its limit.
    Resting,
}

/// Where an order stands in an index: the lowest rank first, within it the oldest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Key {
    /// The price that matters in this stage, in units and with its sign turned where the highest comes first.
    pub(crate) rank: i128,
    placed_at: Timestamp,
    seq: u64,
    /// Whose it is.
    pub(crate) id: OrderId,
}

/// An order in the book.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Working {
    pub(crate) id: OrderId,
    pub(crate) side: Side,
    pub(crate) limit: Option<Price>,
    /// The stop price, until the market reached it.
    pub(crate) stop: Option<Price>,
    pub(crate) time_in_force: TimeInForce,
    pub(crate) quantity: Quantity,
    pub(crate) filled: Quantity,
    pub(crate) currency: Currency,
    /// From when on it may be filled, in market time.
    pub(crate) live_at: Timestamp,
    pub(crate) expires_at: Option<Timestamp>,
    /// Whether it was a stop order that the market has triggered.
    pub(crate) triggered: bool,
    pub(crate) stage: Stage,
    placed_at: Timestamp,
    seq: u64,
}

impl Working {
    /// An order that is handed over now.
    pub(crate) fn placed(order: &Order, now: Timestamp, latency: Duration) -> Self {
        Self {
            id: order.id,
            live_at: now.plus(latency),
            expires_at: order.expires_at,
            placed_at: order.placed_at,
            seq: order.first_seq,
            filled: order.filled,
            ..Self::of(&order.terms, order.id)
        }
    }

    /// An order that was at the broker before the book was rebuilt. One that was acknowledged has arrived: a limit
    /// rests and makes liquidity, whatever the market has done since.
    pub(crate) fn restored(order: &Order, latency: Duration) -> Self {
        let mut working = Self::placed(order, order.placed_at, latency);
        let triggered = order.filled.is_positive() || order.broker_order_id.as_ref().is_some_and(says_triggered);
        if triggered && working.stop.take().is_some() {
            working.triggered = true;
        }
        if order.broker_order_id.is_some() && !working.is_immediate() {
            working.stage = working.stage_on_arrival();
        }
        working
    }

    /// The order that takes another's place now, with what it has left to fill. It stands behind all that was placed
    /// by now: its place in time is the event that asked for it.
    pub(crate) fn replacing(
        order: &Order,
        replacement: &Replacement,
        left: Quantity,
        now: Timestamp,
        latency: Duration,
    ) -> Self {
        let day_end = Timestamp::from_seconds((order.placed_at.max(now).day() + 1) * 86_400);
        Self {
            live_at: now.plus(latency),
            expires_at: (replacement.terms.time_in_force == TimeInForce::Day).then_some(day_end),
            placed_at: now,
            seq: order.last_seq,
            quantity: left,
            ..Self::of(&replacement.terms, replacement.id)
        }
    }

    fn of(terms: &OrderTerms, id: OrderId) -> Self {
        Self {
            id,
            side: terms.side,
            limit: terms.kind.limit_price(),
            stop: terms.kind.stop_price(),
            time_in_force: terms.time_in_force,
            quantity: terms.quantity,
            filled: Quantity::ZERO,
            currency: terms.currency,
            live_at: Timestamp::EPOCH,
            expires_at: None,
            triggered: false,
            stage: Stage::Arriving,
            placed_at: Timestamp::EPOCH,
            seq: 0,
        }
    }

    /// What is left to fill.
    pub(crate) fn left(&self) -> Quantity {
        match self.quantity.minus(self.filled) {
            Ok(left) if left.is_positive() => left,
            _ => Quantity::ZERO,
        }
    }

    /// What it waits for once it has arrived.
    pub(crate) const fn stage_on_arrival(&self) -> Stage {
        match (self.stop, self.limit) {
            (Some(_), _) => Stage::Stopped,
            (None, Some(_)) => Stage::Resting,
            (None, None) => Stage::Taking,
        }
    }

    /// Whether it fills at once or not at all.
    pub(crate) const fn is_immediate(&self) -> bool {
        matches!(self.time_in_force, TimeInForce::Ioc | TimeInForce::Fok)
    }

    /// Its place in the index of its stage.
    pub(crate) fn key(&self) -> Key {
        let units = |price: Option<Price>| price.unwrap_or_default().decimal().units();
        let rank = match (self.stage, self.side) {
            (Stage::Arriving, _) => i128::from(self.live_at.micros()),
            (Stage::Taking, _) => 0,
            // A rising market reaches the lowest buy stop first, and a buyer with the highest limit is served first.
            (Stage::Stopped, Side::Buy) => units(self.stop),
            (Stage::Stopped, Side::Sell) => -units(self.stop),
            (Stage::Resting, Side::Buy) => -units(self.limit),
            (Stage::Resting, Side::Sell) => units(self.limit),
        };
        Key { rank, placed_at: self.placed_at, seq: self.seq, id: self.id }
    }
}
