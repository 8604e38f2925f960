//! The market's steps survive being records.

use std::sync::LazyLock;

use proptest::prelude::*;
use velox_kernel::{Decimal, Price, Quantity, Symbol, Timeframe, Timestamp};
use velox_market::{Aggressor, Bar, Candle, FeedCursor, MarketEvent, Quote, Trade};
use velox_messages::{Codec, Formats, MarketData, MarketStep, MarketTold};

use crate::codec::bench;

/// What Avro's long holds.
const LONGEST: u64 = i64::MAX.unsigned_abs();

static RUNTIME: LazyLock<tokio::runtime::Runtime> = LazyLock::new(|| tokio::runtime::Runtime::new().unwrap());
static CODEC: LazyLock<Codec> = LazyLock::new(|| RUNTIME.block_on(bench(Formats::default())).codec);

fn decimals() -> impl Strategy<Value = Decimal> {
    let most = Decimal::MAX.units();
    prop_oneof![(-most..=most), (-300_i128..300)].prop_map(|units| Decimal::from_units(units).unwrap())
}

fn prices() -> impl Strategy<Value = Price> {
    decimals().prop_map(Price::new)
}

fn quantities() -> impl Strategy<Value = Quantity> {
    decimals().prop_map(Quantity::new)
}

fn times() -> impl Strategy<Value = Timestamp> {
    any::<i64>().prop_map(Timestamp::from_micros)
}

fn symbols() -> impl Strategy<Value = Symbol> {
    "[A-Z0-9._/-]{1,24}".prop_map(|text| text.parse().unwrap())
}

fn candles() -> impl Strategy<Value = Candle> {
    let timeframes = proptest::sample::select(Timeframe::ALL.to_vec());
    let shape = [prices(), prices(), prices(), prices()];
    (symbols(), timeframes, times(), shape, quantities(), 0..=LONGEST, any::<[bool; 3]>()).prop_map(
        |(
            symbol,
            timeframe,
            open_time,
            [open, high, low, close],
            volume,
            trades,
            [complete, synthetic, gap_before],
        )| {
            Candle {
                symbol,
                timeframe,
                open_time,
                open,
                high,
                low,
                close,
                volume,
                trades,
                complete,
                synthetic,
                gap_before,
            }
        },
    )
}

fn events() -> impl Strategy<Value = MarketEvent> {
    let cursors = || (0..=LONGEST, 0..=LONGEST).prop_map(|(epoch, offset)| FeedCursor { epoch, offset });
    let aggressors = prop_oneof![Just(None), Just(Some(Aggressor::Buyer)), Just(Some(Aggressor::Seller))];
    let trades = (symbols(), times(), cursors(), any::<bool>(), any::<u64>(), prices(), quantities(), aggressors)
        .prop_map(|(symbol, at, cursor, synthetic, id, price, quantity, aggressor)| {
            MarketEvent::Trade(Trade { symbol, at, cursor, synthetic, id, price, quantity, aggressor })
        });
    let quotes = (symbols(), times(), cursors(), any::<bool>(), prices(), quantities(), prices(), quantities())
        .prop_map(|(symbol, at, cursor, synthetic, bid, bid_size, ask, ask_size)| {
            MarketEvent::Quote(Quote { symbol, at, cursor, synthetic, bid, bid_size, ask, ask_size })
        });
    let bars =
        (times(), cursors(), candles()).prop_map(|(at, cursor, candle)| MarketEvent::Bar(Bar { at, cursor, candle }));
    prop_oneof![trades, quotes, bars]
}

fn steps() -> impl Strategy<Value = MarketStep> {
    let closed = || prop::collection::vec(candles(), 0..4);
    let told = prop_oneof![
        4 => (events(), closed(), prop::option::of(candles()))
            .prop_map(|(event, closed, growing)| MarketTold::Event { event, closed, growing }),
        1 => (symbols(), times(), closed()).prop_map(|(symbol, at, closed)| MarketTold::Closed { symbol, at, closed }),
        1 => (symbols(), times(), any::<bool>()).prop_map(|(symbol, at, stale)| MarketTold::Stale { symbol, at, stale }),
        1 => times().prop_map(|at| MarketTold::Alive { at }),
    ];
    (0..=LONGEST, 0..=LONGEST, told).prop_map(|(epoch, offset, told)| MarketStep { epoch, offset, told })
}

proptest! {
    #[test]
    fn a_step_comes_back_from_its_record_and_the_record_from_its_bytes(step in steps()) {
        let record = MarketData::from(&step);
        prop_assert_eq!(MarketStep::try_from(&record).unwrap(), step);
        let bytes = CODEC.encode(&record).unwrap();
        prop_assert_eq!(RUNTIME.block_on(CODEC.decode::<MarketData>(&bytes)).unwrap(), record);
    }

    #[test]
    fn candles_that_close_together_are_told_by_symbol_with_offsets_that_count_on(
        closed in prop::collection::vec(candles(), 0..6), offset in 1_u64..1_000,
    ) {
        let mut closed = closed;
        closed.sort_by_key(|candle| candle.symbol);
        let at = Timestamp::EPOCH;
        let mut next = offset;
        let mut told = Vec::new();
        for step in MarketStep::of_closed(5, offset, at, &closed) {
            prop_assert_eq!((step.epoch, step.offset), (5, next));
            let MarketTold::Closed { symbol, closed, .. } = step.told else { panic!("another kind") };
            prop_assert!(!closed.is_empty() && closed.iter().all(|candle| candle.symbol == symbol));
            next += u64::try_from(closed.len()).unwrap();
            told.extend(closed);
        }
        prop_assert_eq!(told, closed);
    }
}

#[test]
fn a_record_that_is_no_step_is_told_apart() {
    let step = MarketStep { epoch: 1, offset: 2, told: MarketTold::Alive { at: Timestamp::EPOCH } };
    let alive = MarketData::from(&step);
    for kind in ["trade", "quote", "candle", "closed", "stale", "a newer one"] {
        let record = MarketData { kind: kind.into(), ..alive.clone() };
        assert_eq!(MarketStep::try_from(&record).unwrap_err().kind, kind);
    }
}
