use velox_trading::{Side, TimeInForce};

use crate::support::*;

#[test]
fn immediate_or_cancel_fills_what_there_is() {
    let mut book = book();
    book.on_tick(&quote(1, ("99", "1"), ("100", "0.4")));
    let placed = book.place(&with(TimeInForce::Ioc, order(1, Side::Buy, limit("100"), "1")), time(1));
    assert_eq!(told(&placed), ["1 new", "1 0.4 at 100 taker", "1 canceled by the broker"]);
    let beyond = book.place(&with(TimeInForce::Ioc, order(2, Side::Buy, limit("99.5"), "1")), time(1));
    assert_eq!(told(&beyond), ["2 new", "2 canceled by the broker"]);
    let whole = book.place(&with(TimeInForce::Ioc, order(3, Side::Sell, market(), "1")), time(1));
    assert_eq!(told(&whole), ["3 new", "3 1 at 99 taker"]);
    assert_eq!(book.open_in(symbol()), 0);
}

#[test]
fn fill_or_kill_fills_all_or_nothing() {
    let mut book = book();
    book.on_tick(&quote(1, ("99", "1"), ("100", "0.4")));
    let killed = book.place(&with(TimeInForce::Fok, order(1, Side::Buy, market(), "0.5")), time(1));
    assert_eq!(told(&killed), ["1 new", "1 canceled by the broker"]);
    let filled = book.place(&with(TimeInForce::Fok, order(2, Side::Buy, limit("100"), "0.4")), time(1));
    assert_eq!(told(&filled), ["2 new", "2 0.4 at 100 taker"], "what was killed took nothing");
}

#[test]
fn what_there_is_now_is_the_next_open_where_only_bars_are_told() {
    let mut book = book();
    book.on_tick(&bar(60, ["100", "101", "99", "100", "9"]));
    assert_eq!(told(&book.place(&with(TimeInForce::Ioc, order(1, Side::Buy, limit("99"), "1")), time(60))), ["1 new"]);
    book.place(&with(TimeInForce::Fok, order(2, Side::Buy, limit("101"), "1")), time(60));
    let told = told(&book.on_tick(&bar(120, ["100.5", "101", "90", "100", "9"])));
    assert_eq!(told, ["1 canceled by the broker", "2 1 at 100.5 taker"]);
}

#[test]
fn an_immediate_stop_is_rejected() {
    let mut book = book();
    let placed = book.place(&with(TimeInForce::Fok, order(1, Side::Buy, stop("100"), "1")), time(1));
    assert_eq!(told(&placed), ["1 rejected"]);
}
