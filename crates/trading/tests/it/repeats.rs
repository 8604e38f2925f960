//! The same request twice gets the same answer.

use velox_kernel::Digest;
use velox_testkit::trading::{AccountScenario, price, quantity, symbol};
use velox_trading::{Command, OrderStatus, Refused, RiskLimits, Side};

use crate::trade::{BTC, canceled, client_id, desk, fill_id, limit, limited, replace, replaced, report, working};

fn both(desk: &mut AccountScenario, command: &velox_trading::PlaceOrder) -> (Option<Refused>, Option<Refused>) {
    let mut other = command.clone();
    other.order = desk.new_order_id();
    other.fingerprint = Digest::new([99; 32]);
    let same = velox_trading::PlaceOrder { order: desk.new_order_id(), ..command.clone() };
    (desk.run(Command::Place(same)).err(), desk.run(Command::Place(other)).err())
}

#[test]
fn an_open_closed_or_denied_order_answers_for_its_id() {
    let mut desk = limited(RiskLimits { max_order_quantity: Some(quantity("5")), ..RiskLimits::default() });
    for amount in ["1", "6"] {
        let command = desk.place_command(limit(Side::Buy, amount, "90"));
        let (order, seq) = (command.order, desk.account().seq() + 1);
        desk.must(Command::Place(command.clone()));
        let answers = (Some(Refused::Repeated { order, seq }), Some(Refused::IdConflict { order }));
        assert_eq!(both(&mut desk, &command), answers);
        if desk.order(order).status.is_open() {
            desk.must(Command::Cancel { order });
            assert_eq!(both(&mut desk, &command), answers, "for ever");
        }
    }
}

#[test]
fn a_replacement_answers_for_its_id_from_the_request_on() {
    let mut desk = desk();
    let order = working(&mut desk, limit(Side::Buy, "1", "90"));
    let before = desk.order(order).clone();
    let command = replace(&mut desk, &before, "2");
    desk.must(Command::Replace(command.clone()));
    let seq = desk.account().seq();
    assert_eq!(desk.run(Command::Replace(command.clone())).err(), Some(Refused::Repeated { order, seq }));
    let mut place = desk.place_command(limit(Side::Buy, "1", "90"));
    place.client_order_id = command.client_order_id;
    assert_eq!(desk.run(Command::Place(place.clone())).err(), Some(Refused::IdConflict { order }));
    desk.must(Command::Cancel { order });
    assert!(matches!(desk.run(Command::Replace(command.clone())).err(), Some(Refused::Repeated { .. })));

    report(&mut desk, order, replaced("b2")).unwrap();
    let made = command.replacement;
    assert!(
        matches!(desk.run(Command::Replace(command)).err(), Some(Refused::Repeated { order, .. }) if order == made)
    );
    assert_eq!(desk.run(Command::Place(place)).err(), Some(Refused::IdConflict { order: made }));
}

#[test]
fn fills_count_once_whatever_the_order_became() {
    let mut desk = desk();
    let order = working(&mut desk, limit(Side::Buy, "2", "100"));
    let fill = desk.fill_report(order, fill_id("f"), quantity("1"), price("100"));
    desk.must(fill.clone());
    assert!(desk.run(fill.clone()).unwrap().events.is_empty());
    report(&mut desk, order, canceled()).unwrap();
    assert!(desk.run(fill).unwrap().events.is_empty());
    assert_eq!(desk.account().position(symbol(BTC)).unwrap().quantity, quantity("1"));
}

#[test]
fn a_cancel_may_be_sent_again() {
    let mut desk = desk();
    let order = working(&mut desk, limit(Side::Buy, "1", "90"));
    desk.must(Command::Cancel { order });
    assert!(desk.run(Command::Cancel { order }).unwrap().events.is_empty());
    report(&mut desk, order, canceled()).unwrap();
    let refused = desk.run(Command::Cancel { order }).err();
    assert_eq!(refused, Some(Refused::OrderNotOpen { status: OrderStatus::Canceled }));
    let stranger = desk.new_order_id();
    assert_eq!(desk.run(Command::Cancel { order: stranger }).err(), Some(Refused::UnknownOrder));
    assert!(desk.account().open_order_by_client_id(client_id("client-1")).is_none());
}
