//! Reports doubled, late and out of order.

use velox_testkit::trading::{money, price, quantity, symbol};
use velox_trading::{Command, Fact, OrderStatus, Refused, ReportKind, Side};

use crate::trade::{BTC, acknowledged, canceled, desk, fill_id, limit, report, working};

#[test]
fn a_fill_may_come_before_the_acknowledgement() {
    let mut desk = desk();
    let (order, _) = desk.place(limit(Side::Buy, "2", "100"));
    let early = desk.fill_report(order, fill_id("f"), quantity("1"), price("100"));
    let refused = Refused::IllegalReport { status: OrderStatus::PendingNew };
    assert_eq!(desk.run(early).err(), Some(refused), "nobody fills what nobody was given");
    desk.must(Command::Route { order });
    desk.fill(order, quantity("1"), price("100"));
    assert_eq!(desk.order(order).status, OrderStatus::PartiallyFilled);
    report(&mut desk, order, acknowledged("b1")).unwrap();
    assert_eq!(desk.order(order).status, OrderStatus::PartiallyFilled);
    assert_eq!(report(&mut desk, order, acknowledged("b1")), Ok(vec![]), "again is nothing new");
    desk.fill(order, quantity("1"), price("100"));
    assert_eq!(report(&mut desk, order, acknowledged("b1")), Ok(vec![]), "late is nothing new");
    assert_eq!(report(&mut desk, order, canceled()), Ok(vec![]), "what is filled cannot be cancelled");
    assert_eq!(desk.order(order).average_price(), Some(price("100")));
}

#[test]
fn a_late_fill_beats_a_cancel() {
    let mut desk = desk();
    let order = working(&mut desk, limit(Side::Buy, "2", "100"));
    desk.must(Command::Cancel { order });
    report(&mut desk, order, canceled()).unwrap();
    desk.fill(order, quantity("0.5"), price("100"));
    assert_eq!((desk.order(order).status, desk.order(order).filled), (OrderStatus::Canceled, quantity("0.5")));
    desk.fill(order, quantity("1.5"), price("100"));
    assert_eq!((desk.order(order).status, desk.order(order).end.clone()), (OrderStatus::Filled, None));
    assert_eq!(desk.account().position(symbol(BTC)).unwrap().quantity, quantity("2"));
    assert_eq!(desk.account().exposure(symbol(BTC)).orders, 0);
}

#[test]
fn a_broker_that_fills_too_much_is_believed() {
    let mut desk = desk();
    let order = working(&mut desk, limit(Side::Buy, "1", "100"));
    desk.fill(order, quantity("1.5"), price("100"));
    assert_eq!((desk.order(order).status, desk.order(order).remaining()), (OrderStatus::Filled, quantity("0")));
    assert_eq!(desk.account().position(symbol(BTC)).unwrap().quantity, quantity("1.5"));
}

#[test]
fn a_fill_that_does_not_fit_is_refused_and_changes_nothing() {
    let mut desk = desk();
    let order = working(&mut desk, limit(Side::Buy, "1", "100"));
    let before = desk.account().clone();
    for (amount, at) in [("0", "1"), ("-1", "1"), ("1", "0"), ("9999999999999999", "9999999999999999")] {
        let fill = desk.fill_report(order, fill_id("f"), quantity(amount), price(at));
        assert!(
            matches!(desk.run(fill).err(), Some(Refused::OutOfRange(_) | Refused::Overflow(_))),
            "{amount} at {at}"
        );
    }
    report(&mut desk, order, canceled()).unwrap();
    let after = desk.account().clone();
    let fill = desk.fill_report(order, fill_id("f"), quantity("9999999999999999"), price("2"));
    assert!(matches!(desk.run(fill).err(), Some(Refused::Overflow(_))), "of a closed order too");
    assert_eq!(desk.account(), &after);
    assert_ne!(desk.account(), &before);
}

#[test]
fn a_refused_cancel_leaves_the_order_as_it_was() {
    let mut desk = desk();
    let order = working(&mut desk, limit(Side::Buy, "2", "100"));
    desk.fill(order, quantity("1"), price("100"));
    desk.must(Command::Cancel { order });
    let no = || ReportKind::CancelRejected { text: "too late".to_owned() };
    let facts = report(&mut desk, order, no()).unwrap();
    assert_eq!(facts, [Fact::OrderCancelRejected { order_id: order, text: "too late".to_owned() }]);
    assert_eq!(desk.order(order).status, OrderStatus::PartiallyFilled);
    assert_eq!(report(&mut desk, order, no()), Ok(vec![]));
}

#[test]
fn fees_are_paid_in_their_own_currency() {
    let mut desk = desk();
    let order = working(&mut desk, limit(Side::Buy, "2", "100"));
    let report = desk.fill_report_with_fee(order, fill_id("f"), quantity("1"), price("100"), money("0.25"));
    let Command::Report(mut foreign) =
        desk.fill_report_with_fee(order, fill_id("g"), quantity("1"), price("100"), money("3"))
    else {
        unreachable!("a report")
    };
    if let ReportKind::Filled(fill) = &mut foreign.kind {
        fill.fee_currency = velox_testkit::trading::currency("BNB");
    }
    desk.must(report);
    desk.must(Command::Report(foreign));
    let cash = |code| desk.account().balance(velox_testkit::trading::currency(code)).unwrap().cash().unwrap();
    assert_eq!((cash("USD"), cash("BNB")), (money("999999.75"), money("-3")));
    assert_eq!(desk.account().position(symbol(BTC)).unwrap().fees, money("0.25"));
}
