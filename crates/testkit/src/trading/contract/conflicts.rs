//! Conflicts are outcomes, not errors, and leave nothing behind.

use velox_trading::{Appended, Command, OrderKind, Side};

use super::{TradingPorts, scenario};
use crate::trading::{AccountScenario, price, quantity, symbol, terms};

async fn opened(ports: &TradingPorts) -> AccountScenario {
    let mut desk = scenario();
    desk.set_price(symbol("BTC-PERP"), price("100"));
    ports.commit(desk.open()).await;
    desk
}

/// A stale member among good ones: they commit, it does not, and nothing of it is written.
pub async fn a_conflict_hurts_no_other_member(ports: &TradingPorts) {
    let btc = symbol("BTC-PERP");
    let (mut first, mut second, mut third) = (opened(ports).await, opened(ports).await, opened(ports).await);
    let mut stale = second.clone();
    let (_, append) = second.place_limit(btc, Side::Buy, "1", price("90"));
    ports.commit(append).await;

    let (_, a) = first.place_limit(btc, Side::Buy, "1", price("91"));
    let (_, b) = stale.place_limit(btc, Side::Sell, "2", price("120"));
    let (_, c) = third.place_limit(btc, Side::Buy, "3", price("92"));
    let outcome = ports.log.append(vec![a, b, c]).await.expect("the store is there");
    assert_eq!(outcome, [Appended::Committed, Appended::Conflict, Appended::Committed]);
    for desk in [&first, &second, &third] {
        ports.must_hold(desk).await;
    }
    assert_eq!(ports.log.append(vec![]).await, Ok(vec![]), "an empty batch is nothing");
}

/// The expected number must be the newest one: neither behind nor ahead, nor a second beginning.
pub async fn the_expected_number_must_be_the_newest(ports: &TradingPorts) {
    let btc = symbol("BTC-PERP");
    let mut desk = opened(ports).await;
    let mut behind = desk.clone();
    let (_, append) = desk.place_limit(btc, Side::Buy, "1", price("90"));
    ports.commit(append.clone()).await;
    assert_eq!(ports.append_one(append).await, Appended::Conflict, "the same again");
    let (_, late) = behind.place_limit(btc, Side::Buy, "1", price("90"));
    assert_eq!(ports.append_one(late).await, Appended::Conflict, "behind");
    let mut ahead = desk.clone();
    ahead.place_limit(btc, Side::Buy, "1", price("90"));
    let (_, early) = ahead.place_limit(btc, Side::Buy, "1", price("90"));
    assert_eq!(ports.append_one(early).await, Appended::Conflict, "ahead");
    let mut nobody = scenario();
    nobody.set_price(btc, price("100"));
    nobody.open();
    let (_, headless) = nobody.place_limit(btc, Side::Buy, "1", price("90"));
    assert_eq!(ports.append_one(headless).await, Appended::Conflict, "before the beginning");
    ports.must_hold(&desk).await;
}

/// An account's client order id names one order for ever; another account may use it too.
pub async fn a_repeated_client_order_id_is_a_conflict(ports: &TradingPorts) {
    let btc = symbol("BTC-PERP");
    let (mut desk, mut other) = (opened(ports).await, opened(ports).await);
    let (order, append) = desk.place_limit(btc, Side::Buy, "1", price("90"));
    ports.commit(append).await;
    ports.commit(desk.must(Command::Cancel { order })).await;
    let taken = desk.order(order).client_order_id;

    // A writer that did not ask the store for the closed order.
    let mut careless = desk.clone();
    careless.looks_up = false;
    let limit = OrderKind::Limit { limit_price: price("91") };
    let mut again = careless.place_command(terms(btc, Side::Buy, "1", limit));
    again.client_order_id = taken;
    let repeated = careless.must(Command::Place(again));
    let mut elsewhere = other.place_command(terms(btc, Side::Buy, "1", limit));
    elsewhere.client_order_id = taken;
    let fine = other.must(Command::Place(elsewhere));
    let outcome = ports.log.append(vec![repeated, fine]).await.expect("the store is there");
    assert_eq!(outcome, [Appended::Conflict, Appended::Committed]);

    // Twice in one append, the first one closed in between.
    let mut careless = desk.clone();
    careless.looks_up = false;
    let (mut one, mut two) = (
        careless.place_command(terms(btc, Side::Buy, "1", limit)),
        careless.place_command(terms(btc, Side::Buy, "2", limit)),
    );
    one.client_order_id = "twice".parse().expect("a client order id");
    two.client_order_id = one.client_order_id;
    let cancel = Command::Cancel { order: one.order };
    let append = careless.run_all([Command::Place(one), cancel, Command::Place(two)]).expect("all are accepted");
    assert_eq!(ports.append_one(append).await, Appended::Conflict);
    ports.must_hold(&desk).await;
    ports.must_hold(&other).await;
}

/// A fill counts once; another account may have one of the same name.
pub async fn a_repeated_fill_is_a_conflict(ports: &TradingPorts) {
    let btc = symbol("BTC-PERP");
    let (mut desk, mut other) = (opened(ports).await, opened(ports).await);
    let name = "fill-1".parse().expect("a fill's name");
    let mut orders = vec![];
    for owner in [&mut desk, &mut other] {
        let (order, append) = owner.place_limit(btc, Side::Buy, "5", price("100"));
        ports.commit(append).await;
        ports.commit(owner.work(order)).await;
        orders.push(order);
    }
    let report = desk.fill_report(orders[0], name, quantity("1"), price("100"));
    ports.commit(desk.must(report.clone())).await;
    let mut careless = desk.clone();
    careless.looks_up = false;
    let repeated = careless.must(report);
    let fine = other.must(other.fill_report(orders[1], name, quantity("1"), price("100")));
    let outcome = ports.log.append(vec![repeated, fine]).await.expect("the store is there");
    assert_eq!(outcome, [Appended::Conflict, Appended::Committed]);
    assert_eq!(ports.queries.has_fill(desk.id(), name).await, Ok(true));
    let unknown = "fill-2".parse().expect("a fill's name");
    assert_eq!(ports.queries.has_fill(desk.id(), unknown).await, Ok(false));
    assert_eq!(ports.queries.has_fill(scenario().id(), name).await, Ok(false));
    ports.must_hold(&desk).await;
    ports.must_hold(&other).await;
}
