//! Candles from ticks and from candles agree, whatever order the ticks come in.

use proptest::prelude::*;
use velox_kernel::{Decimal, Price, Quantity, Symbol, Timeframe, Timestamp};
use velox_market::{Candle, CandleBuilder, CandleRollup, FeedCursor, HotMarket, HotSettings, MarketEvent, Trade};

fn symbol() -> Symbol {
    "BTC-PERP".parse().unwrap()
}

/// A trade at `millis` after a fixed hour.
fn trade(millis: i64, id: u64, price: i32, lots: i32) -> Trade {
    Trade {
        symbol: symbol(),
        at: Timestamp::from_micros(1_641_000_000_000_000 / 3_600_000_000 * 3_600_000_000 + millis * 1_000),
        cursor: FeedCursor { epoch: 1, offset: id },
        synthetic: false,
        id,
        price: Price::new(Decimal::from_int(price)),
        quantity: Quantity::new(Decimal::from_int(lots)),
        aggressor: None,
    }
}

/// Up to 400 trades over three hours, by time and number.
fn trades() -> impl Strategy<Value = Vec<Trade>> {
    prop::collection::vec((0..10_800_000_i64, 1..500_i32, 0..50_i32), 1..400).prop_map(|mut raw| {
        raw.sort_unstable();
        (1..).zip(raw).map(|(id, (millis, price, lots))| trade(millis, id, price, lots)).collect()
    })
}

/// Every candle of a timeframe, straight from the trades.
fn from_trades(trades: &[Trade], timeframe: Timeframe, kept: u8) -> Vec<Candle> {
    let (mut builder, mut out) = (CandleBuilder::new(symbol(), timeframe, kept), Vec::new());
    for trade in trades {
        builder.count(trade, &mut out);
    }
    builder.advance(Timestamp::from_seconds(4_000_000_000), &mut out);
    newest_of_each(out)
}

fn roll_up(parts: &[Candle], timeframe: Timeframe) -> Vec<Candle> {
    let (mut rollup, mut out) = (CandleRollup::new(timeframe, 1), Vec::new());
    for part in parts {
        rollup.count(part, &mut out);
    }
    rollup.advance(Timestamp::from_seconds(4_000_000_000), &mut out);
    newest_of_each(out)
}

/// What a store holds after all of these were saved: the last told of each opening time.
fn newest_of_each(told: Vec<Candle>) -> Vec<Candle> {
    let mut kept = std::collections::BTreeMap::new();
    for candle in told {
        kept.insert(candle.open_time, candle);
    }
    kept.into_values().collect()
}

proptest! {
    #[test]
    fn hours_from_minutes_are_hours_from_ticks(trades in trades()) {
        let minutes = from_trades(&trades, Timeframe::M1, 2);
        let hours = from_trades(&trades, Timeframe::H1, 2);
        prop_assert_eq!(&roll_up(&minutes, Timeframe::H1), &hours);
        let mut cascade = minutes;
        for timeframe in [Timeframe::M5, Timeframe::M15, Timeframe::M30, Timeframe::H1] {
            cascade = roll_up(&cascade, timeframe);
        }
        prop_assert_eq!(&cascade, &hours);
    }

    #[test]
    fn order_and_repetition_change_nothing_within_the_lateness(
        trades in trades(),
        swaps in prop::collection::vec((0..400_usize, 0..400_usize), 0..200),
        repeats in prop::collection::vec(0..400_usize, 0..50),
    ) {
        let expected = from_trades(&trades, Timeframe::M5, 40);
        let mut mixed = trades;
        for (a, b) in swaps {
            let length = mixed.len();
            mixed.swap(a % length, b % length);
        }
        for index in repeats {
            mixed.push(mixed[index % mixed.len()]);
        }
        prop_assert_eq!(from_trades(&mixed, Timeframe::M5, 40), expected);
    }

    #[test]
    fn memory_makes_every_timeframe_as_straight_from_the_ticks(trades in trades()) {
        let hot = HotMarket::new(HotSettings::default());
        let mut told = Vec::new();
        for trade in &trades {
            told.extend(hot.apply(&MarketEvent::Trade(*trade)));
        }
        told.extend(hot.advance(Timestamp::from_seconds(4_000_000_000), |_| true));
        for timeframe in Timeframe::ALL {
            let of_it = told.iter().filter(|candle| candle.timeframe == timeframe).copied().collect();
            prop_assert_eq!(newest_of_each(of_it), from_trades(&trades, timeframe, 2), "{}", timeframe);
        }
    }

    #[test]
    fn nothing_is_lost_between_ticks_and_candles(trades in trades()) {
        let candles = from_trades(&trades, Timeframe::M15, 1);
        prop_assert_eq!(candles.iter().map(|candle| candle.trades).sum::<u64>(), u64::try_from(trades.len()).unwrap());
        let units = |quantities: &mut dyn Iterator<Item = Quantity>| quantities.map(|q| q.decimal().units()).sum::<i128>();
        let traded = units(&mut trades.iter().map(|trade| trade.quantity));
        prop_assert_eq!(units(&mut candles.iter().map(|candle| candle.volume)), traded);
        for candle in candles {
            prop_assert!(candle.low <= candle.open.min(candle.close) && candle.high >= candle.open.max(candle.close));
        }
    }
}
