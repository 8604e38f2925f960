//! Halted, reduce-only and closed accounts.

use velox_testkit::trading::{AccountScenario, money, quantity};
use velox_trading::{Command, EndReason, Fact, HaltMode, OrderStatus, Refused, Rule, Side};

use crate::trade::{denial, desk, limit, trade, working};

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
