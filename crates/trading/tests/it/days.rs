//! The trading day, which ends at midnight UTC in market time.

use std::time::Duration;

use velox_kernel::{Decimal, Timestamp};
use velox_testkit::trading::{AccountScenario, money, price, quantity, symbol};
use velox_trading::{Command, RiskLimits, Rule, Side, TimeInForce};

use crate::trade::{BTC, denial, desk, fill_id, limit, limited, trade, working};

/// A microsecond before midnight.
fn to_the_last_moment(desk: &mut AccountScenario) {
    let midnight = Timestamp::from_seconds((desk.market_time.day() + 1) * 86_400);
    desk.advance(midnight.since(desk.market_time) - Duration::from_micros(1));
    desk.set_price(symbol(BTC), price("100"));
}

#[test]
fn the_daily_loss_counts_realised_fees_and_open_loss() {
    let mut desk = limited(RiskLimits { daily_loss: Some(money("30")), ..RiskLimits::default() });
    trade(&mut desk, Side::Buy, "1", "100");
    trade(&mut desk, Side::Sell, "1", "90");
    let order = working(&mut desk, limit(Side::Buy, "2", "100"));
    let fill = desk.fill_report_with_fee(order, fill_id("fee"), quantity("2"), price("100"), money("4"));
    desk.must(fill);
    desk.set_price(symbol(BTC), price("92.01"));
    // 10 realised, 4 in fees, 15.98 open: 29.98 of 30.
    assert_eq!(denial(&desk.place(limit(Side::Buy, "1", "92")).1), None);
    desk.set_price(symbol(BTC), price("92"));
    let denied = denial(&desk.place(limit(Side::Buy, "1", "92")).1).unwrap();
    assert_eq!((denied.rule, denied.limit), (Rule::DailyLoss, Some(Decimal::from_int(30))));
    assert_eq!((denied.used, denied.headroom), (Some(Decimal::from_int(30)), Some(Decimal::ZERO)));
    assert_eq!(denial(&desk.place(limit(Side::Sell, "2", "92")).1), None, "what only closes is allowed");
}

#[test]
fn realised_loss_and_fees_are_forgotten_at_midnight() {
    let mut desk = limited(RiskLimits { daily_loss: Some(money("10")), ..RiskLimits::default() });
    trade(&mut desk, Side::Buy, "1", "100");
    trade(&mut desk, Side::Sell, "1", "90");
    to_the_last_moment(&mut desk);
    assert_eq!(denial(&desk.place(limit(Side::Buy, "1", "100")).1).unwrap().rule, Rule::DailyLoss);
    assert_eq!(desk.account().trading_day(desk.market_time).realised, money("-10"));
    desk.advance(Duration::from_micros(1));
    assert_eq!(desk.account().trading_day(desk.market_time).realised, money("0"));
    assert_eq!(denial(&desk.place(limit(Side::Buy, "1", "100")).1), None);
}

#[test]
fn accepted_orders_are_counted_by_the_day() {
    let mut desk = limited(RiskLimits { daily_trades: Some(2), ..RiskLimits::default() });
    let first = working(&mut desk, limit(Side::Buy, "1", "90"));
    desk.place(limit(Side::Buy, "1", "90"));
    let denied = denial(&desk.place(limit(Side::Buy, "1", "90")).1).unwrap();
    let numbers = [denied.limit, denied.used, denied.headroom].map(Option::unwrap);
    assert_eq!((denied.rule, numbers), (Rule::DailyTrades, [2, 3, 0].map(Decimal::from_int)));
    let order = desk.order(first).clone();
    let replace = crate::trade::replace(&mut desk, &order, "2");
    let facts = AccountScenario::facts(&desk.must(Command::Replace(replace)));
    assert!(matches!(facts[..], [velox_trading::Fact::OrderReplaceRequested { .. }]), "a replacement is no new trade");

    to_the_last_moment(&mut desk);
    assert_eq!(denial(&desk.place(limit(Side::Buy, "1", "90")).1).unwrap().rule, Rule::DailyTrades);
    desk.advance(Duration::from_micros(1));
    assert_eq!(denial(&desk.place(limit(Side::Buy, "1", "90")).1), None);
    // A feed whose clock goes back does not bring the day before back.
    desk.market_time = desk.market_time.minus(Duration::from_secs(3_600));
    assert_eq!(desk.account().trading_day(desk.market_time).trades, 1);
}

#[test]
fn day_orders_end_at_the_next_midnight() {
    let mut desk = desk();
    let mut terms = limit(Side::Buy, "1", "90");
    terms.time_in_force = TimeInForce::Day;
    let (order, _) = desk.place(terms.clone());
    let midnight = Timestamp::from_seconds((desk.market_time.day() + 1) * 86_400);
    assert_eq!(desk.order(order).expires_at, Some(midnight));
    to_the_last_moment(&mut desk);
    let (order, _) = desk.place(terms.clone());
    assert_eq!(desk.order(order).expires_at, Some(midnight));
    desk.advance(Duration::from_micros(1));
    let (order, _) = desk.place(terms);
    assert_eq!(desk.order(order).expires_at, Some(midnight.plus(Duration::from_secs(86_400))));
}
