use velox_broker_paper::{PaperInstrument, Tick, TickPrices};
use velox_kernel::Timeframe;
use velox_market::{Bar, Candle, FeedCursor, MarketEvent, Trade, bundled_instruments};
use velox_trading::FeedPosition;

use crate::support::*;

#[test]
fn a_trade_keeps_its_place_and_its_size() {
    let event = MarketEvent::Trade(Trade {
        symbol: symbol(),
        at: time(5),
        cursor: FeedCursor { epoch: 3, offset: 9 },
        synthetic: false,
        id: 1,
        price: price("100"),
        quantity: quantity("2"),
        aggressor: None,
    });
    let expected = Tick { position: FeedPosition { epoch: 3, offset: 9 }, ..trade(5, "100", "2") };
    assert_eq!(Tick::from_event(&event), Some(expected));
}

#[test]
fn a_bar_fills_orders_once_it_is_complete() {
    let candle = |complete| Candle {
        symbol: symbol(),
        timeframe: "1m".parse::<Timeframe>().unwrap(),
        open_time: time(0),
        open: price("100"),
        high: price("101"),
        low: price("99"),
        close: price("100"),
        volume: quantity("5"),
        trades: 0,
        complete,
        synthetic: false,
        gap_before: false,
    };
    let told = |complete| {
        let cursor = FeedCursor { epoch: 1, offset: 60 };
        Tick::from_event(&MarketEvent::Bar(Bar { at: time(60), cursor, candle: candle(complete) }))
    };
    assert_eq!(told(false), None);
    assert_eq!(told(true), Some(bar(60, ["100", "101", "99", "100", "5"])));
    assert!(matches!(told(true).unwrap().prices, TickPrices::Bar { until, .. } if until == time(60)));
}

#[test]
fn tick_counts_bound_no_fill() {
    let bounds = |name: &str| {
        let all = bundled_instruments();
        PaperInstrument::from(all.iter().find(|one| one.symbol.as_str() == name).unwrap()).volume_bounds
    };
    assert!(bounds("BTC-PERP") && !bounds("EURUSD"));
}
