//! Rebuilding a book from the orders that an account has at the broker.

use velox_trading::{Order, OrderStatus, Report};

use super::{PaperBook, pass};
use crate::ended::Ending;
use crate::working::Working;

impl PaperBook {
    /// Takes an order in that was at the broker before a restart, with what the account knows to have filled. Orders
    /// that are not at the broker, and those that are in the book already, change nothing.
    ///
    /// What comes back is what the account does not know yet: that an order works whose acknowledgement was lost, or
    /// that the rest of an immediate order is cancelled. Nothing is matched: prices missed while down stay missed.
    pub fn restore(&mut self, order: &Order) -> Vec<Report> {
        let at_broker = match order.status {
            OrderStatus::Routed
            | OrderStatus::New
            | OrderStatus::PartiallyFilled
            | OrderStatus::PendingCancel
            | OrderStatus::PendingReplace
            | OrderStatus::Unknown => true,
            OrderStatus::PendingNew
            | OrderStatus::Filled
            | OrderStatus::Canceled
            | OrderStatus::Expired
            | OrderStatus::Rejected
            | OrderStatus::Replaced
            | OrderStatus::Denied => false,
        };
        let at = order.updated_at;
        let (mut pass, symbols) = pass(self.account, &self.config, &mut self.ended, &mut self.symbols, at, at);
        let known = pass.ended.get(order.id).is_some()
            || symbols.get(&order.terms.symbol).is_some_and(|book| book.get(order.id).is_some());
        if !at_broker || known {
            return pass.reports;
        }
        let working = Working::restored(order, pass.config.latency);
        if !working.left().is_positive() {
            return pass.reports;
        }
        let book = symbols.entry(order.terms.symbol).or_default();
        book.insert(working);
        if order.broker_order_id.is_none() || order.status == OrderStatus::Unknown {
            pass.acknowledge(order.id, working.triggered);
        }
        if working.is_immediate() && order.filled.is_positive() {
            book.end(order.id, Ending::Canceled("immediate or cancel: interrupted after a part was filled"), &mut pass);
        }
        pass.reports
    }
}
