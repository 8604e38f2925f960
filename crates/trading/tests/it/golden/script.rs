//! A day of one account in which everything happens that can happen.

use std::time::Duration;

use velox_kernel::{Decimal, Ids, Principal, RequestId, StrategyId, UserId};
use velox_testkit::CountingIds;
use velox_testkit::trading::{AccountScenario, currency, money, price, quantity, symbol, terms};
use velox_trading::{Command, FeedPosition, HaltMode, Liquidity, OrderKind, ReportKind, RiskLimits, Side, TimeInForce};

use crate::trade::{canceled, desk_with, limit, market, replace, replaced, report, working};

/// The same events in every run.
pub(super) fn scripted() -> AccountScenario {
    let ids = CountingIds::default();
    let mut desk = desk_with(|opening| {
        "Größe 取引 \"1\"".clone_into(&mut opening.name);
        opening.limits = RiskLimits {
            max_order_quantity: Some(quantity("50")),
            max_order_notional: Some(money("5000")),
            price_collar: Some("12.5".parse::<Decimal>().unwrap()),
            ..RiskLimits::default()
        };
    });
    let eth = symbol("ETH-PERP");
    desk.set_price(eth, price("10.01"));
    desk.actor = Principal::User { id: UserId::new(ids.next()) };
    desk.request = Some(RequestId::new(ids.next()));
    desk.must(Command::MoveCash { currency: currency("EUR"), amount: money("0.000000000001") });
    desk.must(Command::MoveCash { currency: currency("USD"), amount: money("-1.5") });
    let limits =
        RiskLimits { daily_loss: Some(money("1000")), daily_trades: Some(100), ..desk.account().limits().clone() };
    desk.must(Command::SetLimits(limits));
    trades(&mut desk, StrategyId::new(ids.next()));
    desk.advance(Duration::from_millis(1_500));
    desk.set_price(eth, price("10.01"));
    changes(&mut desk);
    doubts(&mut desk);
    desk.must(Command::Halt { mode: HaltMode::ReduceOnly, reason: "loss".to_owned(), cancel_open: true });
    desk.must(Command::Resume);
    let ended: Vec<_> = desk.account().open_orders().map(|order| order.id).collect();
    for order in ended {
        report(&mut desk, order, ReportKind::Canceled { text: "venue closed".to_owned() }).unwrap();
    }
    desk.must(Command::Reset { cash: money("500") });
    // What the final state holds besides: a position, one by strategy, open orders, one of them being replaced.
    desk.advance(Duration::from_secs(1));
    desk.set_price(eth, price("10.01"));
    trades(&mut desk, StrategyId::new(ids.next()));
    let order = working(&mut desk, limit(Side::Buy, "1", "99"));
    let before = desk.order(order).clone();
    let command = replace(&mut desk, &before, "2");
    desk.must(Command::Replace(command));
    desk.place(limit(Side::Sell, "0.5", "103.25"));
    desk
}

/// Fills with fees, strategies and tags, a stop order that waits, and a denial.
fn trades(desk: &mut AccountScenario, strategy: StrategyId) {
    let stop_limit = OrderKind::StopLimit { stop_price: price("10.5"), limit_price: price("10.55") };
    let mut tagged = terms(symbol("ETH-PERP"), Side::Buy, "3.5", stop_limit);
    tagged.strategy = Some(strategy);
    tagged.tags = vec!["breakout".parse().unwrap(), "a=\"b\"".parse().unwrap()];
    tagged.time_in_force = TimeInForce::Day;
    let order = working(desk, tagged);
    desk.fill(order, quantity("1.25"), price("10.53"));
    let order = working(desk, market(Side::Sell, "2"));
    let name = format!("paid-{}", desk.head().seq).parse().unwrap();
    let Command::Report(mut paid) = desk.fill_report_with_fee(order, name, quantity("2"), price("100"), money("0.2"))
    else {
        unreachable!("a report")
    };
    if let ReportKind::Filled(fill) = &mut paid.kind {
        fill.liquidity = Liquidity::Maker;
        fill.caused_by = Some(FeedPosition { epoch: 3, offset: 99 });
        fill.fee_currency = currency("BNB");
    }
    desk.must(Command::Report(paid));
    desk.place(limit(Side::Buy, "51", "100"));
    let stop = terms(symbol("BTC-PERP"), Side::Buy, "0.1", OrderKind::Stop { stop_price: price("105") });
    desk.place(stop);
}

/// Replacements and cancels, taken and refused.
fn changes(desk: &mut AccountScenario) {
    let order = working(desk, limit(Side::Buy, "2", "95"));
    for answer in [ReportKind::ReplaceRejected { text: "too late".to_owned() }, replaced("b2")] {
        let before = desk.order(order).clone();
        let command = replace(desk, &before, "3");
        desk.must(Command::Replace(command));
        desk.fill(order, quantity("0.25"), price("95"));
        report(desk, order, answer).unwrap();
    }
    let (waiting, _) = desk.place(limit(Side::Buy, "2", "94"));
    let before = desk.order(waiting).clone();
    let command = replace(desk, &before, "1");
    desk.must(Command::Replace(command.clone()));
    desk.must(Command::Cancel { order: command.replacement });
    let order = working(desk, limit(Side::Buy, "2", "93"));
    desk.must(Command::Cancel { order });
    report(desk, order, ReportKind::CancelRejected { text: "busy".to_owned() }).unwrap();
    desk.must(Command::Cancel { order });
    report(desk, order, canceled()).unwrap();
    desk.fill(order, quantity("0.5"), price("93"));
}

/// Orders that nobody answers for, that expire, that are refused.
fn doubts(desk: &mut AccountScenario) {
    let missing = || ReportKind::NotFound { settling: Duration::from_secs(5), needed: 2 };
    let (order, _) = desk.place(limit(Side::Buy, "1", "92"));
    desk.must(Command::Route { order });
    report(desk, order, ReportKind::NoAnswer).unwrap();
    report(desk, order, missing()).unwrap();
    desk.advance(Duration::from_secs(5));
    report(desk, order, missing()).unwrap();
    let (order, _) = desk.place(limit(Side::Buy, "1", "92"));
    desk.must(Command::ExpireUnrouted { order, bound: Duration::ZERO });
    let order = working(desk, limit(Side::Buy, "1", "92"));
    report(desk, order, ReportKind::Expired).unwrap();
    let order = working(desk, limit(Side::Buy, "1", "92"));
    report(desk, order, ReportKind::Rejected { text: "not today".to_owned() }).unwrap();
}
