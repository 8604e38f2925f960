//! How long it takes to decide and take in a resting order, with few and with many orders open.
//!
//! `cargo run --release -p velox-trading --example decide_speed`. Each round starts from the same account, so taking an order
//! in copies a path of the persistent maps: the figure may grow with the logarithm of the number of
//! open orders, a few microseconds at 10,000, and no faster.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a measurement for developers")]
#![allow(clippy::disallowed_methods, reason = "a measurement reads the machine's clock")]

use std::sync::Arc;
use std::time::Instant;

use velox_kernel::{Digest, OrderId};
use velox_testkit::CountingIds;
use velox_testkit::trading::{AccountScenario, instrument, money, price, symbol, terms};
use velox_trading::{Account, Command, OrderKind, PlaceOrder, RiskLimits, Side};

const ROUNDS: u32 = 20_000;

fn place(order: OrderId, name: u32) -> Command {
    let kind = OrderKind::Limit { limit_price: price("99.5") };
    Command::Place(PlaceOrder {
        order,
        client_order_id: format!("speed-{name}").parse().unwrap(),
        fingerprint: Digest::new([1; 32]),
        terms: terms(symbol("BTC-PERP"), Side::Buy, "0.5", kind),
        rules: instrument(symbol("BTC-PERP")),
    })
}

fn decide(scenario: &AccountScenario, account: &mut Account, command: &Command) {
    (_, *account) = account.handle_and_apply(command, &scenario.context(command)).unwrap();
}

fn main() {
    let mut scenario = AccountScenario::new(Arc::new(CountingIds::default()));
    scenario.set_price(symbol("BTC-PERP"), price("100"));
    let mut opening = scenario.opening();
    opening.cash = money("1000000000");
    opening.limits = RiskLimits { max_open_orders: 1_000_000, ..RiskLimits::default() };
    scenario.must(Command::Open(opening));
    for open in [0, 10_000, 100_000] {
        let mut account = scenario.account().clone();
        for name in 0..open {
            decide(&scenario, &mut account, &place(scenario.new_order_id(), name));
        }
        let commands: Vec<Command> = (0..ROUNDS).map(|name| place(scenario.new_order_id(), open + name)).collect();
        let start = Instant::now();
        for command in &commands {
            let mut account = account.clone();
            decide(&scenario, &mut account, command);
            std::hint::black_box(&account);
        }
        let each = start.elapsed().as_nanos() / u128::from(ROUNDS);
        println!("{open:>7} open orders: {each} ns to decide and take in a resting order");
    }
}
