use velox_broker_paper::{LimitFill, PaperConfig};
use velox_trading::Side;

use crate::support::*;

#[test]
fn a_resting_limit_is_met_by_a_trade_that_touches_it() {
    let mut book = book();
    book.on_tick(&trade(1, "100", "1"));
    assert_eq!(told(&book.place(&order(1, Side::Buy, limit("99"), "2"), time(1))), ["1 new"]);
    assert_eq!(told(&book.on_tick(&trade(2, "99.5", "5"))), [""; 0]);
    assert_eq!(told(&book.on_tick(&trade(3, "99", "0.5"))), ["1 0.5 at 99 maker"]);
    assert_eq!(told(&book.on_tick(&trade(4, "97", "5"))), ["1 1.5 at 99 maker"], "no better than it asked for");
    assert_eq!(book.open_in(symbol()), 0);
}

#[test]
fn a_resting_limit_that_stands_last_needs_a_trade_beyond_it() {
    let mut book = book_with(PaperConfig { limit_fill: LimitFill::Through, ..PaperConfig::default() });
    book.on_tick(&trade(1, "100", "1"));
    book.place(&order(1, Side::Buy, limit("99"), "1"), time(1));
    book.place(&order(2, Side::Sell, limit("101"), "1"), time(1));
    assert_eq!(told(&book.on_tick(&trade(2, "99", "5"))), [""; 0]);
    assert_eq!(told(&book.on_tick(&trade(3, "101", "5"))), [""; 0]);
    assert_eq!(told(&book.on_tick(&trade(4, "98.5", "5"))), ["1 1 at 99 maker"]);
    assert_eq!(told(&book.on_tick(&trade(5, "101.5", "5"))), ["2 1 at 101 maker"]);
}

#[test]
fn a_resting_limit_is_met_by_a_quote_that_reaches_it() {
    let mut book = book();
    book.on_tick(&quote(1, ("99", "1"), ("100", "1")));
    book.place(&order(1, Side::Buy, limit("99"), "2"), time(1));
    book.place(&order(2, Side::Sell, limit("100.5"), "2"), time(1));
    assert_eq!(told(&book.on_tick(&quote(2, ("98", "9"), ("99", "0.5")))), ["1 0.5 at 99 maker"]);
    assert_eq!(told(&book.on_tick(&quote(3, ("101", "9"), ("102", "9")))), ["2 2 at 100.5 maker"]);
}

#[test]
fn a_limit_that_crosses_on_arrival_takes_at_the_better_price_and_rests_with_the_rest() {
    let mut book = book();
    book.on_tick(&quote(1, ("99", "1"), ("100", "1")));
    let taken = book.place(&order(1, Side::Buy, limit("101"), "3"), time(1));
    assert_eq!(told(&taken), ["1 new", "1 1 at 100 taker"]);
    assert_eq!(told(&book.on_tick(&quote(2, ("99", "1"), ("101", "5")))), ["1 2 at 101 maker"]);
    let taken = book.place(&order(2, Side::Sell, limit("98"), "0.4"), time(2));
    assert_eq!(told(&taken), ["2 new", "2 0.4 at 99 taker"]);
}

#[test]
fn one_tick_is_shared_in_price_and_time() {
    let mut book = book();
    book.on_tick(&trade(1, "100", "1"));
    for (number, at) in [(3, "98"), (2, "99"), (1, "98"), (4, "99")] {
        book.place(&order(number, Side::Buy, limit(at), "1"), time(1));
    }
    let met = book.on_tick(&trade(2, "97", "3.5"));
    assert_eq!(told(&met), ["2 1 at 99 maker", "4 1 at 99 maker", "1 1 at 98 maker", "3 0.5 at 98 maker"]);
}

#[test]
fn an_account_has_its_part_of_the_volume_in_whole_lots() {
    let quarter = PaperConfig { participation: "0.25".parse().unwrap(), ..PaperConfig::default() };
    let mut book = book_with(quarter);
    book.place(&order(1, Side::Buy, limit("99"), "5"), time(0));
    // A quarter of 1.9 is 0.475: four lots.
    assert_eq!(told(&book.on_tick(&trade(1, "99", "1.9"))), ["1 0.4 at 99 taker"]);
    assert_eq!(told(&book.on_tick(&trade(2, "99", "0.3"))), [""; 0], "less than a lot");
}

#[test]
fn volumes_that_count_price_changes_bound_nothing() {
    let mut book = book();
    book.set_instrument(symbol(), velox_broker_paper::PaperInstrument { volume_bounds: false, ..instrument() });
    book.on_tick(&trade(1, "100", "0"));
    assert_eq!(told(&book.place(&order(1, Side::Buy, market(), "50"), time(1))), ["1 new", "1 50 at 100 taker"]);
}

#[test]
fn a_price_that_was_only_visited_fills_nothing() {
    let mut book = book();
    book.on_tick(&trade(1, "100", "1"));
    book.place(&order(1, Side::Buy, limit("99"), "1"), time(1));
    assert_eq!(told(&book.on_tick(&trade(2, "98", "0"))), [""; 0]);
}
