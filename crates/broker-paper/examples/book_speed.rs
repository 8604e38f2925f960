//! What a tick costs beside 100,000 resting orders: `cargo run --release -p velox-broker-paper --example book_speed`.

#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    clippy::float_arithmetic,
    clippy::as_conversions,
    missing_docs,
    reason = "a measurement"
)]

use std::hint::black_box;
use std::time::Instant;

use uuid::Uuid;
use velox_broker_paper::{PaperBook, PaperConfig, PaperInstrument, Tick, TickPrices};
use velox_kernel::{AccountId, Decimal, Digest, Money, OrderId, Price, Quantity, Symbol, Timestamp};
use velox_trading::{FeedPosition, Order, OrderKind, OrderStatus, OrderTerms, Side, TimeInForce};

const ORDERS: i32 = 100_000;
const TICKS: u64 = 1_000_000;

fn order(number: i32, account: AccountId, symbol: Symbol) -> Order {
    // Buys from 1 to 50,000 and sells from 50,101 to 100,100: the market lies between them.
    let (side, at) = if number <= ORDERS / 2 { (Side::Buy, number) } else { (Side::Sell, number + 100) };
    let limit_price = Price::new(Decimal::from_int(at));
    let now = Timestamp::from_seconds(1);
    Order {
        id: OrderId::new(Uuid::from_u128(u128::try_from(number).unwrap())),
        account,
        client_order_id: format!("c{number}").parse().unwrap(),
        fingerprint: Digest::new([0; 32]),
        terms: OrderTerms {
            symbol,
            currency: "USD".parse().unwrap(),
            side,
            kind: OrderKind::Limit { limit_price },
            quantity: Quantity::new(Decimal::ONE),
            time_in_force: TimeInForce::Gtc,
            reduce_only: false,
            strategy: None,
            tags: vec![],
        },
        status: OrderStatus::Routed,
        filled: Quantity::ZERO,
        filled_value: Money::ZERO,
        reserve_price: limit_price,
        broker_order_id: None,
        replaces: None,
        replaced_by: None,
        pending: None,
        denial: None,
        end: None,
        accepted_at: now,
        placed_at: now,
        updated_at: now,
        expires_at: None,
        unknown_since: None,
        misses: 0,
        first_seq: u64::try_from(number).unwrap(),
        last_seq: 0,
    }
}

fn tick(symbol: Symbol, offset: u64, price: i32) -> Tick {
    Tick {
        symbol,
        at: Timestamp::from_micros(2_000_000 + i64::try_from(offset).unwrap()),
        position: FeedPosition { epoch: 1, offset },
        prices: TickPrices::Trade {
            price: Price::new(Decimal::from_int(price)),
            quantity: Some(Quantity::new(Decimal::ONE)),
        },
    }
}

fn main() {
    let symbol: Symbol = "BTC-PERP".parse().unwrap();
    let account = AccountId::new(Uuid::from_u128(1));
    let mut book = PaperBook::new(account, PaperConfig::default());
    book.set_instrument(symbol, PaperInstrument::default());
    book.on_tick(&tick(symbol, 1, 50_050));
    let orders: Vec<Order> = (1..=ORDERS).map(|number| order(number, account, symbol)).collect();

    let begun = Instant::now();
    for order in &orders {
        black_box(book.place(order, Timestamp::from_seconds(2)));
    }
    let each = begun.elapsed().as_nanos() as f64 / f64::from(ORDERS);
    println!("place: {each:.0} ns an order, {} rest", book.open_in(symbol));

    let begun = Instant::now();
    let ticks: Vec<Tick> = (0..TICKS).map(|number| tick(symbol, number + 2, 50_001 + (number % 100) as i32)).collect();
    println!("(made {TICKS} ticks in {:?})", begun.elapsed());
    let begun = Instant::now();
    let reports: usize = ticks.iter().map(|tick| black_box(book.on_tick(tick)).len()).sum();
    let each = begun.elapsed().as_nanos() as f64 / TICKS as f64;
    println!("quiet tick: {each:.0} ns, {reports} reports, {} rest", book.open_in(symbol));

    // Each tick now fills exactly the best buy.
    let fills: u32 = 10_000;
    let ticks: Vec<Tick> =
        (0..fills).map(|number| tick(symbol, TICKS + 10 + u64::from(number), 50_000 - number as i32)).collect();
    let begun = Instant::now();
    let reports: usize = ticks.iter().map(|tick| black_box(book.on_tick(tick)).len()).sum();
    let each = begun.elapsed().as_nanos() as f64 / f64::from(fills);
    println!("filling tick: {each:.0} ns, {reports} reports, {} rest", book.open_in(symbol));
}
