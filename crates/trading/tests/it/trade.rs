//! A desk ready to trade, and short ways to drive it.

use std::sync::Arc;

use velox_kernel::{ClientOrderId, Digest, FillId, OrderId};
use velox_testkit::CountingIds;
use velox_testkit::trading::{AccountScenario, instrument, price, quantity, symbol, terms};
use velox_trading::{
    Append, Command, Fact, OpenAccount, Order, OrderKind, OrderTerms, Refused, ReplaceOrder, ReportKind, RiskLimits,
    RuleCheck, Side,
};

/// The instrument of most tests.
pub(crate) const BTC: &str = "BTC-PERP";

/// An account that is opened after `change`, with BTC-PERP at 100.
pub(crate) fn desk_with(change: impl FnOnce(&mut OpenAccount)) -> AccountScenario {
    let mut desk = AccountScenario::new(Arc::new(CountingIds::default()));
    desk.set_price(symbol(BTC), price("100"));
    let mut opening = desk.opening();
    change(&mut opening);
    desk.must(Command::Open(opening));
    desk
}

/// An account with 1,000,000 USD, leverage 10 and no limits.
pub(crate) fn desk() -> AccountScenario {
    desk_with(|_| ())
}

/// The same with limits.
pub(crate) fn limited(limits: RiskLimits) -> AccountScenario {
    desk_with(|opening| opening.limits = limits)
}

pub(crate) fn limit(side: Side, amount: &str, at: &str) -> OrderTerms {
    terms(symbol(BTC), side, amount, OrderKind::Limit { limit_price: price(at) })
}

pub(crate) fn market(side: Side, amount: &str) -> OrderTerms {
    terms(symbol(BTC), side, amount, OrderKind::Market)
}

/// Places an order and lets the broker work it.
pub(crate) fn working(desk: &mut AccountScenario, terms: OrderTerms) -> OrderId {
    let (order, _) = desk.place(terms);
    desk.work(order);
    order
}

/// Trades at once: a working order that is filled in whole.
pub(crate) fn trade(desk: &mut AccountScenario, side: Side, amount: &str, at: &str) -> OrderId {
    let order = working(desk, limit(side, amount, at));
    desk.fill(order, quantity(amount), price(at));
    order
}

pub(crate) fn report(desk: &mut AccountScenario, order: OrderId, kind: ReportKind) -> Result<Vec<Fact>, Refused> {
    let command = desk.report(order, kind);
    desk.run(command).map(|append| AccountScenario::facts(&append))
}

pub(crate) fn canceled() -> ReportKind {
    ReportKind::Canceled { text: String::new() }
}

pub(crate) fn acknowledged(name: &str) -> ReportKind {
    ReportKind::Acknowledged { broker_order_id: name.parse().unwrap() }
}

pub(crate) fn replaced(name: &str) -> ReportKind {
    ReportKind::Replaced { broker_order_id: name.parse().unwrap() }
}

pub(crate) fn fill_id(name: &str) -> FillId {
    name.parse().unwrap()
}

pub(crate) fn client_id(name: &str) -> ClientOrderId {
    name.parse().unwrap()
}

/// A replace command that changes the quantity.
pub(crate) fn replace(desk: &mut AccountScenario, order: &Order, amount: &str) -> ReplaceOrder {
    ReplaceOrder {
        order: order.id,
        replacement: desk.new_order_id(),
        client_order_id: desk.new_client_order_id(),
        fingerprint: Digest::new([5; 32]),
        quantity: Some(quantity(amount)),
        limit_price: None,
        stop_price: None,
        time_in_force: None,
        rules: instrument(order.terms.symbol),
    }
}

/// The rule that denied the only order of this append, or `None` when it was accepted.
pub(crate) fn denial(append: &Append) -> Option<RuleCheck> {
    match AccountScenario::facts(append).as_slice() {
        [Fact::OrderDenied { denial, .. }] => Some(denial.check),
        [Fact::OrderAccepted(_)] => None,
        facts => unreachable!("no answer to one order: {facts:?}"),
    }
}
