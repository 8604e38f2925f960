use velox_broker_paper::{PaperBook, PaperConfig};
use velox_trading::{Side, TimeInForce};

use crate::support::*;

#[test]
fn placing_again_changes_nothing() {
    let mut book = book();
    book.on_tick(&trade(1, "100", "1"));
    let resting = order(1, Side::Buy, limit("99"), "1");
    let first = book.place(&resting, time(1));
    assert_eq!(first, book.place(&resting, time(1)), "acknowledged again under the same name");
    assert_eq!(book.open_in(symbol()), 1);
    assert_eq!(told(&book.on_tick(&trade(2, "98", "9"))), ["1 1 at 99 maker"]);
    assert_eq!(told(&book.place(&resting, time(2))), ["1 new"]);
    assert_eq!(told(&book.on_tick(&trade(3, "98", "9"))), [""; 0], "filled once");

    let killed = with(TimeInForce::Fok, order(2, Side::Buy, market(), "50"));
    assert_eq!(told(&book.place(&killed, time(3))), ["2 new", "2 canceled by the broker"]);
    assert_eq!(told(&book.place(&killed, time(3))), ["2 canceled by the broker"]);
}

#[test]
fn what_ended_long_ago_is_forgotten_within_a_bound() {
    let mut book = book_with(PaperConfig { remembered: 2, ..PaperConfig::default() });
    for number in 1..=3 {
        let gone = order(number, Side::Buy, limit("99"), "1");
        book.place(&gone, time(1));
        book.cancel(&gone, time(1));
    }
    assert_eq!(book.find(order_id(1)), None);
    assert!(book.find(order_id(2)).is_some_and(|order| !order.open));
}

#[test]
fn a_cancel_takes_an_order_out_wherever_it_waits() {
    let mut book = book();
    book.on_tick(&trade(1, "100", "1"));
    let orders = [
        order(1, Side::Buy, limit("99"), "1"),
        order(2, Side::Sell, stop("90"), "1"),
        order(3, Side::Buy, market(), "3"),
        order(4, Side::Sell, stop_limit("90", "80"), "1"),
    ];
    for order in &orders {
        book.place(order, time(1));
    }
    for (order, number) in orders.iter().zip(1..) {
        assert_eq!(told(&book.cancel(order, time(2))), [format!("{number} canceled")]);
        assert_eq!(told(&book.cancel(order, time(2))), [format!("{number} canceled")], "and again");
    }
    assert_eq!(told(&book.on_tick(&trade(3, "50", "99"))), [""; 0]);
    assert_eq!(book.open_orders(), []);
}

#[test]
fn what_is_filled_or_unknown_is_not_cancelled() {
    let mut book = book();
    book.on_tick(&trade(1, "100", "1"));
    let filled = order(1, Side::Buy, market(), "1");
    book.place(&filled, time(1));
    assert_eq!(told(&book.cancel(&filled, time(1))), ["1 cancel refused"]);
    assert_eq!(told(&book.cancel(&order(2, Side::Buy, market(), "1"), time(1))), ["2 cancel refused"]);
}

#[test]
fn a_day_order_ends_before_the_tick_that_ends_its_day() {
    let day = |number| {
        let mut order = with(TimeInForce::Day, order(number, Side::Buy, limit("99"), "1"));
        order.expires_at = Some(time(10));
        order
    };
    let mut book = book();
    book.on_tick(&trade(1, "100", "1"));
    book.place(&day(1), time(1));
    assert_eq!(told(&book.on_tick(&trade(9, "99.5", "1"))), [""; 0]);
    assert_eq!(told(&book.on_tick(&trade(10, "98", "1"))), ["1 expired"]);
    assert_eq!(told(&book.place(&day(2), time(10))), ["2 new", "2 expired"], "it comes too late");
    let mut dear = day(3);
    dear.terms.kind = limit("50");
    book.place(&dear, time(9));
    assert_eq!(told(&book.expire(time(9))), [""; 0]);
    assert_eq!(told(&book.expire(time(10))), ["3 expired"], "in silence too");
}

#[test]
fn an_unknown_symbol_is_rejected() {
    let mut book = PaperBook::new(account(1), PaperConfig::default());
    let stray = order(1, Side::Buy, market(), "1");
    assert_eq!(told(&book.place(&stray, time(1))), ["1 rejected"]);
    assert_eq!(told(&book.place(&stray, time(1))), ["1 rejected"]);
}

#[test]
fn orders_are_found_with_what_they_filled() {
    let mut book = book();
    book.on_tick(&trade(1, "100", "0.4"));
    let placed = order(1, Side::Buy, market(), "1");
    book.place(&placed, time(1));
    let found = book.find(placed.id).unwrap();
    assert_eq!((found.filled, found.open), (quantity("0.4"), true));
    assert_eq!(book.open_orders(), [found]);
    book.on_tick(&trade(2, "100", "1"));
    let found = book.find(placed.id).unwrap();
    assert_eq!((found.filled, found.open), (quantity("1"), false));
    assert_eq!(book.find(order_id(9)), None);
}
