use velox_trading::{ReportKind, Side, TimeInForce};

use crate::support::*;

#[test]
fn a_replacement_takes_over_what_is_left_at_the_end_of_the_queue() {
    let mut book = book();
    book.on_tick(&trade(1, "100", "1"));
    let old = order(1, Side::Buy, limit("99"), "2");
    book.place(&old, time(1));
    book.on_tick(&trade(2, "99", "0.5"));
    book.place(&order(2, Side::Buy, limit("98"), "1"), time(2));
    let new = replacement(3, &old, limit("98"), "2");
    let replaced = book.replace(&old, &new, time(3));
    assert_eq!(told(&replaced), ["1 replaced"]);
    assert_eq!(replaced, book.replace(&old, &new, time(3)), "and again");
    let met = book.on_tick(&trade(4, "97", "9"));
    assert_eq!(told(&met), ["2 1 at 98 maker", "3 1.5 at 98 maker"]);
    assert_eq!(told(&book.replace(&old, &new, time(5))), ["1 replaced"], "though it has filled meanwhile");
}

#[test]
fn a_replacement_that_crosses_takes() {
    let mut book = book();
    book.on_tick(&quote(1, ("99", "1"), ("100", "1")));
    let old = order(1, Side::Buy, limit("99"), "1");
    book.place(&old, time(1));
    let told = told(&book.replace(&old, &replacement(2, &old, limit("101"), "1"), time(2)));
    assert_eq!(told, ["1 replaced", "2 1 at 100 taker"]);
}

#[test]
fn a_quantity_that_is_filled_already_ends_the_order() {
    let mut book = book();
    book.on_tick(&trade(1, "100", "1"));
    let old = order(1, Side::Buy, market(), "3");
    book.place(&old, time(1));
    assert_eq!(told(&book.replace(&old, &replacement(2, &old, market(), "1"), time(2))), ["1 canceled"]);
    assert_eq!(book.open_in(symbol()), 0);
}

#[test]
fn what_is_not_open_is_not_replaced() {
    let mut book = book();
    book.on_tick(&trade(1, "100", "1"));
    let old = order(1, Side::Buy, market(), "1");
    let new = replacement(2, &old, market(), "2");
    assert_eq!(told(&book.replace(&old, &new, time(1))), ["1 replace refused"]);
    book.place(&old, time(1));
    assert_eq!(told(&book.replace(&old, &new, time(2))), ["1 replace refused"]);
}

#[test]
fn a_replacement_may_become_a_day_order() {
    let mut book = book();
    let old = order(1, Side::Buy, limit("50"), "1");
    book.place(&old, time(1));
    let mut new = replacement(2, &old, limit("51"), "1");
    new.terms.time_in_force = TimeInForce::Day;
    book.replace(&old, &new, time(2));
    // `time(0)` is noon.
    assert_eq!(told(&book.on_tick(&trade(43_199, "100", "1"))), [""; 0]);
    assert_eq!(told(&book.on_tick(&trade(43_200, "100", "1"))), ["2 expired"]);
}

#[test]
fn the_cancel_of_a_replaced_order_meets_its_replacement() {
    let mut book = book();
    book.on_tick(&trade(1, "100", "1"));
    let old = order(1, Side::Buy, limit("99"), "1");
    book.place(&old, time(1));
    let reports = book.replace(&old, &replacement(2, &old, limit("98"), "1"), time(2));
    assert!(
        matches!(&reports[0].kind, ReportKind::Replaced { broker_order_id } if broker_order_id.as_str().starts_with("pb-ord_"))
    );
    assert_eq!(told(&book.cancel(&old, time(3))), ["2 canceled", "1 canceled"]);
    assert_eq!(book.open_in(symbol()), 0);
}
