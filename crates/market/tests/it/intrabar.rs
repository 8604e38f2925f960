//! The walk through a bar fits the bar.

use std::time::Duration;

use proptest::prelude::*;
use velox_kernel::{Decimal, Price, Quantity, Timeframe};
use velox_market::{
    Candle, CandleBuilder, FeedCursor, Instrument, IntrabarPath, PathSettings, PathTick, Trade, bundled_instruments,
};

use crate::world::start;

fn bar(prices: [i128; 4], volume: i128, timeframe: Timeframe) -> Candle {
    let [a, b, c, d] = prices;
    let price = |units: i128| Price::new(Decimal::from_units(units).unwrap());
    Candle {
        symbol: "BTC-PERP".parse().unwrap(),
        timeframe,
        open_time: start(),
        open: price(a),
        high: price(a.max(b).max(c).max(d)),
        low: price(a.min(b).min(c).min(d)),
        close: price(d),
        volume: Quantity::new(Decimal::from_units(volume).unwrap()),
        trades: 0,
        complete: true,
        synthetic: false,
        gap_before: false,
    }
}

fn instrument(symbol: &str) -> Instrument {
    bundled_instruments().into_iter().find(|one| one.symbol.as_str() == symbol).unwrap()
}

fn walk(bar: &Candle, instrument: &Instrument, ticks: u32, seed: u64) -> Vec<PathTick> {
    IntrabarPath::new(bar, instrument, PathSettings { ticks, spread_bps: 0 }, seed).collect()
}

proptest! {
    #[test]
    fn the_ticks_make_the_bar_again(
        prices in prop::array::uniform4(1_000_000_000_000_i128..60_000_000_000_000_000),
        volume in prop_oneof![Just(0), 0..1_000_000_000_000_i128, 0..5_000_000_000_000_000_i128],
        ticks in 1..400_u32,
        seed: u64,
        of in prop_oneof![Just("BTC-PERP"), Just("EURUSD"), Just("BTCUSDT")],
        timeframe in prop_oneof![Just(Timeframe::M1), Just(Timeframe::H1)],
    ) {
        let (bar, instrument) = (bar(prices, volume, timeframe), instrument(of));
        let path = walk(&bar, &instrument, ticks, seed);
        prop_assert_eq!(path.len(), usize::try_from(ticks.max(4)).unwrap());
        let (mut builder, mut out) = (CandleBuilder::new(bar.symbol, timeframe, 0), Vec::new());
        let mut previous = None;
        for (id, tick) in (1..).zip(&path) {
            prop_assert!(previous.is_none_or(|previous| previous < tick.after));
            previous = Some(tick.after);
            builder.count(&Trade {
                symbol: bar.symbol,
                at: bar.open_time.plus(tick.after),
                cursor: FeedCursor { epoch: 1, offset: id },
                synthetic: true,
                id,
                price: tick.price,
                quantity: tick.quantity,
                aggressor: Some(tick.aggressor),
            }, &mut out);
            let given = [bar.open, bar.high, bar.low, bar.close].contains(&tick.price);
            prop_assert!(given || tick.price.decimal().is_multiple_of(instrument.tick.decimal()));
            prop_assert!(tick.bid <= tick.price && tick.price <= tick.ask && tick.bid.is_positive());
            prop_assert!(tick.price == tick.bid || tick.price == tick.ask);
            prop_assert!(tick.bid_size.is_positive() && tick.ask_size.is_positive());
            prop_assert!(!tick.quantity.is_negative());
        }
        builder.advance(bar.close_time(), &mut out);
        prop_assert_eq!(out.len(), 1, "all ticks are within the bar");
        let again = out[0];
        prop_assert_eq!([again.open, again.high, again.low, again.close], [bar.open, bar.high, bar.low, bar.close]);
        prop_assert_eq!(again.volume, bar.volume);
        prop_assert!(again.synthetic);
    }

    #[test]
    fn a_seed_is_one_path(seed: u64) {
        let (bar, instrument) = (bar([46_000; 4].map(|p| p * 1_000_000_000_000), 7, Timeframe::M1), instrument("BTC-PERP"));
        let wide = Candle { high: "46100".parse().unwrap(), low: "45900".parse().unwrap(), ..bar };
        prop_assert_eq!(walk(&wide, &instrument, 120, seed), walk(&wide, &instrument, 120, seed));
        prop_assert_ne!(walk(&wide, &instrument, 120, seed), walk(&wide, &instrument, 120, seed ^ 1));
    }

    #[test]
    fn every_second_has_its_ticks(seed: u64, per_second in 1..5_u32) {
        let (bar, instrument) = (bar([5, 9, 2, 7].map(|p| p * 1_000_000_000_000), 7, Timeframe::M1), instrument("BTC-PERP"));
        let path = walk(&bar, &instrument, 60 * per_second, seed);
        for second in 0..60_u64 {
            let ticks = path.iter().filter(|tick| tick.after.as_secs() == second).count();
            prop_assert!(ticks >= usize::try_from(per_second).unwrap(), "second {second}");
        }
        prop_assert_eq!(path[0].after, Duration::ZERO);
    }
}

/// Three ticks a second stand a third of a second apart, which no count of nanoseconds is; here one comes without delay.
#[test]
fn a_tick_at_the_very_start_of_a_second_is_in_it() {
    let (bar, instrument) =
        (bar([5, 9, 2, 7].map(|p| p * 1_000_000_000_000), 7, Timeframe::M1), instrument("BTC-PERP"));
    let path = walk(&bar, &instrument, 180, 2_486_992_027_796_042_524);
    for (index, tick) in (0..).zip(&path) {
        assert_eq!(tick.after.as_secs(), index / 3, "tick {index}");
    }
}

#[test]
fn volume_is_spread_and_the_spread_is_as_wide_as_asked() {
    let instrument = instrument("BTC-PERP");
    let bar = bar([46_000, 46_100, 45_900, 46_050].map(|p| p * 1_000_000_000_000), 50_000_000_000_000, Timeframe::M1);
    let path: Vec<_> = IntrabarPath::new(&bar, &instrument, PathSettings { ticks: 120, spread_bps: 1 }, 3).collect();
    let most = path.iter().map(|tick| tick.quantity).max().unwrap();
    assert!(path.iter().all(|tick| tick.quantity.is_positive()));
    assert!(most < "10".parse().unwrap(), "no tick takes the most of it: {most}");
    let spreads: Vec<_> = path.iter().map(|tick| tick.ask.minus(tick.bid).unwrap().to_string()).collect();
    assert!(spreads.iter().all(|spread| spread == "4"), "a hundredth of a percent of 46,000, in whole ticks");
    let different: std::collections::BTreeSet<_> = path.iter().map(|tick| tick.price).collect();
    assert!(different.len() > 20, "it moves");
}
