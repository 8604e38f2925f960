//! Taking a broker's word: doubled, late and reordered reports included.

use super::Account;
use crate::command::{FillReport, Report, ReportKind};
use crate::context::Context;
use crate::event::Fact;
use crate::fill::Fill;
use crate::order::{EndReason, Order, OrderStatus};
use crate::refused::Refused;

impl Account {
    pub(super) fn decide_report(&self, report: &Report, context: &Context<'_>) -> Result<Vec<Fact>, Refused> {
        let closed = context.closed_order.filter(|order| order.id == report.order);
        if let ReportKind::Filled(fill) = &report.kind {
            let order = self.open_order(report.order).or(closed).ok_or(Refused::UnknownOrder)?;
            return filled(order, fill, report, context);
        }
        match (self.open_order(report.order), closed) {
            (Some(order), _) => step(order, &report.kind, context),
            // A report that comes again, or late, about an order that ended: there is nothing to add.
            (None, Some(_)) => Ok(vec![]),
            (None, None) => Err(Refused::UnknownOrder),
        }
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

fn step(order: &Order, report: &ReportKind, context: &Context<'_>) -> Result<Vec<Fact>, Refused> {
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
            vec![Fact::OrderCanceled { order_id, reason: reason(text, EndReason::ByClient) }]
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
