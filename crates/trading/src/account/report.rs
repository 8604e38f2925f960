//! Taking a broker's word: doubled, late and reordered reports included.

use velox_kernel::Quantity;

use super::Account;
use super::handle::cancel;
use crate::command::{FillReport, Report, ReportKind};
use crate::context::Context;
use crate::event::Fact;
use crate::fill::Fill;
use crate::order::{EndReason, Order, OrderStatus, Side};
use crate::refused::Refused;

impl Account {
    pub(super) fn decide_report(&self, report: &Report, context: &Context<'_>) -> Result<Vec<Fact>, Refused> {
        let closed = context.closed_order.filter(|order| order.id == report.order);
        if let ReportKind::Filled(fill) = &report.kind {
            let order = self.open_order(report.order).or(closed).ok_or(Refused::UnknownOrder)?;
            let mut facts = filled(order, fill, report, context)?;
            if let [Fact::OrderFilled(fill)] = facts.as_slice() {
                let ended = self.exceeding_reduce_only(fill)?;
                facts.extend(ended);
            }
            return Ok(facts);
        }
        match (self.open_order(report.order), closed) {
            (Some(order), _) => step(order, &report.kind, self.cancel_reason(order), context),
            // A report that comes again, or late, about an order that ended: there is nothing to add.
            (None, Some(_)) => Ok(vec![]),
            (None, None) => Err(Refused::UnknownOrder),
        }
    }

    /// The cancels of reduce-only orders that could do more than close what a fill leaves of the position. The oldest
    /// that fit stay.
    fn exceeding_reduce_only(&self, fill: &Fill) -> Result<Vec<Fact>, Refused> {
        let held = self.position(fill.symbol).map_or(Quantity::ZERO, |position| position.quantity);
        let held = held.plus(fill.side.signed(fill.quantity))?;
        let closing = if held.is_negative() { Side::Buy } else { Side::Sell };
        let mut closable = held.abs();
        let mut cancels = Vec::new();
        let of_symbol = |order: &&Order| order.terms.reduce_only && order.terms.symbol == fill.symbol;
        for order in self.open_orders().filter(of_symbol) {
            let left = order.remaining();
            let left = if order.id == fill.order { left.minus(fill.quantity)?.max(Quantity::ZERO) } else { left };
            if left.is_zero() {
                continue;
            }
            if order.terms.side == closing && left <= closable {
                closable = closable.minus(left)?;
            } else {
                cancels.extend(cancel(order, EndReason::NothingToReduce));
            }
        }
        Ok(cancels)
    }

    /// Why an order ends that its broker says is cancelled, in no words of its own.
    fn cancel_reason(&self, order: &Order) -> EndReason {
        let held = self.position(order.terms.symbol).map_or(Quantity::ZERO, |position| position.quantity);
        let reduces = held.is_negative() == (order.terms.side == Side::Buy) && order.remaining() <= held.abs();
        if order.terms.reduce_only && !reduces { EndReason::NothingToReduce } else { EndReason::ByClient }
    }
}

fn filled(order: &Order, fill: &FillReport, report: &Report, context: &Context<'_>) -> Result<Vec<Fact>, Refused> {
    if context.known_fill {
        return Ok(vec![]);
    }
    if !fill.quantity.is_positive() || !fill.price.is_positive() {
        return Err(Refused::OutOfRange("a fill's price and quantity must be above zero"));
    }
    if matches!(order.status, OrderStatus::PendingNew | OrderStatus::Denied) {
        return Err(Refused::IllegalReport { status: order.status });
    }
    // A closed order is not in the state: that its sums fit is checked here and not by the trial.
    order.filled.plus(fill.quantity)?;
    order.filled_value.plus(fill.price.value(fill.quantity)?)?;
    Ok(vec![Fact::OrderFilled(Box::new(Fill {
        id: fill.fill,
        account: report.account,
        order: order.id,
        symbol: order.terms.symbol,
        currency: order.terms.currency,
        side: order.terms.side,
        quantity: fill.quantity,
        price: fill.price,
        fee: fill.fee,
        fee_currency: fill.fee_currency,
        liquidity: fill.liquidity,
        strategy: order.terms.strategy,
        caused_by: fill.caused_by,
        at: report.at,
    }))])
}

fn step(order: &Order, report: &ReportKind, canceled: EndReason, context: &Context<'_>) -> Result<Vec<Fact>, Refused> {
    let order_id = order.id;
    if order.status == OrderStatus::PendingNew {
        return Err(Refused::IllegalReport { status: order.status });
    }
    Ok(match report {
        ReportKind::Filled(_) => vec![],
        ReportKind::Acknowledged { broker_order_id } => {
            let news = order.broker_order_id != Some(*broker_order_id) || order.unknown_since.is_some();
            if news { vec![Fact::OrderAcknowledged { order_id, broker_order_id: *broker_order_id }] } else { vec![] }
        }
        ReportKind::Canceled { text } => {
            vec![Fact::OrderCanceled { order_id, reason: reason(text, canceled) }]
        }
        ReportKind::Expired => vec![Fact::OrderExpired { order_id, reason: EndReason::TimeInForce }],
        ReportKind::Rejected { text } => {
            vec![Fact::OrderRejected { order_id, reason: EndReason::ByBroker { text: text.clone() } }]
        }
        ReportKind::CancelRejected { text } if order.status == OrderStatus::PendingCancel => {
            vec![Fact::OrderCancelRejected { order_id, text: text.clone() }]
        }
        ReportKind::ReplaceRejected { text } if order.pending.is_some() => {
            vec![Fact::OrderReplaceRejected { order_id, text: text.clone() }]
        }
        ReportKind::Replaced { broker_order_id } if order.pending.is_some() => {
            return Account::replaced(order, *broker_order_id, context);
        }
        ReportKind::CancelRejected { .. } | ReportKind::ReplaceRejected { .. } | ReportKind::Replaced { .. } => vec![],
        ReportKind::NoAnswer if awaits_first_answer(order) => {
            vec![Fact::OrderUnknown { order_id, since: context.wall_time }]
        }
        ReportKind::NoAnswer => vec![],
        ReportKind::NotFound { settling, needed } => match order.unknown_since {
            Some(since) if order.misses + 1 >= *needed && context.wall_time >= since.plus(*settling) => {
                vec![Fact::OrderRejected { order_id, reason: EndReason::NotFoundAtBroker }]
            }
            Some(_) => vec![Fact::OrderMissed { order_id }],
            // One answer that it is not there is no evidence about an order that was acknowledged.
            None => vec![],
        },
    })
}

/// Whether the broker has never said a word about the order, nor is that known to be in question.
fn awaits_first_answer(order: &Order) -> bool {
    let asked = matches!(order.status, OrderStatus::Routed | OrderStatus::PendingCancel);
    asked && order.broker_order_id.is_none() && order.filled.is_zero() && order.unknown_since.is_none()
}

fn reason(text: &str, usual: EndReason) -> EndReason {
    if text.is_empty() { usual } else { EndReason::ByBroker { text: text.to_owned() } }
}
