//! Replacing an order, with fills and cancels on the way.

use velox_testkit::trading::{AccountScenario, money, price, quantity, symbol};
use velox_trading::{Command, Fact, OrderStatus, Refused, ReportKind, Side};

use crate::trade::{BTC, canceled, desk, limit, replace, replaced, report, working};

fn requested(desk: &mut AccountScenario, from: &str, to: &str) -> (velox_kernel::OrderId, velox_kernel::OrderId) {
    let order = working(desk, limit(Side::Buy, from, "90"));
    let before = desk.order(order).clone();
    let command = replace(desk, &before, to);
    desk.must(Command::Replace(command.clone()));
    assert_eq!(desk.order(order).status, OrderStatus::PendingReplace);
    (order, command.replacement)
}

fn open_buys(desk: &AccountScenario) -> (velox_kernel::Quantity, velox_kernel::Money) {
    desk.account().exposure(symbol(BTC)).side(Side::Buy)
}

#[test]
fn an_order_no_broker_has_seen_is_replaced_at_once() {
    let mut desk = desk();
    let (order, _) = desk.place(limit(Side::Buy, "1", "90"));
    let before = desk.order(order).clone();
    let command = replace(&mut desk, &before, "2");
    desk.must(Command::Replace(command.clone()));
    assert_eq!(desk.order(order).status, OrderStatus::Replaced);
    assert_eq!(desk.order(order).replaced_by, Some(command.replacement));
    let next = desk.order(command.replacement);
    assert_eq!((next.status, next.replaces), (OrderStatus::PendingNew, Some(order)));
    assert_eq!(open_buys(&desk), (quantity("2"), money("180")));
}

#[test]
fn both_orders_are_reserved_for_while_the_broker_decides() {
    let mut desk = desk();
    let (order, next) = requested(&mut desk, "1", "3");
    assert_eq!(open_buys(&desk), (quantity("3"), money("270")));
    desk.fill(order, quantity("0.5"), price("90"));
    assert_eq!(desk.order(order).status, OrderStatus::PendingReplace);
    assert_eq!(open_buys(&desk), (quantity("2.5"), money("225")));
    report(&mut desk, order, replaced("b2")).unwrap();
    assert_eq!(desk.order(next).terms.quantity, quantity("2.5"), "what filled is taken off");
    assert_eq!(desk.order(next).status, OrderStatus::New);
    assert_eq!(open_buys(&desk), (quantity("2.5"), money("225")));
    desk.fill(next, quantity("2.5"), price("90"));
    assert_eq!(desk.account().position(symbol(BTC)).unwrap().quantity, quantity("3"));
    assert_eq!(open_buys(&desk), (quantity("0"), money("0")));
}

#[test]
fn a_refused_replacement_leaves_the_order_working() {
    let mut desk = desk();
    let (order, next) = requested(&mut desk, "2", "3");
    desk.fill(order, quantity("1"), price("90"));
    let no = || ReportKind::ReplaceRejected { text: "no".to_owned() };
    report(&mut desk, order, no()).unwrap();
    assert_eq!(desk.order(order).status, OrderStatus::PartiallyFilled);
    assert!(!desk.rows().orders.contains_key(&next));
    assert_eq!(open_buys(&desk), (quantity("1"), money("90")));
    assert_eq!(report(&mut desk, order, no()), Ok(vec![]), "again is nothing new");
}

#[test]
fn fills_on_the_way_may_use_the_new_quantity_up() {
    let mut desk = desk();
    let (order, next) = requested(&mut desk, "3", "1");
    desk.fill(order, quantity("1.5"), price("90"));
    let facts = report(&mut desk, order, replaced("b2")).unwrap();
    assert!(matches!(facts[..], [Fact::OrderCanceled { .. }]), "{facts:?}");
    assert!(!desk.rows().orders.contains_key(&next));
}

#[test]
fn a_late_fill_of_a_replaced_order_counts() {
    let mut desk = desk();
    let (order, next) = requested(&mut desk, "2", "3");
    report(&mut desk, order, replaced("b2")).unwrap();
    desk.fill(order, quantity("1"), price("90"));
    assert_eq!((desk.order(order).status, desk.order(order).filled), (OrderStatus::Replaced, quantity("1")));
    desk.fill(order, quantity("1"), price("90"));
    assert_eq!(desk.order(order).status, OrderStatus::Filled);
    assert_eq!(desk.account().position(symbol(BTC)).unwrap().quantity, quantity("2"));
    assert_eq!(desk.order(next).status, OrderStatus::New);
}

#[test]
fn a_cancel_follows_the_replacement_that_won_against_it() {
    let mut desk = desk();
    let (order, next) = requested(&mut desk, "1", "2");
    desk.must(Command::Cancel { order });
    assert_eq!(desk.order(order).status, OrderStatus::PendingCancel);
    let facts = report(&mut desk, order, replaced("b2")).unwrap();
    assert!(matches!(facts[..], [Fact::OrderReplaced { .. }, Fact::OrderCancelRequested { .. }]), "{facts:?}");
    assert_eq!(desk.order(order).status, OrderStatus::Replaced);
    assert_eq!(desk.order(next).status, OrderStatus::PendingCancel);
    report(&mut desk, next, canceled()).unwrap();
    assert_eq!(desk.account().open_orders().count(), 0);
}

#[test]
fn a_cancel_and_a_replacement_may_each_be_refused_in_either_order() {
    let no_cancel = || ReportKind::CancelRejected { text: "no".to_owned() };
    let no_replace = || ReportKind::ReplaceRejected { text: "no".to_owned() };
    let mut desk = desk();
    let (order, _) = requested(&mut desk, "1", "2");
    desk.must(Command::Cancel { order });
    let mut twin = desk.clone();
    report(&mut desk, order, no_cancel()).unwrap();
    assert_eq!(desk.order(order).status, OrderStatus::PendingReplace);
    report(&mut desk, order, no_replace()).unwrap();
    assert_eq!(desk.order(order).status, OrderStatus::New);
    report(&mut twin, order, no_replace()).unwrap();
    assert_eq!(twin.order(order).status, OrderStatus::PendingCancel);
    report(&mut twin, order, no_cancel()).unwrap();
    assert_eq!(twin.order(order).status, OrderStatus::New);
}

#[test]
fn what_cannot_be_replaced_is_refused() {
    let mut desk = desk();
    let order = working(&mut desk, limit(Side::Buy, "2", "90"));
    desk.fill(order, quantity("1"), price("90"));
    let before = desk.order(order).clone();
    let command = replace(&mut desk, &before, "1");
    assert_eq!(desk.run(Command::Replace(command)).err(), Some(Refused::BelowFilled));
    let mut command = replace(&mut desk, &before, "3");
    command.stop_price = Some(price("80"));
    let refused = Refused::NoSuchField { kind: "limit", field: "stop_price" };
    assert_eq!(desk.run(Command::Replace(command)).err(), Some(refused));
    desk.must(Command::Cancel { order });
    let command = replace(&mut desk, &before, "3");
    let pending = Refused::ChangePending { status: OrderStatus::PendingCancel };
    assert_eq!(desk.run(Command::Replace(command)).err(), Some(pending));
    report(&mut desk, order, canceled()).unwrap();
    let command = replace(&mut desk, &before, "3");
    let closed = Refused::OrderNotOpen { status: OrderStatus::Canceled };
    assert_eq!(desk.run(Command::Replace(command)).err(), Some(closed));
}
