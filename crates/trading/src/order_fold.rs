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

/// The order that takes another one's place; with a broker's name it is working already.
#[must_use]
pub fn replacing(
    account: AccountId,
    placed: &OrderPlaced,
    replaced: OrderId,
    broker_order_id: Option<BrokerOrderId>,
    at: Timestamp,
    seq: u64,
) -> Order {
    let mut order = accepted(account, placed, at, seq);
    order.replaces = Some(replaced);
    order.broker_order_id = broker_order_id;
    if broker_order_id.is_some() {
        order.status = OrderStatus::New;
    }
    order
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use std::collections::BTreeSet;

    use velox_kernel::Digest;

    use super::*;
    use crate::order::{OrderKind, OrderTerms, Replacement, Side, TimeInForce};

    fn id(number: u128) -> OrderId {
        OrderId::new(uuid::Uuid::from_u128(number))
    }

    fn placed(number: u128) -> OrderPlaced {
        OrderPlaced {
            order_id: id(number),
            client_order_id: format!("c{number}").parse().unwrap(),
            fingerprint: Digest::ZERO,
            terms: OrderTerms {
                symbol: "BTC-PERP".parse().unwrap(),
                currency: "USD".parse().unwrap(),
                side: Side::Buy,
                kind: OrderKind::Market,
                quantity: "2".parse().unwrap(),
                time_in_force: TimeInForce::Gtc,
                reduce_only: false,
                strategy: None,
                tags: vec![],
            },
            reserve_price: "1".parse().unwrap(),
            accepted_at: Timestamp::EPOCH,
            expires_at: None,
            basis: None,
        }
    }

    fn replacement() -> Box<Replacement> {
        let OrderPlaced { order_id, client_order_id, fingerprint, terms, reserve_price, .. } = placed(2);
        Box::new(Replacement { id: order_id, client_order_id, fingerprint, terms, reserve_price })
    }

    /// An order as it typically is in a status.
    fn order_in(status: OrderStatus) -> Order {
        let mut order = accepted(AccountId::new(uuid::Uuid::nil()), &placed(1), Timestamp::EPOCH, 1);
        order.status = status;
        match status {
            OrderStatus::PartiallyFilled => order.filled = "1".parse().unwrap(),
            OrderStatus::Filled => order.filled = "2".parse().unwrap(),
            OrderStatus::PendingReplace => order.pending = Some(replacement()),
            OrderStatus::Unknown => order.unknown_since = Some(Timestamp::EPOCH),
            _ => {}
        }
        if !matches!(status, OrderStatus::PendingNew | OrderStatus::Routed | OrderStatus::Unknown) {
            order.broker_order_id = Some("b".parse().unwrap());
        }
        order
    }

    fn fill(quantity: &str) -> Fact {
        Fact::OrderFilled(Box::new(Fill {
            id: "f".parse().unwrap(),
            account: AccountId::new(uuid::Uuid::nil()),
            order: id(1),
            symbol: "BTC-PERP".parse().unwrap(),
            currency: "USD".parse().unwrap(),
            side: Side::Buy,
            quantity: quantity.parse().unwrap(),
            price: "1".parse().unwrap(),
            fee: Money::ZERO,
            fee_currency: "USD".parse().unwrap(),
            liquidity: crate::fill::Liquidity::Maker,
            strategy: None,
            caused_by: None,
            at: Timestamp::EPOCH,
        }))
    }

    /// Every fact that can be about an order, with the statuses from which it is allowed and where it leads.
    fn arrows() -> Vec<(Fact, Vec<(OrderStatus, OrderStatus)>)> {
        use OrderStatus as S;
        let order_id = id(1);
        let text = String::new();
        let all = |to: OrderStatus, from: &[S]| from.iter().map(|from| (*from, to)).collect::<Vec<_>>();
        let open =
            [S::PendingNew, S::Routed, S::New, S::PartiallyFilled, S::PendingCancel, S::PendingReplace, S::Unknown];
        let sent = &open[1..];
        let ended = [S::Canceled, S::Expired, S::Rejected, S::Replaced];
        let part = [sent, &ended, &[S::Filled]].concat().into_iter().map(|from| {
            let to = match from {
                S::Routed | S::New | S::Unknown => S::PartiallyFilled,
                S::PartiallyFilled => S::Filled,
                other => other,
            };
            (from, to)
        });
        let cancelable = [S::Routed, S::New, S::PartiallyFilled, S::PendingReplace, S::Unknown];
        vec![
            (fill("1"), part.collect()),
            (fill("2"), all(S::Filled, &[sent, &ended, &[S::Filled]].concat())),
            (Fact::OrderRouted { order_id, routed_at: Timestamp::EPOCH }, all(S::Routed, &[S::PendingNew])),
            (
                Fact::OrderAcknowledged { order_id, broker_order_id: "b".parse().unwrap() },
                vec![
                    (S::Routed, S::New),
                    (S::New, S::New),
                    (S::Unknown, S::New),
                    (S::PartiallyFilled, S::PartiallyFilled),
                    (S::PendingCancel, S::PendingCancel),
                    (S::PendingReplace, S::PendingReplace),
                ],
            ),
            (
                Fact::OrderUnknown { order_id, since: Timestamp::EPOCH },
                [all(S::Unknown, &cancelable), vec![(S::PendingCancel, S::PendingCancel)]].concat(),
            ),
            (Fact::OrderMissed { order_id }, all(S::Unknown, &[S::Unknown])),
            (Fact::OrderCancelRequested { order_id }, all(S::PendingCancel, &cancelable)),
            (Fact::OrderCancelRejected { order_id, text: text.clone() }, all(S::New, &[S::PendingCancel])),
            (
                Fact::OrderReplaceRequested {
                    order_id,
                    replacement: replacement(),
                    basis: crate::denial::Basis::default(),
                },
                all(S::PendingReplace, &[S::New, S::PartiallyFilled]),
            ),
            (Fact::OrderReplaceRejected { order_id, text }, all(S::New, &[S::PendingReplace])),
            (
                Fact::OrderReplaced { order_id, by: Box::new(placed(2)), broker_order_id: None },
                all(S::Replaced, &[S::PendingNew, S::PendingReplace]),
            ),
            (Fact::OrderCanceled { order_id, reason: EndReason::ByClient }, all(S::Canceled, &open)),
            (Fact::OrderExpired { order_id, reason: EndReason::TimeInForce }, all(S::Expired, &open)),
            (Fact::OrderRejected { order_id, reason: EndReason::NotFoundAtBroker }, all(S::Rejected, &open)),
        ]
    }

    #[test]
    fn every_fact_in_every_status_goes_where_the_table_says_or_nowhere() {
        for (fact, allowed) in arrows() {
            let event = Event { at: Timestamp::from_seconds(9), fact };
            for from in OrderStatus::ALL {
                let before = order_in(from);
                let mut order = before.clone();
                let to = step(&mut order, &event, 7).map(|()| order.status);
                match allowed.iter().find(|(start, _)| *start == from) {
                    Some((_, end)) => {
                        assert_eq!(to, Ok(*end), "{} in {from:?}", event.fact.kind());
                        assert_eq!((order.updated_at, order.last_seq), (event.at, 7));
                    }
                    None => {
                        let event = event.fact.kind();
                        assert_eq!(to, Err(OrderFoldError::IllegalStep { order: id(1), from, event }));
                        assert_eq!(order, before, "a step that is not allowed changes nothing");
                    }
                }
            }
        }
    }

    #[test]
    fn the_table_has_every_fact_that_changes_an_order() {
        let kinds: BTreeSet<&str> = arrows().iter().map(|(fact, _)| fact.kind()).collect();
        assert_eq!(kinds.len(), 13);
        for fact in [Fact::OrderAccepted(Box::new(placed(1))), Fact::AccountResumed] {
            let mut order = order_in(OrderStatus::New);
            assert!(step(&mut order, &Event { at: Timestamp::EPOCH, fact }, 2).is_err());
        }
    }

    #[test]
    fn a_late_fill_takes_the_reason_of_the_end_away_only_when_it_completes_the_order() {
        let mut order = order_in(OrderStatus::New);
        let at = Timestamp::EPOCH;
        let canceled = Fact::OrderCanceled { order_id: id(1), reason: EndReason::ByClient };
        step(&mut order, &Event { at, fact: canceled }, 2).unwrap();
        step(&mut order, &Event { at, fact: fill("1") }, 3).unwrap();
        assert_eq!((order.status, order.end.clone()), (OrderStatus::Canceled, Some(EndReason::ByClient)));
        step(&mut order, &Event { at, fact: fill("1") }, 4).unwrap();
        assert_eq!((order.status, order.end), (OrderStatus::Filled, None));
    }
}
