//! A reduce-only order never does more than close what is there, also when others closed it in the meantime.

use velox_testkit::trading::{AccountScenario, price, quantity};
use velox_trading::{EndReason, Fact, OrderStatus, OrderTerms, Side};

use crate::trade::{canceled, desk, limit, report, trade, working};

fn reducing(amount: &str, at: &str) -> OrderTerms {
    OrderTerms { reduce_only: true, ..limit(Side::Sell, amount, at) }
}

/// Sells through a plain order, and gives what follows from its fill.
fn sell(desk: &mut AccountScenario, amount: &str) -> Vec<Fact> {
    let order = working(desk, limit(Side::Sell, amount, "100"));
    AccountScenario::facts(&desk.fill(order, quantity(amount), price("100")))
}

#[test]
fn it_is_cancelled_when_nothing_is_left_to_reduce() {
    let mut desk = desk();
    trade(&mut desk, Side::Buy, "10", "100");
    let profit = working(&mut desk, reducing("10", "120"));
    let facts = sell(&mut desk, "10");
    assert_eq!(facts[1..], [Fact::OrderCancelRequested { order_id: profit }]);
    let facts = report(&mut desk, profit, canceled()).unwrap();
    assert_eq!(facts, [Fact::OrderCanceled { order_id: profit, reason: EndReason::NothingToReduce }]);
}

#[test]
fn what_still_fits_stays_the_oldest_first() {
    let mut desk = desk();
    trade(&mut desk, Side::Buy, "10", "100");
    let first = working(&mut desk, reducing("4", "120"));
    let second = working(&mut desk, reducing("6", "130"));
    assert_eq!(sell(&mut desk, "2")[1..], [Fact::OrderCancelRequested { order_id: second }]);
    assert_eq!(sell(&mut desk, "4").len(), 1, "one of 4 fits what is left of 4");
    assert_eq!(desk.account().open_order(first).unwrap().status, OrderStatus::New);
}

#[test]
fn its_own_fill_leaves_it_its_rest() {
    let mut desk = desk();
    trade(&mut desk, Side::Buy, "10", "100");
    let order = working(&mut desk, reducing("10", "120"));
    let facts = AccountScenario::facts(&desk.fill(order, quantity("4"), price("120")));
    assert_eq!(facts.len(), 1);
    assert_eq!(AccountScenario::facts(&desk.fill(order, quantity("6"), price("120"))).len(), 1);
}

#[test]
fn one_that_no_broker_has_seen_ends_at_once() {
    let mut desk = desk();
    trade(&mut desk, Side::Buy, "10", "100");
    let (order, _) = desk.place(reducing("10", "120"));
    let facts = sell(&mut desk, "1");
    assert_eq!(facts[1..], [Fact::OrderCanceled { order_id: order, reason: EndReason::NothingToReduce }]);
}
