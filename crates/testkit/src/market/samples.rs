//! Market data as tests need it.

#![allow(clippy::expect_used, reason = "fixed samples")]

use velox_kernel::{Decimal, Price, Quantity, Symbol, Timeframe, Timestamp};
use velox_market::{Candle, FeedCursor, Quote, Trade};

fn price(number: i32) -> Price {
    Price::new(Decimal::from_int(number))
}

/// A trade of one unit at a whole price; its number is its cursor's offset.
///
/// # Panics
/// When `symbol` is none.
#[must_use]
pub fn sample_trade(symbol: &str, at: Timestamp, offset: u64, at_price: i32) -> Trade {
    Trade {
        symbol: symbol.parse().expect("a symbol"),
        at,
        cursor: FeedCursor { epoch: 1, offset },
        synthetic: false,
        id: offset,
        price: price(at_price),
        quantity: Quantity::new(Decimal::ONE),
        aggressor: None,
    }
}

/// A quote with a bid at a whole price, the ask one above it and ten units at each.
///
/// # Panics
/// When `symbol` is none.
#[must_use]
pub fn sample_quote(symbol: &str, at: Timestamp, offset: u64, bid: i32) -> Quote {
    Quote {
        symbol: symbol.parse().expect("a symbol"),
        at,
        cursor: FeedCursor { epoch: 1, offset },
        synthetic: false,
        bid: price(bid),
        bid_size: Quantity::new(Decimal::from_int(10)),
        ask: price(bid + 1),
        ask_size: Quantity::new(Decimal::from_int(10)),
    }
}

/// A complete candle that opened `index` lengths after 2026-01-05T00:00:00Z at the price `open`, rose by 3, fell by 2
/// and closed 1 higher, on a volume of 5.
#[must_use]
pub fn sample_candle(symbol: Symbol, timeframe: Timeframe, index: i32, open: i32) -> Candle {
    let start = Timestamp::from_seconds(1_767_571_200 + i64::from(index) * i64::from(timeframe.seconds()));
    Candle {
        symbol,
        timeframe,
        open_time: start,
        open: price(open),
        high: price(open + 3),
        low: price(open - 2),
        close: price(open + 1),
        volume: Quantity::new(Decimal::from_int(5)),
        trades: 4,
        complete: true,
        synthetic: false,
        gap_before: false,
    }
}
