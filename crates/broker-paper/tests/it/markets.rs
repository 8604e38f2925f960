use std::time::Duration;

use velox_broker_paper::PaperConfig;
use velox_kernel::Decimal;
use velox_trading::{FeedPosition, Side};

use crate::support::*;

#[test]
fn a_market_order_takes_the_opposite_quote_and_waits_for_more() {
    let mut book = book();
    book.on_tick(&quote(1, ("99", "2"), ("100", "1")));
    assert_eq!(told(&book.place(&order(1, Side::Buy, market(), "3"), time(1))), ["1 new", "1 1 at 100 taker"]);
    assert_eq!(told(&book.on_tick(&trade(2, "99.5", "9"))), [""; 0], "where there are quotes, they are what it takes");
    assert_eq!(told(&book.on_tick(&quote(3, ("99", "2"), ("101", "9")))), ["1 2 at 101 taker"]);
    assert_eq!(told(&book.place(&order(2, Side::Sell, market(), "1"), time(3))), ["2 new", "2 1 at 99 taker"]);
}

#[test]
fn without_quotes_it_takes_the_last_trade_once() {
    let mut book = book();
    book.on_tick(&trade(1, "100", "1"));
    assert_eq!(told(&book.place(&order(1, Side::Buy, market(), "0.6"), time(1))), ["1 new", "1 0.6 at 100 taker"]);
    assert_eq!(told(&book.place(&order(2, Side::Buy, market(), "0.6"), time(1))), ["2 new", "2 0.4 at 100 taker"]);
    assert_eq!(told(&book.on_tick(&trade(2, "101", "1"))), ["2 0.2 at 101 taker"]);
}

#[test]
fn without_any_price_it_waits_for_the_first() {
    let mut book = book();
    assert_eq!(told(&book.place(&order(1, Side::Sell, market(), "1"), time(0))), ["1 new"]);
    assert_eq!(told(&book.on_tick(&trade(1, "100", "1"))), ["1 1 at 100 taker"]);
}

#[test]
fn slippage_and_ticks_go_against_the_client() {
    let config = PaperConfig { slippage_bps: Decimal::from_int(10), ..PaperConfig::default() };
    let mut book = book_with(config);
    book.on_tick(&quote(1, ("1000", "9"), ("1001", "9")));
    // 1001 and a thousandth is 1002.001, the next tick is 1002.5; 1000 less a thousandth is 999.
    assert_eq!(told(&book.place(&order(1, Side::Buy, market(), "1"), time(1)))[1], "1 1 at 1002.5 taker");
    assert_eq!(told(&book.place(&order(2, Side::Sell, market(), "1"), time(1)))[1], "2 1 at 999 taker");
    assert_eq!(told(&book.place(&order(3, Side::Buy, limit("1002"), "1"), time(1)))[1], "3 1 at 1001 taker");
}

#[test]
fn fees_are_the_makers_or_the_takers_rounded_up() {
    let config =
        PaperConfig { maker_fee_bps: Decimal::ONE, taker_fee_bps: "2.5".parse().unwrap(), ..PaperConfig::default() };
    let mut book = book_with(config);
    book.on_tick(&trade(1, "100", "1"));
    let taken = book.place(&order(1, Side::Buy, market(), "0.3"), time(1));
    assert_eq!(fills(&taken)[0].fee, "0.0075".parse().unwrap());
    book.place(&order(2, Side::Buy, limit("99"), "1"), time(1));
    let met = book.on_tick(&trade(2, "98", "1"));
    assert_eq!(fills(&met)[0].fee, "0.0099".parse().unwrap());
    assert_eq!(fills(&met)[0].fee_currency.as_str(), "USD");
}

#[test]
fn an_order_is_on_its_way_for_its_latency() {
    let config = PaperConfig { latency: Duration::from_secs(5), ..PaperConfig::default() };
    let mut book = book_with(config);
    book.on_tick(&trade(1, "100", "1"));
    assert_eq!(told(&book.place(&order(1, Side::Buy, market(), "1"), time(1))), ["1 new"]);
    assert_eq!(told(&book.on_tick(&trade(5, "101", "1"))), [""; 0]);
    assert_eq!(told(&book.on_tick(&trade(6, "102", "1"))), ["1 1 at 102 taker"]);
    // A cancel is not.
    let second = order(2, Side::Buy, market(), "1");
    book.place(&second, time(6));
    assert_eq!(told(&book.cancel(&second, time(6))), ["2 canceled"]);
}

#[test]
fn every_fill_says_what_caused_it() {
    let mut book = book();
    book.on_tick(&quote(3, ("99", "2"), ("100", "1")));
    let taken = book.place(&order(1, Side::Buy, market(), "3"), time(4));
    assert_eq!(fills(&taken)[0].caused_by, Some(FeedPosition { epoch: 1, offset: 3 }));
    let more = book.on_tick(&quote(4, ("99", "2"), ("100", "9")));
    assert_eq!(fills(&more)[0].caused_by, Some(FeedPosition { epoch: 1, offset: 4 }));
    assert_ne!(fills(&taken)[0].fill, fills(&more)[0].fill);
}

#[test]
fn market_data_told_again_or_late_is_passed_over() {
    let mut book = book();
    book.on_tick(&trade(5, "100", "1"));
    book.place(&order(1, Side::Buy, limit("99"), "1"), time(5));
    assert_eq!(told(&book.on_tick(&trade(5, "98", "1"))), [""; 0]);
    assert_eq!(told(&book.on_tick(&trade(4, "98", "1"))), [""; 0]);
    assert_eq!(told(&book.on_tick(&in_epoch(2, trade(6, "98", "1")))), ["1 1 at 99 maker"]);
}

#[test]
fn a_new_run_of_the_feed_forgets_what_stood_before() {
    let mut book = book();
    book.on_tick(&quote(1, ("99", "1"), ("100", "1")));
    book.on_tick(&in_epoch(2, trade(2, "200", "1")));
    assert_eq!(told(&book.place(&order(1, Side::Buy, market(), "1"), time(2)))[1], "1 1 at 200 taker");
}

#[test]
fn prices_that_cannot_be_are_passed_over() {
    let mut book = book();
    book.place(&order(1, Side::Sell, stop("50"), "1"), time(0));
    assert_eq!(told(&book.on_tick(&trade(1, "0", "1"))), [""; 0]);
    assert_eq!(told(&book.on_tick(&bar(60, ["100", "99", "98", "99", "1"]))), [""; 0], "high below open");
    // One side of a quote may be missing.
    book.on_tick(&quote(61, ("0", "0"), ("100", "1")));
    assert_eq!(told(&book.place(&order(2, Side::Sell, market(), "1"), time(61))), ["2 new"]);
}
