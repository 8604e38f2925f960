//! Every pre-trade rule at its edge: exactly at the limit passes, one unit over is denied with the numbers.

use std::time::Duration;

use velox_kernel::Decimal;
use velox_testkit::trading::{AccountScenario, money, price, quantity, symbol, terms};
use velox_trading::{Command, OrderKind, OrderTerms, Refused, RiskLimits, Rule, RuleCheck, Side};

use crate::trade::{BTC, denial, desk, desk_with, limit, limited, market, trade, working};

/// `at` is accepted; `over` is denied by `rule` with limit, use and headroom; explaining says the same of both.
fn edge(mut desk: AccountScenario, at: OrderTerms, over: OrderTerms, rule: Rule, numbers: [&str; 3]) {
    let place = desk.place_command(over.clone());
    let command = Command::Place(place.clone());
    let explained = desk.account().explain(&place, &desk.context(&command)).unwrap();
    assert_eq!(explained.seq, desk.account().seq());
    let denied = denial(&desk.clone().must(command)).unwrap();
    assert_eq!(explained.verdict.denial().map(|denial| denial.check), Some(denied));
    let [limit, used, headroom] = numbers.map(|number| Some(number.parse::<Decimal>().unwrap()));
    assert_eq!(denied, RuleCheck { rule, passed: false, limit, used, headroom });
    let (_, append) = desk.place(at);
    assert_eq!(denial(&append), None, "exactly at the limit is accepted");
}

#[test]
fn max_order_quantity() {
    let limits = RiskLimits { max_order_quantity: Some(quantity("2")), ..RiskLimits::default() };
    let (at, over) = (limit(Side::Buy, "2", "100"), limit(Side::Buy, "2.0001", "100"));
    edge(limited(limits), at, over, Rule::MaxOrderQuantity, ["2", "2.0001", "2"]);
}

#[test]
fn max_order_notional_counts_a_sale_at_the_market_at_least() {
    let limits = RiskLimits { max_order_notional: Some(money("200")), ..RiskLimits::default() };
    let (at, over) = (limit(Side::Buy, "2", "100"), limit(Side::Buy, "2", "100.01"));
    edge(limited(limits.clone()), at, over, Rule::MaxOrderNotional, ["200", "200.02", "200"]);
    let (at, over) = (limit(Side::Sell, "2", "50"), limit(Side::Sell, "2.0001", "50"));
    edge(limited(limits), at, over, Rule::MaxOrderNotional, ["200", "200.01", "200"]);
}

#[test]
fn max_position_counts_what_is_held_and_what_is_open() {
    let limits = RiskLimits { max_position: Some(quantity("5")), ..RiskLimits::default() };
    let mut desk = limited(limits);
    trade(&mut desk, Side::Buy, "2", "100");
    working(&mut desk, limit(Side::Buy, "1", "90"));
    let (at, over) = (limit(Side::Buy, "2", "100"), limit(Side::Buy, "2.0001", "100"));
    edge(desk.clone(), at, over, Rule::MaxPosition, ["5", "5.0001", "2"]);
    // The other side has the whole way through zero.
    let (at, over) = (limit(Side::Sell, "7", "100"), limit(Side::Sell, "7.0001", "100"));
    edge(desk.clone(), at, over, Rule::MaxPosition, ["5", "5.0001", "5"]);
    // With a lower limit than what is held, the position may still be made smaller.
    desk.must(Command::SetLimits(RiskLimits { max_position: Some(quantity("0.5")), ..RiskLimits::default() }));
    let (_, append) = desk.place(limit(Side::Sell, "1", "100"));
    assert_eq!(denial(&append), None);
}

#[test]
fn price_collar_is_measured_from_what_the_order_would_meet() {
    let limits = RiskLimits { price_collar: Some(Decimal::from_int(5)), ..RiskLimits::default() };
    let mut desk = limited(limits);
    desk.prices.set_market(symbol(BTC), velox_testkit::trading::market("90", "100", "95", desk.market_time));
    let (at, over) = (limit(Side::Buy, "1", "105"), limit(Side::Buy, "1", "105.01"));
    edge(desk.clone(), at, over, Rule::PriceCollar, ["5", "5.01", "5"]);
    let (at, over) = (limit(Side::Buy, "1", "95"), limit(Side::Buy, "1", "94.99"));
    edge(desk.clone(), at, over, Rule::PriceCollar, ["5", "5.01", "5"]);
    let (at, over) = (limit(Side::Sell, "1", "94.5"), limit(Side::Sell, "1", "94.59"));
    edge(desk.clone(), at, over, Rule::PriceCollar, ["5", "5.1", "5"]);
    let stop = |at| terms(symbol(BTC), Side::Buy, "1", OrderKind::Stop { stop_price: price(at) });
    edge(desk.clone(), stop("105"), stop("105.01"), Rule::PriceCollar, ["5", "5.01", "5"]);
    let (_, append) = desk.place(market(Side::Buy, "1"));
    assert_eq!(denial(&append), None, "a market order names no price");
}

#[test]
fn a_price_is_stale_once_it_is_older_than_its_bound() {
    let mut desk = desk();
    desk.advance(Duration::from_secs(60));
    assert_eq!(denial(&desk.place(market(Side::Buy, "1")).1), None, "as old as its bound");
    desk.advance(Duration::from_micros(1));
    let stale = denial(&desk.place(limit(Side::Buy, "1", "100")).1).unwrap();
    assert_eq!(stale.rule, Rule::PriceStale);
    let seconds = |text: &str| Some(text.parse::<Decimal>().unwrap());
    assert_eq!((stale.limit, stale.used, stale.headroom), (seconds("60"), seconds("60.000001"), seconds("60")));

    desk.prices.remove(symbol(BTC));
    let missing = denial(&desk.place(limit(Side::Buy, "1", "100")).1).unwrap();
    assert_eq!((missing.rule, missing.limit, missing.used), (Rule::PriceStale, seconds("60"), None));
    let unpriced = denial(&desk.place(market(Side::Buy, "1")).1).unwrap();
    assert_eq!((unpriced.rule, unpriced.used), (Rule::PriceStale, None), "a market order has nothing to be valued at");
}

#[test]
fn buying_power_is_what_equity_and_leverage_leave() {
    let desk = desk_with(|opening| {
        opening.cash = money("100");
        opening.leverage = Decimal::from_int(2);
    });
    let (at, over) = (limit(Side::Buy, "2", "100"), limit(Side::Buy, "2", "100.01"));
    edge(desk.clone(), at, over, Rule::BuyingPower, ["200", "200.02", "200"]);

    let mut reserved = desk.clone();
    working(&mut reserved, limit(Side::Buy, "0.5", "90"));
    let (at, over) = (limit(Side::Buy, "1", "155"), limit(Side::Buy, "1", "155.01"));
    edge(reserved, at, over, Rule::BuyingPower, ["155", "155.01", "155"]);

    let mut held = desk;
    trade(&mut held, Side::Buy, "1", "100");
    held.set_price(symbol(BTC), price("110"));
    // Equity 110, twice that, less a margin of 110.
    let (at, over) = (limit(Side::Buy, "1", "110"), limit(Side::Buy, "1", "110.01"));
    edge(held.clone(), at, over, Rule::BuyingPower, ["110", "110.01", "110"]);
    // Selling through zero reserves only what goes beyond it.
    let (at, over) = (limit(Side::Sell, "2", "110"), limit(Side::Sell, "2.0001", "110"));
    edge(held.clone(), at, over, Rule::BuyingPower, ["110", "110.011", "110"]);

    // A stop that the market has passed is triggered on arrival, at the market.
    let passed = |amount| terms(symbol(BTC), Side::Buy, amount, OrderKind::Stop { stop_price: price("1") });
    edge(held.clone(), passed("1"), passed("1.0001"), Rule::BuyingPower, ["110", "110.011", "110"]);

    // Under water, what only closes is still allowed.
    trade(&mut held, Side::Buy, "1", "110");
    held.set_price(symbol(BTC), price("1"));
    assert_eq!(denial(&held.place(limit(Side::Sell, "2", "1")).1), None);
    let below = denial(&held.place(limit(Side::Buy, "1", "1")).1).unwrap();
    assert_eq!((below.rule, below.headroom), (Rule::BuyingPower, Some(Decimal::ZERO)));
}

#[test]
fn short_selling_needs_leave() {
    let mut desk = desk_with(|opening| opening.allow_short = false);
    let (_, append) = desk.place(limit(Side::Sell, "1", "100"));
    assert_eq!(denial(&append).unwrap().rule, Rule::ShortSelling);
    trade(&mut desk, Side::Buy, "3", "100");
    working(&mut desk, limit(Side::Sell, "1", "120"));
    let (at, over) = (limit(Side::Sell, "2", "100"), limit(Side::Sell, "2.0001", "100"));
    edge(desk, at, over, Rule::ShortSelling, ["3", "3.0001", "2"]);
}

#[test]
fn reduce_only_orders_stay_within_what_is_left_to_close() {
    let mut desk = desk();
    trade(&mut desk, Side::Buy, "3", "100");
    working(&mut desk, limit(Side::Sell, "1", "120"));
    let reduce = |amount| OrderTerms { reduce_only: true, ..limit(Side::Sell, amount, "100") };
    edge(desk.clone(), reduce("2"), reduce("2.0001"), Rule::ReduceOnly, ["2", "2.0001", "2"]);
    let adds = OrderTerms { reduce_only: true, ..limit(Side::Buy, "1", "100") };
    assert_eq!(denial(&desk.place(adds).1).unwrap().rule, Rule::ReduceOnly);
}

#[test]
fn max_open_orders_spares_replacements() {
    let mut desk = limited(RiskLimits { max_open_orders: 2, ..RiskLimits::default() });
    let first = working(&mut desk, limit(Side::Buy, "1", "90"));
    let mut full = desk.clone();
    full.place(limit(Side::Buy, "1", "90"));
    let denied = denial(&full.place(limit(Side::Buy, "1", "90")).1).unwrap();
    let numbers = [denied.limit, denied.used, denied.headroom].map(Option::unwrap);
    assert_eq!(denied.rule, Rule::MaxOpenOrders);
    assert_eq!(numbers, [Decimal::from_int(2), Decimal::from_int(3), Decimal::ZERO]);
    full.must(Command::SetLimits(RiskLimits { max_open_orders: 1, ..RiskLimits::default() }));
    let order = full.order(first).clone();
    let replace = crate::trade::replace(&mut full, &order, "2");
    let facts = AccountScenario::facts(&full.must(Command::Replace(replace)));
    assert!(matches!(facts[..], [velox_trading::Fact::OrderReplaceRequested { .. }]), "{facts:?}");
}

#[test]
fn a_denial_is_kept_with_the_prices_it_rests_on() {
    let mut desk = limited(RiskLimits { max_order_quantity: Some(quantity("1")), ..RiskLimits::default() });
    let (order, append) = desk.place(limit(Side::Buy, "2", "100"));
    let facts = AccountScenario::facts(&append);
    let [velox_trading::Fact::OrderDenied { order: placed, .. }] = &facts[..] else { unreachable!("{facts:?}") };
    let basis = placed.basis.as_ref().unwrap();
    assert_eq!((basis.prices[0].symbol, basis.prices[0].price), (symbol(BTC), price("100")));
    assert!(basis.checks.iter().any(|check| check.rule == Rule::MaxOrderQuantity && !check.passed));
    assert_eq!(desk.order(order).status, velox_trading::OrderStatus::Denied);
    assert_eq!(desk.account().open_orders().count(), 0);
}

#[test]
fn what_does_not_fit_its_instrument_is_refused_without_an_event() {
    let mut desk = desk();
    let seq = desk.account().seq();
    for terms in [
        limit(Side::Buy, "0", "100"),
        limit(Side::Buy, "-1", "100"),
        limit(Side::Buy, "1.00001", "100"),
        limit(Side::Buy, "1", "100.001"),
        limit(Side::Buy, "1", "0"),
        limit(Side::Buy, "0.0001", "100"),
        market(Side::Buy, "0.0001"),
    ] {
        let place = desk.place_command(terms.clone());
        let refused = desk.run(Command::Place(place)).err();
        assert!(matches!(refused, Some(Refused::InvalidTerms(_))), "{terms:?}: {refused:?}");
    }
    assert_eq!(desk.account().seq(), seq);
}
