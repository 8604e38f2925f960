use velox_trading::Side;

use crate::support::*;

#[test]
fn the_last_trade_triggers_a_stop_which_takes_at_once() {
    let mut book = book();
    book.on_tick(&trade(1, "100", "1"));
    book.place(&order(1, Side::Sell, stop("95"), "1"), time(1));
    book.place(&order(2, Side::Buy, stop("105"), "1"), time(1));
    assert_eq!(told(&book.on_tick(&trade(2, "95.5", "9"))), [""; 0]);
    assert_eq!(told(&book.on_tick(&trade(3, "94", "9"))), ["1 triggered", "1 1 at 94 taker"]);
    assert_eq!(told(&book.on_tick(&trade(4, "105", "0.4"))), ["2 triggered", "2 0.4 at 105 taker"]);
    assert_eq!(told(&book.on_tick(&trade(5, "103", "9"))), ["2 0.6 at 103 taker"], "once triggered it takes");
}

#[test]
fn quotes_alone_do_not_trigger_where_trades_are_told() {
    let mut book = book();
    book.on_tick(&trade(1, "100", "1"));
    book.place(&order(1, Side::Sell, stop("95"), "1"), time(1));
    assert_eq!(told(&book.on_tick(&quote(2, ("90", "9"), ("91", "9")))), [""; 0]);
    assert_eq!(told(&book.on_tick(&trade(3, "94", "9"))), ["1 triggered", "1 1 at 90 taker"], "the worse of the two");
}

#[test]
fn in_a_market_of_quotes_the_price_it_would_get_triggers() {
    let mut book = book();
    book.on_tick(&quote(1, ("99", "9"), ("100", "9")));
    book.place(&order(1, Side::Buy, stop("101"), "1"), time(1));
    assert_eq!(told(&book.on_tick(&quote(2, ("100", "9"), ("100.5", "9")))), [""; 0]);
    assert_eq!(told(&book.on_tick(&quote(3, ("100", "9"), ("101.5", "9")))), ["1 triggered", "1 1 at 101.5 taker"]);
}

#[test]
fn a_stop_that_the_market_has_passed_is_triggered_on_arrival() {
    let mut book = book();
    book.on_tick(&trade(1, "100", "1"));
    let placed = book.place(&order(1, Side::Sell, stop("101"), "1"), time(1));
    assert_eq!(told(&placed), ["1 new", "1 triggered", "1 1 at 100 taker"]);
}

#[test]
fn a_stop_limit_becomes_a_limit() {
    let mut book = book();
    book.on_tick(&trade(1, "100", "1"));
    book.place(&order(1, Side::Buy, stop_limit("105", "106"), "1"), time(1));
    assert_eq!(told(&book.on_tick(&trade(2, "104", "9"))), [""; 0], "no limit before its trigger");
    assert_eq!(told(&book.on_tick(&trade(3, "107", "9"))), ["1 triggered"]);
    assert_eq!(told(&book.on_tick(&trade(4, "106.5", "9"))), [""; 0]);
    assert_eq!(told(&book.on_tick(&trade(5, "106", "9"))), ["1 1 at 106 maker"]);
}

#[test]
fn a_stop_limit_within_its_limit_takes_when_triggered() {
    let mut book = book();
    book.on_tick(&trade(1, "100", "1"));
    book.place(&order(1, Side::Sell, stop_limit("95", "90"), "1"), time(1));
    assert_eq!(told(&book.on_tick(&trade(2, "94", "9"))), ["1 triggered", "1 1 at 94 taker"]);
}

#[test]
fn the_nearest_stop_is_triggered_first() {
    let mut book = book();
    book.on_tick(&trade(1, "100", "1"));
    for (number, at) in [(1, "93"), (2, "95"), (3, "80")] {
        book.place(&order(number, Side::Sell, stop(at), "1"), time(1));
    }
    let told = told(&book.on_tick(&trade(2, "90", "1.5")));
    assert_eq!(told, ["2 triggered", "2 1 at 90 taker", "1 triggered", "1 0.5 at 90 taker"]);
}
