//! Putting another order in an open one's place.

use super::Account;
use super::place::expiry;
use crate::command::ReplaceOrder;
use crate::context::Context;
use crate::event::{Fact, OrderPlaced};
use crate::order::{EndReason, Order, OrderKind, OrderStatus, OrderTerms, Replacement};
use crate::refused::Refused;

impl Account {
    pub(super) fn decide_replace(&self, replace: &ReplaceOrder, context: &Context<'_>) -> Result<Vec<Fact>, Refused> {
        self.refuse_taken_id(replace.client_order_id, replace.fingerprint, context)?;
        let order = self.changeable(replace.order, context)?;
        if matches!(
            order.status,
            OrderStatus::PendingCancel | OrderStatus::PendingReplace | OrderStatus::Unknown | OrderStatus::Routed
        ) {
            return Err(Refused::ChangePending { status: order.status });
        }
        let terms = new_terms(order, replace)?;
        // What is judged is what would be left to fill: the filled part is in the position already.
        let open_terms = OrderTerms { quantity: terms.quantity.minus(order.filled)?, ..terms.clone() };
        let verdict = self.check_order(&open_terms, &replace.rules, Some(order), context)?;
        let placed = |terms: OrderTerms, basis| OrderPlaced {
            order_id: replace.replacement,
            client_order_id: replace.client_order_id,
            fingerprint: replace.fingerprint,
            expires_at: expiry(terms.time_in_force, order.placed_at.max(context.market_time)),
            terms,
            reserve_price: verdict.reserve_price,
            accepted_at: context.wall_time,
            basis,
        };
        if let Some(denial) = verdict.denial() {
            return Ok(vec![Fact::OrderDenied { order: Box::new(placed(terms, Some(verdict.basis()))), denial }]);
        }
        if order.status == OrderStatus::PendingNew {
            let by = Box::new(placed(open_terms, Some(verdict.basis())));
            return Ok(vec![Fact::OrderReplaced { order_id: order.id, by, broker_order_id: None }]);
        }
        let replacement = Box::new(Replacement {
            id: replace.replacement,
            client_order_id: replace.client_order_id,
            fingerprint: replace.fingerprint,
            terms,
            reserve_price: verdict.reserve_price,
        });
        Ok(vec![Fact::OrderReplaceRequested { order_id: order.id, replacement, basis: verdict.basis() }])
    }

    /// The replacement is working: what the replaced order filled meanwhile is taken off its quantity.
    pub(super) fn replaced(
        order: &Order,
        broker_order_id: velox_kernel::BrokerOrderId,
        context: &Context<'_>,
    ) -> Result<Vec<Fact>, Refused> {
        let Some(replacement) = order.pending.as_deref() else {
            return Err(Refused::IllegalReport { status: order.status });
        };
        let left = replacement.terms.quantity.minus(order.filled)?;
        if !left.is_positive() {
            // Fills on the way used the new quantity up: nothing is left for a replacement to do.
            return Ok(vec![Fact::OrderCanceled { order_id: order.id, reason: EndReason::ByClient }]);
        }
        let terms = OrderTerms { quantity: left, ..replacement.terms.clone() };
        let by = Box::new(OrderPlaced {
            order_id: replacement.id,
            client_order_id: replacement.client_order_id,
            fingerprint: replacement.fingerprint,
            expires_at: expiry(terms.time_in_force, order.placed_at.max(context.market_time)),
            terms,
            reserve_price: replacement.reserve_price,
            accepted_at: context.wall_time,
            basis: None,
        });
        let mut facts = vec![Fact::OrderReplaced { order_id: order.id, by, broker_order_id: Some(broker_order_id) }];
        if order.status == OrderStatus::PendingCancel {
            // The replacement won against the cancel: what is to be cancelled now is the order that works.
            facts.push(Fact::OrderCancelRequested { order_id: replacement.id });
        }
        Ok(facts)
    }
}

fn new_terms(order: &Order, replace: &ReplaceOrder) -> Result<OrderTerms, Refused> {
    let kind = order.terms.kind;
    let missing = |field| Refused::NoSuchField { kind: kind.as_str(), field };
    let limit = match (replace.limit_price, kind.limit_price()) {
        (Some(_), None) => return Err(missing("limit_price")),
        (new, old) => new.or(old),
    };
    let stop = match (replace.stop_price, kind.stop_price()) {
        (Some(_), None) => return Err(missing("stop_price")),
        (new, old) => new.or(old),
    };
    let kind = match (limit, stop) {
        (None, None) => OrderKind::Market,
        (Some(limit_price), None) => OrderKind::Limit { limit_price },
        (None, Some(stop_price)) => OrderKind::Stop { stop_price },
        (Some(limit_price), Some(stop_price)) => OrderKind::StopLimit { stop_price, limit_price },
    };
    let quantity = replace.quantity.unwrap_or(order.terms.quantity);
    if quantity <= order.filled {
        return Err(Refused::BelowFilled);
    }
    let time_in_force = replace.time_in_force.unwrap_or(order.terms.time_in_force);
    Ok(OrderTerms { kind, quantity, time_in_force, ..order.terms.clone() })
}
