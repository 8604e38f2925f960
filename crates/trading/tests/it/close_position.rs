//! Closing positions.

use velox_kernel::{Digest, Symbol};
use velox_testkit::trading::{AccountScenario, instrument, quantity, symbol};
use velox_trading::{ClosePosition, Command, OrderKind, Refused, Side};

use crate::trade::{BTC, denial, desk, limit, trade, working};

fn close(desk: &mut AccountScenario, symbol: Symbol) -> Command {
    Command::ClosePosition(ClosePosition {
        symbol,
        order: desk.new_order_id(),
        client_order_id: desk.new_client_order_id(),
        fingerprint: Digest::new([4; 32]),
        rules: instrument(symbol),
    })
}

#[test]
fn it_sells_a_long_one_and_buys_a_short_one() {
    for (held, closing) in [(Side::Buy, Side::Sell), (Side::Sell, Side::Buy)] {
        let mut desk = desk();
        trade(&mut desk, held, "2", "100");
        let command = close(&mut desk, symbol(BTC));
        assert_eq!(denial(&desk.must(command)), None);
        let order = desk.account().open_orders().next().unwrap();
        assert_eq!((order.terms.side, order.terms.kind), (closing, OrderKind::Market));
        assert_eq!((order.terms.quantity, order.terms.reduce_only), (quantity("2"), true));
        let again = close(&mut desk, symbol(BTC));
        assert_eq!(desk.run(again).err(), Some(Refused::ClosingAlready));
    }
}

#[test]
fn it_leaves_to_open_orders_what_they_close() {
    let mut desk = desk();
    let command = close(&mut desk, symbol(BTC));
    assert_eq!(desk.run(command).err(), Some(Refused::NoPosition));
    trade(&mut desk, Side::Buy, "2", "100");
    working(&mut desk, limit(Side::Sell, "0.5", "120"));
    let command = close(&mut desk, symbol(BTC));
    desk.must(command);
    let order = desk.account().open_orders().find(|order| order.terms.reduce_only).unwrap();
    assert_eq!(order.terms.quantity, quantity("1.5"));
    trade(&mut desk, Side::Sell, "2", "100");
    let command = close(&mut desk, symbol(BTC));
    assert_eq!(desk.run(command).err(), Some(Refused::NoPosition), "flat again");
}
