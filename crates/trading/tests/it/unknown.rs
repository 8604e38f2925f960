//! Orders about which the broker does not answer: a failed query is never evidence.

use std::time::Duration;

use velox_testkit::trading::{AccountScenario, price, quantity};
use velox_trading::{Command, EndReason, Fact, OrderStatus, ReportKind, Side};

use crate::trade::{acknowledged, desk, limit, report};

const SETTLING: Duration = Duration::from_secs(10);

fn not_found() -> ReportKind {
    ReportKind::NotFound { settling: SETTLING, needed: 3 }
}

fn routed() -> (AccountScenario, velox_kernel::OrderId) {
    let mut desk = desk();
    let (order, _) = desk.place(limit(Side::Buy, "2", "90"));
    desk.must(Command::Route { order });
    (desk, order)
}

fn unknown() -> (AccountScenario, velox_kernel::OrderId) {
    let (mut desk, order) = routed();
    report(&mut desk, order, ReportKind::NoAnswer).unwrap();
    assert_eq!(desk.order(order).status, OrderStatus::Unknown);
    (desk, order)
}

#[test]
fn no_answer_proves_nothing() {
    let (mut desk, order) = unknown();
    assert_eq!(report(&mut desk, order, ReportKind::NoAnswer), Ok(vec![]), "again is nothing new");
    desk.advance(SETTLING * 100);
    assert_eq!(report(&mut desk, order, ReportKind::NoAnswer), Ok(vec![]), "however long it lasts");
    assert_eq!(desk.order(order).status, OrderStatus::Unknown);
}

#[test]
fn a_positive_word_finds_it() {
    let (mut desk, order) = unknown();
    let mut twin = desk.clone();
    report(&mut desk, order, acknowledged("b1")).unwrap();
    assert_eq!((desk.order(order).status, desk.order(order).unknown_since), (OrderStatus::New, None));
    twin.fill(order, quantity("1"), price("90"));
    assert_eq!((twin.order(order).status, twin.order(order).unknown_since), (OrderStatus::PartiallyFilled, None));
    assert_eq!(report(&mut twin, order, not_found()), Ok(vec![]), "not found is no evidence against a fill");
}

#[test]
fn it_is_missing_only_after_enough_answers_and_the_settling_time() {
    let (mut desk, order) = unknown();
    for _ in 0..5 {
        let facts = report(&mut desk, order, not_found()).unwrap();
        assert!(matches!(facts[..], [Fact::OrderMissed { .. }]), "the settling time has not passed");
    }
    desk.advance(SETTLING);
    let facts = report(&mut desk, order, not_found()).unwrap();
    assert_eq!(facts, [Fact::OrderRejected { order_id: order, reason: EndReason::NotFoundAtBroker }]);

    let (mut desk, order) = unknown();
    desk.advance(SETTLING);
    for _ in 0..2 {
        let facts = report(&mut desk, order, not_found()).unwrap();
        assert!(matches!(facts[..], [Fact::OrderMissed { .. }]), "not enough answers");
    }
    report(&mut desk, order, not_found()).unwrap();
    assert_eq!(desk.order(order).status, OrderStatus::Rejected);
    // And even then a fill is believed.
    desk.fill(order, quantity("2"), price("90"));
    assert_eq!(desk.order(order).status, OrderStatus::Filled);
}

#[test]
fn not_found_says_nothing_about_an_order_nobody_doubts() {
    let (mut desk, order) = routed();
    assert_eq!(report(&mut desk, order, not_found()), Ok(vec![]));
    report(&mut desk, order, acknowledged("b1")).unwrap();
    desk.advance(SETTLING);
    for _ in 0..5 {
        assert_eq!(report(&mut desk, order, not_found()), Ok(vec![]));
    }
    assert_eq!(desk.order(order).status, OrderStatus::New);
}

#[test]
fn a_cancel_of_an_unknown_order_does_not_lose_the_doubt() {
    let (mut desk, order) = unknown();
    desk.must(Command::Cancel { order });
    assert_eq!(desk.order(order).status, OrderStatus::PendingCancel);
    let mut refused = desk.clone();
    report(&mut refused, order, ReportKind::CancelRejected { text: "no such order".to_owned() }).unwrap();
    assert_eq!(refused.order(order).status, OrderStatus::Unknown, "the refusal is no evidence either");
    for desk in [&mut desk, &mut refused] {
        desk.advance(SETTLING);
        for _ in 0..3 {
            report(desk, order, not_found()).unwrap();
        }
        assert_eq!(desk.order(order).status, OrderStatus::Rejected);
    }
}

#[test]
fn an_answer_that_never_comes_is_noted_beside_a_cancel() {
    let (mut desk, order) = routed();
    desk.must(Command::Cancel { order });
    report(&mut desk, order, ReportKind::NoAnswer).unwrap();
    assert_eq!(desk.order(order).status, OrderStatus::PendingCancel, "the cancel is still wanted");
    assert_eq!(desk.order(order).unknown_since, Some(desk.wall_time));
    desk.advance(SETTLING);
    for _ in 0..3 {
        report(&mut desk, order, not_found()).unwrap();
    }
    assert_eq!(desk.order(order).status, OrderStatus::Rejected);
}
