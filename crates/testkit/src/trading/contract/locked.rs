//! Deciding under the stream's lock.

use velox_kernel::Digest;
use velox_trading::{Append, Appended, DecideLocked, Head, OrderKind, RecordedEvent, Side};

use super::{TradingPorts, scenario};
use crate::trading::{price, symbol, terms};

/// A decision whose answer was made before; it checks what it is shown.
struct Prepared {
    head: Head,
    tail: Vec<RecordedEvent>,
    answer: Option<Append>,
}

impl DecideLocked for Prepared {
    fn decide(&mut self, head: Head, tail: Vec<RecordedEvent>) -> Option<Append> {
        assert_eq!(head, self.head, "the head under the lock");
        assert_eq!(tail, self.tail, "the events since the known head");
        self.answer.take()
    }
}

const NONE: Head = Head { seq: 0, hash: Digest::ZERO };

/// The decision is shown what was appended since, and its append commits, also as a stream's beginning.
pub async fn a_locked_append_sees_the_tail(ports: &TradingPorts) {
    let btc = symbol("BTC-PERP");
    let mut desk = scenario();
    desk.set_price(btc, price("100"));
    let opening = desk.open();
    let decide = Prepared { head: NONE, tail: vec![], answer: Some(opening) };
    let (_, outcome) = ports.log.append_locked(desk.id(), NONE, Box::new(decide)).await.expect("the store is there");
    assert_eq!(outcome, Some(Appended::Committed));

    let known = desk.head();
    for _ in 0..3 {
        let (_, append) = desk.place_limit(btc, Side::Buy, "1", price("90"));
        ports.commit(append).await;
    }
    let head = desk.head();
    let tail = desk.log()[1..].to_vec();
    let (_, append) = desk.place_limit(btc, Side::Buy, "1", price("91"));
    let decide = Prepared { head, tail, answer: Some(append) };
    let (_, outcome) = ports.log.append_locked(desk.id(), known, Box::new(decide)).await.expect("the store is there");
    assert_eq!(outcome, Some(Appended::Committed));
    ports.must_hold(&desk).await;
}

/// A decision may find that nothing is left to do; the lock is then free again.
pub async fn a_locked_decision_may_append_nothing(ports: &TradingPorts) {
    let mut desk = scenario();
    ports.commit(desk.open()).await;
    for _ in 0..2 {
        let decide = Prepared { head: desk.head(), tail: desk.log().to_vec(), answer: None };
        let (_, outcome) =
            ports.log.append_locked(desk.id(), NONE, Box::new(decide)).await.expect("the store is there");
        assert_eq!(outcome, None);
    }
    ports.must_hold(&desk).await;
}

/// Under the lock a client order id is still taken for ever.
pub async fn a_locked_duplicate_is_a_conflict(ports: &TradingPorts) {
    let btc = symbol("BTC-PERP");
    let mut desk = scenario();
    desk.set_price(btc, price("100"));
    ports.commit(desk.open()).await;
    let (order, append) = desk.place_limit(btc, Side::Buy, "1", price("90"));
    ports.commit(append).await;
    ports.commit(desk.must(velox_trading::Command::Cancel { order })).await;

    let mut careless = desk.clone();
    careless.looks_up = false;
    let limit = OrderKind::Limit { limit_price: price("91") };
    let mut again = careless.place_command(terms(btc, Side::Buy, "1", limit));
    again.client_order_id = desk.order(order).client_order_id;
    let repeated = careless.must(velox_trading::Command::Place(again));
    let decide = Prepared { head: desk.head(), tail: vec![], answer: Some(repeated) };
    let (_, outcome) =
        ports.log.append_locked(desk.id(), desk.head(), Box::new(decide)).await.expect("the store is there");
    assert_eq!(outcome, Some(Appended::Conflict));
    ports.must_hold(&desk).await;
    let (_, append) = desk.place_limit(btc, Side::Buy, "1", price("90"));
    ports.commit(append).await;
}
