//! From the feed into memory and store.

use velox_kernel::Timeframe;
use velox_market::{
    Candle, CandleOrder, CandleQuery, FeedPosition, HotMarket, HotSettings, Ingest, Market, MarketEvent, MarketStore,
};
use velox_testkit::market::{sample_candle, sample_quote, sample_trade};

use crate::world::{World, at, symbol};

fn position(index: u64) -> FeedPosition {
    FeedPosition { feed: "test".to_owned(), epoch: 1, index, at: at(0) }
}

fn trade(second: i64, offset: u64, price: i32) -> MarketEvent {
    MarketEvent::Trade(sample_trade("GOOG", at(second), offset, price))
}

async fn kept(world: &World, timeframe: Timeframe) -> Vec<Candle> {
    let order = CandleOrder::OldestFirst;
    let query = CandleQuery { symbol: symbol("GOOG"), timeframe, from: None, to: None, order, limit: 1_000 };
    world.store.candles(&query).await.unwrap()
}

#[tokio::test]
async fn what_closes_is_told_and_kept() {
    let world = World::new().await;
    let mut ingest = Ingest::new(world.market.clone());
    ingest.take(&trade(0, 1, 10), position(1)).await.kept.unwrap();
    ingest.take(&trade(200, 2, 12), position(2)).await.kept.unwrap();
    let taken = ingest.take(&trade(300, 3, 12), position(3)).await;
    taken.kept.unwrap();
    let told: Vec<_> = taken.closed.iter().map(|candle| candle.timeframe).collect();
    assert_eq!(told, [Timeframe::M1, Timeframe::M5]);
    assert_eq!(kept(&world, Timeframe::M1).await.len(), 2);
    assert_eq!(kept(&world, Timeframe::M5).await, taken.closed[1..]);
    assert_eq!(world.store.feed_position("test").await.unwrap(), Some(position(3)));
    assert_eq!(world.store.tickers().await.unwrap()[0].last.unwrap().at, at(300));
}

#[tokio::test]
async fn prices_are_kept_at_most_once_a_second() {
    let world = World::new().await;
    let mut ingest = Ingest::new(world.market.clone());
    let quote = |millis: u64, offset: u64| {
        let time = at(0).plus(std::time::Duration::from_millis(millis));
        MarketEvent::Quote(sample_quote("GOOG", time, offset, 100))
    };
    ingest.take(&quote(0, 1), position(0)).await.kept.unwrap();
    let before = world.store.calls();
    for offset in 2..10 {
        ingest.take(&quote(offset * 100, offset), position(0)).await.kept.unwrap();
    }
    assert_eq!(world.store.calls(), before);
    ingest.take(&quote(1_000, 10), position(0)).await.kept.unwrap();
    assert_eq!(world.store.calls(), before + 1, "the position did not change, nothing closed");
    assert_eq!(world.store.tickers().await.unwrap()[0].cursor().offset, 10);
}

#[tokio::test]
async fn a_store_that_is_away_delays_and_loses_nothing() {
    let world = World::new().await;
    let mut ingest = Ingest::new(world.market.clone());
    world.store.set_away(true);
    for minute in 0..10 {
        let offset = u64::try_from(minute).unwrap() + 1;
        let taken = ingest.take(&trade(minute * 60, offset, 10), position(offset)).await;
        assert!(taken.kept.is_err());
    }
    let calls = world.store.calls();
    let soon = ingest.take(&trade(540, 11, 10), position(11)).await;
    assert!(soon.kept.is_ok());
    assert_eq!(world.store.calls(), calls, "a store that failed is left alone for a second");
    world.store.set_away(false);
    ingest.advance(at(600)).await.kept.unwrap();
    assert_eq!(kept(&world, Timeframe::M1).await.len(), 10);
    assert_eq!(world.store.feed_position("test").await.unwrap(), Some(position(11)));
    assert_eq!(ingest.given_up(), 0);
}

#[tokio::test]
async fn what_is_held_back_is_kept_later() {
    let world = World::new().await;
    let mut ingest = Ingest::new(world.market.clone());
    ingest.hold_back(true);
    let calls = world.store.calls();
    for minute in 0..10 {
        let offset = u64::try_from(minute).unwrap() + 1;
        ingest.take(&trade(minute * 60, offset, 10), position(offset)).await.kept.unwrap();
    }
    assert_eq!(world.store.calls(), calls, "the store is not asked");
    ingest.hold_back(false);
    ingest.advance(at(600)).await.kept.unwrap();
    assert_eq!(kept(&world, Timeframe::M1).await.len(), 10);
}

#[tokio::test]
async fn a_restart_goes_on_with_every_open_candle() {
    let world = World::new().await;
    let mut first = Ingest::new(world.market.clone());
    for minute in 0..100 {
        let price = 100 + i32::try_from(minute).unwrap();
        let offset = u64::try_from(minute).unwrap() + 1;
        first.take(&trade(minute * 60, offset, price), position(offset)).await.kept.unwrap();
    }
    first.advance(at(6_000)).await.kept.unwrap();

    let hot = std::sync::Arc::new(HotMarket::new(HotSettings::default()));
    let restarted = Market { hot, ..world.market.clone() };
    let mut second = Ingest::new(restarted.clone());
    second.warm(&[symbol("GOOG")], at(6_000)).await.unwrap();
    assert_eq!(restarted.hot.ticker(symbol("GOOG")), world.market.hot.ticker(symbol("GOOG")));
    for hot in [&world.market.hot, &restarted.hot] {
        hot.apply(&trade(6_010, 1_000, 50));
    }
    for timeframe in Timeframe::ALL {
        let expected = world.market.hot.open_candle(symbol("GOOG"), timeframe);
        assert!(expected.is_some());
        assert_eq!(restarted.hot.open_candle(symbol("GOOG"), timeframe), expected, "{timeframe}");
    }
    second.advance(at(7_200)).await.kept.unwrap();
    let hours = kept(&world, Timeframe::H1).await;
    let last = hours.last().unwrap();
    let prices = [last.open, last.high, last.low, last.close].map(|price| price.to_string());
    assert_eq!(prices, ["160", "199", "50", "50"]);
}

#[tokio::test]
async fn candles_that_were_open_at_a_stop_are_kept_after_a_long_pause() {
    let world = World::new().await;
    let mut first = Ingest::new(world.market.clone());
    for minute in 0..90 {
        let offset = u64::try_from(minute).unwrap() + 1;
        first.take(&trade(minute * 60, offset, 100), position(offset)).await.kept.unwrap();
    }
    first.advance(at(5_400)).await.kept.unwrap();
    assert_eq!(kept(&world, Timeframe::D1).await, [], "the day was not over");

    let hot = std::sync::Arc::new(HotMarket::new(HotSettings::default()));
    let mut second = Ingest::new(Market { hot, ..world.market.clone() });
    let days_later = 3 * 86_400;
    second.warm(&[symbol("GOOG")], at(days_later)).await.unwrap();
    second.take(&trade(days_later, 1_000, 50), position(1_000)).await.kept.unwrap();
    let counts = |candles: Vec<Candle>| candles.iter().map(|candle| candle.trades).collect::<Vec<_>>();
    assert_eq!(counts(kept(&world, Timeframe::H1).await), [60, 30]);
    assert_eq!(counts(kept(&world, Timeframe::D1).await), [90]);
    assert_eq!(kept(&world, Timeframe::M1).await.len(), 90);
}

#[tokio::test]
async fn late_trades_correct_every_timeframe_and_what_is_not_taken_is_counted() {
    let world = World::new().await;
    let mut ingest = Ingest::new(world.market.clone());
    for (second, offset) in [(0, 1), (3_590, 2), (3_610, 3)] {
        ingest.take(&trade(second, offset, 10), position(offset)).await.kept.unwrap();
    }
    assert_eq!(kept(&world, Timeframe::H1).await[0].high, "10".parse().unwrap());
    let late = ingest.take(&trade(3_595, 4, 99), position(4)).await;
    late.kept.unwrap();
    let corrected: Vec<_> = late.closed.iter().map(|candle| candle.timeframe).collect();
    assert_eq!(corrected, [Timeframe::M1, Timeframe::M5, Timeframe::M15, Timeframe::M30, Timeframe::H1]);
    let hour = kept(&world, Timeframe::H1).await[0];
    assert_eq!((hour.high, hour.close, hour.trades), ("99".parse().unwrap(), "99".parse().unwrap(), 3));

    assert_eq!(ingest.take(&trade(3_595, 4, 99), position(4)).await.closed, []);
    assert_eq!(ingest.take(&trade(60, 5, 1), position(5)).await.closed, []);
    let dropped = world.market.hot.dropped();
    assert_eq!((dropped.duplicates, dropped.too_late, dropped.beyond_bound), (1, 1, 0));

    let narrow = HotMarket::new(HotSettings { symbols: 1, ..HotSettings::default() });
    narrow.apply(&trade(0, 1, 10));
    narrow.apply(&MarketEvent::Trade(sample_trade("EURUSD", at(0), 1, 1)));
    assert_eq!(narrow.dropped().beyond_bound, 1);
    assert_eq!(narrow.tickers().len(), 1);
}

#[tokio::test]
async fn a_warm_memory_reads_what_lies_before_the_day() {
    let world = World::new().await;
    let hours: Vec<_> = (0..72).map(|index| sample_candle(symbol("GOOG"), Timeframe::H1, index, 100)).collect();
    let minutes: Vec<_> =
        (0..30).map(|index| sample_candle(symbol("GOOG"), Timeframe::M1, 72 * 60 + index, 100)).collect();
    world.store.save_candles(&hours).await.unwrap();
    world.store.save_candles(&minutes).await.unwrap();
    Ingest::new(world.market.clone()).warm(&[symbol("GOOG")], at(72 * 3_600 + 1_800)).await.unwrap();
    let order = CandleOrder::NewestFirst;
    let timeframe = Timeframe::H1;
    let query = CandleQuery { symbol: symbol("GOOG"), timeframe, from: None, to: None, order, limit: 4 };
    let told = world.market.hot.candles(&query);
    assert_eq!(told[0].trades, 120, "the open hour, out of thirty minutes");
    let closed: Vec<_> = hours.into_iter().rev().take(3).collect();
    assert_eq!(told[1..], closed);
}
