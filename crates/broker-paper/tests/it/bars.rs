use velox_broker_paper::PaperConfig;
use velox_kernel::Decimal;
use velox_trading::{Side, TimeInForce};

use crate::support::*;

#[test]
fn an_order_takes_part_in_bars_that_open_after_it_only() {
    let mut book = book();
    book.on_tick(&bar(60, ["100", "101", "99", "100", "9"]));
    assert_eq!(told(&book.place(&order(1, Side::Buy, market(), "1"), time(60))), ["1 new"], "that bar is over");
    book.place(&order(2, Side::Buy, market(), "1"), time(61));
    assert_eq!(told(&book.on_tick(&bar(120, ["102", "103", "101", "102", "9"]))), ["1 1 at 102 taker"]);
    assert_eq!(told(&book.on_tick(&bar(180, ["103", "103", "103", "103", "9"]))), ["2 1 at 103 taker"]);
}

#[test]
fn a_limit_needs_a_price_beyond_it_and_gets_no_better_one() {
    let mut book = book();
    book.on_tick(&bar(60, ["100", "101", "99", "100", "9"]));
    book.place(&order(1, Side::Buy, limit("99"), "1"), time(60));
    book.place(&order(2, Side::Sell, limit("103"), "1"), time(60));
    assert_eq!(told(&book.on_tick(&bar(120, ["100", "103", "99", "100", "9"]))), [""; 0], "touched on both sides");
    assert_eq!(told(&book.on_tick(&bar(180, ["98", "98.5", "97", "98", "9"]))), ["1 1 at 99 maker"], "a gap");
    assert_eq!(told(&book.on_tick(&bar(240, ["98", "103.5", "98", "98", "9"]))), ["2 1 at 103 maker"]);
}

#[test]
fn a_limit_that_the_open_crosses_takes_at_the_open() {
    let mut book = book();
    book.place(&order(1, Side::Buy, limit("99"), "1"), time(0));
    assert_eq!(told(&book.on_tick(&bar(60, ["98", "101", "97", "100", "9"]))), ["1 1 at 98 taker"]);
}

#[test]
fn a_stop_is_filled_at_the_worse_of_its_price_and_the_open() {
    let mut book = book();
    book.on_tick(&bar(60, ["100", "101", "99", "100", "9"]));
    book.place(&order(1, Side::Sell, stop("95"), "1"), time(60));
    book.place(&order(2, Side::Sell, stop("90"), "1"), time(60));
    let first = book.on_tick(&bar(120, ["100", "102", "94", "101", "9"]));
    assert_eq!(told(&first), ["1 triggered", "1 1 at 95 taker"]);
    let gap = book.on_tick(&bar(180, ["85", "95", "84", "94", "9"]));
    assert_eq!(told(&gap), ["2 triggered", "2 1 at 85 taker"]);
}

#[test]
fn slippage_is_added_to_stops() {
    let mut book = book_with(PaperConfig { slippage_bps: Decimal::from_int(100), ..PaperConfig::default() });
    book.on_tick(&bar(60, ["100", "101", "99", "100", "9"]));
    book.place(&order(1, Side::Buy, stop("105"), "1"), time(60));
    // 105 and a hundredth is 106.05, the next tick is 106.5.
    let told = told(&book.on_tick(&bar(120, ["100", "105", "100", "101", "9"])));
    assert_eq!(told, ["1 triggered", "1 1 at 106.5 taker"]);
}

#[test]
fn stops_come_before_limits_when_the_volume_is_short() {
    let mut book = book();
    book.on_tick(&bar(60, ["100", "101", "99", "100", "9"]));
    book.place(&order(1, Side::Sell, limit("105"), "1"), time(60));
    book.place(&order(2, Side::Sell, stop("95"), "1"), time(60));
    let told = told(&book.on_tick(&bar(120, ["100", "110", "90", "101", "1.5"])));
    assert_eq!(told, ["2 triggered", "2 1 at 95 taker", "1 0.5 at 105 maker"]);
}

#[test]
fn a_stop_limit_does_not_rest_within_the_bar_that_triggered_it() {
    let mut book = book();
    book.on_tick(&bar(60, ["100", "101", "99", "100", "9"]));
    book.place(&order(1, Side::Buy, stop_limit("105", "104"), "1"), time(60));
    let first = book.on_tick(&bar(120, ["100", "106", "90", "101", "9"]));
    assert_eq!(told(&first), ["1 triggered"], "the low may have been before the high");
    assert_eq!(told(&book.on_tick(&bar(180, ["106", "107", "103", "106", "9"]))), ["1 1 at 104 maker"]);

    book.place(&order(2, Side::Buy, stop_limit("108", "109"), "1"), time(180));
    let within = book.on_tick(&bar(240, ["106", "112", "106", "112", "9"]));
    assert_eq!(told(&within), ["2 triggered", "2 1 at 108 taker"]);
    book.place(&order(3, Side::Buy, stop_limit("113", "114"), "1"), time(240));
    let gap = book.on_tick(&bar(300, ["115", "116", "113", "113.5", "9"]));
    assert_eq!(told(&gap), ["3 triggered"], "the open was beyond its limit");
    assert_eq!(told(&book.on_tick(&bar(360, ["114", "116", "113.5", "115", "9"]))), ["3 1 at 114 maker"]);
}

#[test]
fn the_last_close_triggers_a_late_stop_which_waits_for_the_next_open() {
    let mut book = book();
    book.on_tick(&bar(60, ["100", "101", "99", "100", "9"]));
    assert_eq!(told(&book.place(&order(1, Side::Sell, stop("100"), "1"), time(60))), ["1 new", "1 triggered"]);
    assert_eq!(told(&book.on_tick(&bar(120, ["98", "99", "97", "98", "9"]))), ["1 1 at 98 taker"]);
}

#[test]
fn a_day_order_takes_part_in_the_bar_that_ends_with_the_day() {
    let expiring = |number, at| {
        let mut order = with(TimeInForce::Day, order(number, Side::Buy, limit("99"), "1"));
        order.expires_at = Some(time(at));
        order
    };
    let mut book = book();
    book.on_tick(&bar(60, ["100", "101", "99.5", "100", "9"]));
    book.place(&expiring(1, 120), time(60));
    book.place(&expiring(2, 119), time(60));
    let mut dear = expiring(3, 120);
    dear.terms.kind = limit("50");
    book.place(&dear, time(60));
    let told = told(&book.on_tick(&bar(120, ["100", "101", "98", "100", "9"])));
    assert_eq!(told, ["2 expired", "1 1 at 99 maker", "3 expired"], "where the time was up within the bar, it is over");
}
