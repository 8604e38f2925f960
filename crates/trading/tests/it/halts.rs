//! Halted, reduce-only and closed accounts.

use velox_testkit::trading::{AccountScenario, money, price, quantity, symbol};
use velox_trading::{
    Basis, Command, EndReason, Fact, HaltMode, OrderStatus, Refused, RiskLimits, Rule, RuleCheck, Side, UsedPrice,
};

use crate::trade::{BTC, denial, desk, limit, limited, market, trade, working};

fn halt(desk: &mut AccountScenario, mode: HaltMode, cancel_open: bool) -> Vec<Fact> {
    let append = desk.run(Command::Halt { mode, reason: "drill".to_owned(), cancel_open }).unwrap();
    AccountScenario::facts(&append)
}

#[test]
fn a_halted_account_takes_and_routes_nothing() {
    let mut desk = desk();
    let (waiting, _) = desk.place(limit(Side::Buy, "1", "90"));
    let works = working(&mut desk, limit(Side::Buy, "1", "90"));
    assert_eq!(halt(&mut desk, HaltMode::Halted, false).len(), 1);
    assert_eq!(halt(&mut desk, HaltMode::Halted, false), [], "again is nothing new");
    assert_eq!(denial(&desk.place(limit(Side::Buy, "1", "90")).1).unwrap().rule, Rule::AccountState);
    let facts = AccountScenario::facts(&desk.must(Command::Route { order: waiting }));
    assert_eq!(facts, [Fact::OrderCanceled { order_id: waiting, reason: EndReason::AccountHalted }]);
    desk.must(Command::Cancel { order: works });
    desk.must(Command::Resume);
    assert_eq!(desk.run(Command::Resume).err(), Some(Refused::NotHalted));
    assert_eq!(denial(&desk.place(limit(Side::Buy, "1", "90")).1), None);
}

#[test]
fn a_halt_may_cancel_what_is_open() {
    let mut desk = desk();
    let (waiting, _) = desk.place(limit(Side::Buy, "1", "90"));
    let works = working(&mut desk, limit(Side::Buy, "1", "90"));
    halt(&mut desk, HaltMode::Halted, true);
    assert_eq!(desk.order(waiting).status, OrderStatus::Canceled);
    assert_eq!(desk.order(works).status, OrderStatus::PendingCancel);
}

#[test]
fn a_reduce_only_account_only_makes_positions_smaller() {
    let mut desk = desk();
    trade(&mut desk, Side::Buy, "3", "100");
    let (adds, _) = desk.place(limit(Side::Buy, "1", "90"));
    let (one, _) = desk.place(limit(Side::Sell, "3", "110"));
    let (two, _) = desk.place(limit(Side::Sell, "3", "110"));
    halt(&mut desk, HaltMode::ReduceOnly, false);
    desk.must(Command::Route { order: adds });
    desk.must(Command::Route { order: one });
    desk.must(Command::Route { order: two });
    assert_eq!(desk.order(adds).status, OrderStatus::Canceled);
    assert_eq!(desk.order(one).status, OrderStatus::Routed);
    assert_eq!(desk.order(two).status, OrderStatus::Canceled, "both together would go through zero");

    desk.must(Command::Cancel { order: one });
    crate::trade::report(&mut desk, one, crate::trade::canceled()).unwrap();
    assert_eq!(denial(&desk.place(limit(Side::Buy, "1", "90")).1).unwrap().rule, Rule::AccountState);
    assert_eq!(denial(&desk.place(limit(Side::Sell, "3.0001", "100")).1).unwrap().rule, Rule::AccountState);
    assert_eq!(denial(&desk.place(limit(Side::Sell, "3", "100")).1), None);
}

/// An account that may lose 10 in a day.
fn careful() -> AccountScenario {
    limited(RiskLimits { daily_loss: Some(money("10")), ..RiskLimits::default() })
}

fn enforce(desk: &mut AccountScenario) -> Vec<Fact> {
    AccountScenario::facts(&desk.run(Command::EnforceDailyLoss).unwrap())
}

#[test]
fn a_loss_that_reaches_its_limit_leaves_only_what_makes_positions_smaller() {
    let mut desk = careful();
    trade(&mut desk, Side::Buy, "3", "100");
    let (adds, _) = desk.place(limit(Side::Buy, "1", "90"));
    let also_adds = working(&mut desk, limit(Side::Buy, "1", "80"));
    let closes = working(&mut desk, limit(Side::Sell, "2", "110"));
    let closes_more = working(&mut desk, limit(Side::Sell, "2", "120"));
    let (closes_the_rest, _) = desk.place(limit(Side::Sell, "1", "130"));

    desk.set_price(symbol(BTC), price("96.67"));
    assert_eq!(enforce(&mut desk), [], "9.99 are lost");
    desk.set_price(symbol(BTC), price("96.666666666666"));
    let facts = enforce(&mut desk);
    let Some(Fact::AccountHalted { mode: HaltMode::ReduceOnly, basis: Some(Basis { prices, checks }), .. }) =
        facts.first()
    else {
        panic!("{facts:?}")
    };
    let seen = UsedPrice { symbol: symbol(BTC), price: price("96.666666666666"), at: prices[0].at };
    assert_eq!(prices, &[seen]);
    let check = RuleCheck {
        rule: Rule::DailyLoss,
        passed: false,
        limit: Some("10".parse().unwrap()),
        used: Some("10.000000000002".parse().unwrap()),
        headroom: Some(velox_kernel::Decimal::ZERO),
    };
    assert_eq!(checks, &[check]);
    assert_eq!(desk.order(adds).status, OrderStatus::Canceled);
    for (order, status) in [
        (also_adds, OrderStatus::PendingCancel),
        (closes, OrderStatus::New),
        (closes_more, OrderStatus::PendingCancel),
        (closes_the_rest, OrderStatus::PendingNew),
    ] {
        assert_eq!(desk.order(order).status, status);
    }
    assert_eq!(enforce(&mut desk), [], "it is halted already");

    // Whoever trades on without anything having changed is stopped again; a new day, or a wider limit, begins anew.
    desk.must(Command::Resume);
    assert_eq!(enforce(&mut desk).len(), 1);
    desk.must(Command::Resume);
    desk.must(Command::SetLimits(RiskLimits { daily_loss: Some(money("11")), ..RiskLimits::default() }));
    assert_eq!(enforce(&mut desk), []);
}

#[test]
fn what_was_lost_counts_with_fees_and_until_the_day_ends() {
    let mut desk = careful();
    trade(&mut desk, Side::Buy, "1", "100");
    trade(&mut desk, Side::Sell, "1", "91");
    assert_eq!(enforce(&mut desk), []);
    trade(&mut desk, Side::Sell, "1", "100");
    trade(&mut desk, Side::Buy, "1", "101");
    assert_eq!(denial(&desk.place(market(Side::Buy, "1")).1).unwrap().rule, Rule::DailyLoss);
    desk.advance(std::time::Duration::from_secs(24 * 60 * 60));
    assert_eq!(enforce(&mut desk), [], "another day");
}

#[test]
fn a_halt_is_not_made_weaker_by_a_loss() {
    let mut desk = careful();
    trade(&mut desk, Side::Buy, "3", "100");
    desk.set_price(symbol(BTC), price("50"));
    halt(&mut desk, HaltMode::Halted, false);
    assert_eq!(enforce(&mut desk), []);
    assert_eq!(desk.account().halt(), Some(HaltMode::Halted));
}

#[test]
fn a_closed_account_stays_closed() {
    let mut desk = desk();
    trade(&mut desk, Side::Buy, "1", "100");
    assert_eq!(desk.run(Command::Close).err(), Some(Refused::OpenOrders));
    trade(&mut desk, Side::Sell, "1", "100");
    desk.must(Command::Close);
    assert_eq!(desk.run(Command::Resume).err(), Some(Refused::Closed));
    assert_eq!(desk.run(Command::Reset { cash: money("1") }).err(), Some(Refused::Closed));
    let halt = Command::Halt { mode: HaltMode::Halted, reason: String::new(), cancel_open: false };
    assert_eq!(desk.run(halt).err(), Some(Refused::Closed));
    assert_eq!(denial(&desk.place(limit(Side::Buy, "1", "90")).1).unwrap().rule, Rule::AccountState);
    assert_eq!(desk.account().positions().next().unwrap().quantity, quantity("0"));
}
