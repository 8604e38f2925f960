//! How events change one order: the state machine of an order's life, shared by the aggregate and the read tables.

use velox_kernel::{AccountId, BrokerOrderId, DecimalError, Money, OrderId, Quantity, Timestamp};

use crate::denial::Denial;
use crate::event::{Event, Fact, OrderPlaced};
use crate::fill::Fill;
use crate::order::{EndReason, Order, OrderStatus};

/// A step that an order's state does not allow.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OrderFoldError {
    /// The state machine has no such arrow.
    #[error("{order} cannot go from {} by {event}", .from.as_str())]
    IllegalStep {
        /// The order.
        order: OrderId,
        /// Where it stands.
        from: OrderStatus,
        /// The event's type.
        event: &'static str,
    },
    /// An amount that does not fit.
    #[error("an amount {0}")]
    Overflow(#[from] DecimalError),
}

/// The order that an acceptance begins.
#[must_use]
pub fn accepted(account: AccountId, placed: &OrderPlaced, at: Timestamp, seq: u64) -> Order {
    let OrderPlaced { order_id, client_order_id, fingerprint, terms, reserve_price, accepted_at, expires_at, basis: _ } =
        placed;
    Order {
        id: *order_id,
        account,
        client_order_id: *client_order_id,
        fingerprint: *fingerprint,
        terms: terms.clone(),
        status: OrderStatus::PendingNew,
        filled: Quantity::ZERO,
        filled_value: Money::ZERO,
        reserve_price: *reserve_price,
        broker_order_id: None,
        replaces: None,
        replaced_by: None,
        pending: None,
        denial: None,
        end: None,
        accepted_at: *accepted_at,
        placed_at: at,
        updated_at: at,
        expires_at: *expires_at,
        unknown_since: None,
        misses: 0,
        first_seq: seq,
        last_seq: seq,
    }
}

/// The order that a denial begins and ends.
#[must_use]
pub fn denied(account: AccountId, placed: &OrderPlaced, denial: &Denial, at: Timestamp, seq: u64) -> Order {
    let mut order = accepted(account, placed, at, seq);
    order.status = OrderStatus::Denied;
    order.denial = Some(Box::new(denial.clone()));
    order
}

/// Makes a fresh order the replacement of another one; with a broker's name it is working already.
pub(crate) fn take_place_of(order: &mut Order, replaced: OrderId, broker_order_id: Option<BrokerOrderId>) {
    order.replaces = Some(replaced);
    order.broker_order_id = broker_order_id;
    if broker_order_id.is_some() {
        order.status = OrderStatus::New;
    }
}

/// Lets an event about this order change it.
///
/// # Errors
/// [`OrderFoldError`] when the state machine has no such arrow or an amount does not fit.
pub(crate) fn step(order: &mut Order, event: &Event, seq: u64) -> Result<(), OrderFoldError> {
    use OrderStatus as S;
    let from = order.status;
    let illegal = OrderFoldError::IllegalStep { order: order.id, from, event: event.fact.kind() };
    let allowed = match &event.fact {
        Fact::OrderFilled(_) => !matches!(from, S::PendingNew | S::Denied),
        Fact::OrderRouted { .. } => from == S::PendingNew,
        Fact::OrderAcknowledged { .. } | Fact::OrderUnknown { .. } => from.is_open() && from != S::PendingNew,
        Fact::OrderMissed { .. } => from.is_open() && order.unknown_since.is_some(),
        Fact::OrderCancelRequested { .. } => from.is_open() && !matches!(from, S::PendingNew | S::PendingCancel),
        Fact::OrderCancelRejected { .. } => from == S::PendingCancel,
        Fact::OrderReplaceRequested { .. } => matches!(from, S::New | S::PartiallyFilled),
        Fact::OrderReplaceRejected { .. } => order.pending.is_some(),
        Fact::OrderReplaced { .. } => from == S::PendingNew || order.pending.is_some(),
        Fact::OrderCanceled { .. } | Fact::OrderExpired { .. } | Fact::OrderRejected { .. } => from.is_open(),
        _ => false,
    };
    if !allowed {
        return Err(illegal);
    }
    match &event.fact {
        Fact::OrderFilled(fill) => add_fill(order, fill)?,
        Fact::OrderRouted { .. } => order.status = S::Routed,
        Fact::OrderAcknowledged { broker_order_id, .. } => {
            order.broker_order_id = Some(*broker_order_id);
            found(order);
            if !matches!(from, S::PendingCancel | S::PendingReplace) {
                order.status = order.working_status();
            }
        }
        Fact::OrderUnknown { since, .. } => {
            // A cancel that is wanted stays wanted: the status keeps saying so.
            if from != S::PendingCancel {
                order.status = S::Unknown;
            }
            order.unknown_since = Some(*since);
            order.misses = 0;
        }
        Fact::OrderMissed { .. } => order.misses = order.misses.saturating_add(1),
        // A replacement under way may still win against the cancel.
        Fact::OrderCancelRequested { .. } => order.status = S::PendingCancel,
        Fact::OrderReplaceRequested { replacement, .. } => {
            order.status = S::PendingReplace;
            order.pending = Some(replacement.clone());
        }
        Fact::OrderCancelRejected { .. } => {
            order.status = if order.pending.is_some() { S::PendingReplace } else { order.working_status() };
        }
        Fact::OrderReplaceRejected { .. } => {
            order.pending = None;
            if from == S::PendingReplace {
                order.status = order.working_status();
            }
        }
        Fact::OrderReplaced { by, .. } => {
            order.replaced_by = Some(by.order_id);
            order.pending = None;
            order.status = S::Replaced;
        }
        Fact::OrderCanceled { reason, .. } => end(order, S::Canceled, reason),
        Fact::OrderExpired { reason, .. } => end(order, S::Expired, reason),
        Fact::OrderRejected { reason, .. } => end(order, S::Rejected, reason),
        _ => return Err(illegal),
    }
    order.updated_at = event.at;
    order.last_seq = seq;
    Ok(())
}

fn end(order: &mut Order, status: OrderStatus, reason: &EndReason) {
    order.status = status;
    order.end = Some(reason.clone());
    order.pending = None;
}

/// A positive word from the broker: nothing about the order is unknown any more.
fn found(order: &mut Order) {
    order.unknown_since = None;
    order.misses = 0;
}

fn add_fill(order: &mut Order, fill: &Fill) -> Result<(), OrderFoldError> {
    order.filled = order.filled.plus(fill.quantity)?;
    order.filled_value = order.filled_value.plus(fill.value()?)?;
    found(order);
    if order.filled >= order.terms.quantity {
        // A late fill beats a cancel: what was filled in whole is filled.
        order.status = OrderStatus::Filled;
        order.end = None;
        order.pending = None;
    } else if matches!(order.status, OrderStatus::Routed | OrderStatus::New | OrderStatus::Unknown) {
        order.status = OrderStatus::PartiallyFilled;
    }
    Ok(())
}
