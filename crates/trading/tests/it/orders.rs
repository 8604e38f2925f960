//! The other commands: routing and its bound, cancelling all, cash, limits, opening and resetting.

use std::time::Duration;

use velox_kernel::Decimal;
use velox_testkit::trading::{currency, money, price, quantity, symbol, terms};
use velox_trading::{Command, EndReason, OrderKind, OrderStatus, Refused, RiskLimits, Side};

use crate::trade::{desk, desk_with, limit, trade, working};

#[test]
fn an_order_is_claimed_once_and_expires_when_nobody_does() {
    let mut desk = desk();
    let bound = Duration::from_secs(5);
    let (order, _) = desk.place(limit(Side::Buy, "1", "90"));
    desk.advance(bound - Duration::from_micros(1));
    assert_eq!(desk.run(Command::ExpireUnrouted { order, bound }).err(), Some(Refused::NotRoutable), "not due");
    let mut late = desk.clone();
    desk.must(Command::Route { order });
    assert_eq!(desk.run(Command::Route { order }).err(), Some(Refused::NotRoutable), "claimed");
    desk.advance(bound);
    assert_eq!(desk.run(Command::ExpireUnrouted { order, bound }).err(), Some(Refused::NotRoutable), "claimed");
    late.advance(Duration::from_micros(1));
    late.must(Command::ExpireUnrouted { order, bound });
    assert_eq!(late.order(order).status, OrderStatus::Expired);
    assert_eq!(late.order(order).end, Some(EndReason::NotRouted));
    assert_eq!(late.run(Command::Route { order }).err(), Some(Refused::NotRoutable));
}

#[test]
fn cancel_all_may_be_held_to_one_instrument() {
    let mut desk = desk();
    desk.set_price(symbol("ETH-PERP"), price("100"));
    let (waiting, _) = desk.place(limit(Side::Buy, "1", "90"));
    let works = working(&mut desk, limit(Side::Buy, "1", "90"));
    let other = terms(symbol("ETH-PERP"), Side::Buy, "1", OrderKind::Limit { limit_price: price("90") });
    let (other, _) = desk.place(other);
    desk.must(Command::CancelAll { symbol: Some(symbol("BTC-PERP")) });
    let status = |id| desk.order(id).status;
    assert_eq!(status(waiting), OrderStatus::Canceled);
    assert_eq!(status(works), OrderStatus::PendingCancel);
    assert_eq!(status(other), OrderStatus::PendingNew);
    desk.must(Command::CancelAll { symbol: None });
    assert_eq!(desk.order(other).status, OrderStatus::Canceled);
    assert!(desk.run(Command::CancelAll { symbol: None }).unwrap().events.is_empty());
}

#[test]
fn cash_that_is_needed_cannot_be_paid_out() {
    let mut desk = desk_with(|opening| {
        opening.cash = money("100");
        opening.leverage = Decimal::from_int(2);
    });
    let pay = |amount| Command::MoveCash { currency: currency("USD"), amount: money(amount) };
    trade(&mut desk, Side::Buy, "1", "100");
    assert_eq!(desk.run(pay("-50.01")).err(), Some(Refused::InsufficientCash));
    desk.clone().must(pay("-50"));
    assert!(matches!(desk.run(pay("0")).err(), Some(Refused::OutOfRange(_))));
    working(&mut desk, limit(Side::Buy, "0.5", "100"));
    assert_eq!(desk.run(pay("-25.01")).err(), Some(Refused::InsufficientCash));
    desk.must(pay("-25"));
    let foreign = Command::MoveCash { currency: currency("EUR"), amount: money("-1") };
    assert_eq!(desk.run(foreign).err(), Some(Refused::InsufficientCash), "nothing is converted");
}

#[test]
fn accounts_are_opened_once_within_their_ranges() {
    let mut desk = desk();
    let opening = desk.opening();
    assert_eq!(desk.run(Command::Open(opening.clone())).err(), Some(Refused::AlreadyOpen));
    let fresh =
        velox_testkit::trading::AccountScenario::new(std::sync::Arc::new(velox_testkit::CountingIds::default()));
    assert_eq!(fresh.clone().run(Command::Resume).err(), Some(Refused::NotOpen));
    let mut bad = vec![];
    for (cash, leverage) in [("-1", "1"), ("1", "0.99"), ("1", "1000.01")] {
        let (cash, leverage) = (money(cash), leverage.parse().unwrap());
        bad.push(velox_trading::OpenAccount { cash, leverage, ..opening.clone() });
    }
    let limits = RiskLimits { max_position: Some(quantity("-1")), ..RiskLimits::default() };
    bad.push(velox_trading::OpenAccount { limits, ..opening.clone() });
    let limits = RiskLimits { max_open_orders: 0, ..RiskLimits::default() };
    bad.push(velox_trading::OpenAccount { limits, ..opening });
    for opening in bad {
        let refused = fresh.clone().run(Command::Open(opening.clone())).err();
        assert!(matches!(refused, Some(Refused::OutOfRange(_))), "{opening:?}");
    }
}

#[test]
fn only_paper_accounts_without_orders_are_reset() {
    let mut live = desk_with(|opening| opening.paper = false);
    assert_eq!(live.run(Command::Reset { cash: money("1") }).err(), Some(Refused::NotPaper));
    let mut desk = desk();
    trade(&mut desk, Side::Buy, "1", "100");
    let order = working(&mut desk, limit(Side::Buy, "1", "90"));
    assert_eq!(desk.run(Command::Reset { cash: money("1") }).err(), Some(Refused::OpenOrders));
    crate::trade::report(&mut desk, order, crate::trade::canceled()).unwrap();
    desk.must(Command::Reset { cash: money("1") });
    assert_eq!(desk.account().positions().count(), 0);
    assert_eq!(desk.account().balance(currency("USD")).unwrap().cash(), Ok(money("1")));
}

#[test]
fn the_same_limits_again_are_nothing_new() {
    let mut desk = desk();
    let limits = RiskLimits { daily_trades: Some(3), ..RiskLimits::default() };
    desk.must(Command::SetLimits(limits.clone()));
    assert!(desk.run(Command::SetLimits(limits)).unwrap().events.is_empty());
    let (order, _) = desk.place(limit(Side::Buy, "1", "90"));
    desk.place(limit(Side::Buy, "1", "90"));
    assert_eq!(desk.order(order).status, OrderStatus::PendingNew);
}
