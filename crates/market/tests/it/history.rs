//! Candle history out of memory and store.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use velox_kernel::{Freshness, Page, PageRequest, StorePosition, Timeframe};
use velox_market::{
    Bar, Candle, CandleHistory, CandleOrder, CandleQuery, FeedCursor, ListCandles, ListCandlesError, Market,
    MarketEvent, MarketStore, MarketStoreError, list_candles,
};
use velox_testkit::market::{MemoryMarketStore, sample_candle, sample_trade};

use crate::world::{World, at, page, symbol};

fn minutes(range: std::ops::Range<i32>) -> Vec<Candle> {
    range.map(|index| sample_candle(symbol("GOOG"), Timeframe::M1, index, 100 + index)).collect()
}

fn query(order: CandleOrder, page: PageRequest) -> ListCandles {
    ListCandles { symbol: symbol("GOOG"), timeframe: Timeframe::M1, from: None, to: None, order, page }
}

fn indices(page: &Page<Candle>) -> Vec<i64> {
    page.items.iter().map(|candle| (candle.open_time.seconds() - at(0).seconds()) / 60).collect()
}

/// Ten minutes kept, of which the last two are in memory too, corrected, and an eleventh is open.
async fn world() -> World {
    let world = World::new().await;
    world.store.save_candles(&minutes(0..10)).await.unwrap();
    for (offset, second) in [(1, 480), (2, 540), (3, 600)] {
        world.market.hot.apply(&MarketEvent::Trade(sample_trade("GOOG", at(second), offset, 7)));
    }
    world
}

#[tokio::test]
async fn both_orders_page_over_kept_hot_and_open_candles() {
    for order in [CandleOrder::NewestFirst, CandleOrder::OldestFirst] {
        let world = world().await;
        let (mut seen, mut next) = (Vec::new(), None);
        loop {
            let request = query(order, PageRequest::new(4, next).unwrap());
            let found = list_candles(&world.actor, &world.market, request).await.unwrap();
            seen.extend(found.items);
            next = found.next;
            if next.is_none() {
                break;
            }
        }
        if order == CandleOrder::NewestFirst {
            seen.reverse();
        }
        let opens: Vec<_> = seen.iter().map(|candle| candle.open.to_string()).collect();
        assert_eq!(opens, ["100", "101", "102", "103", "104", "105", "106", "107", "7", "7", "7"]);
        assert!(seen.iter().all(|candle| !candle.gap_before));
        assert_eq!(seen.iter().filter(|candle| !candle.complete).count(), 1);
    }
}

/// A copy of the store, which writes down how new it was asked to be.
struct Copy {
    kept: MemoryMarketStore,
    asked: Mutex<Vec<Freshness>>,
}

#[async_trait]
impl CandleHistory for Copy {
    async fn candles(&self, query: &CandleQuery, freshness: Freshness) -> Result<Vec<Candle>, MarketStoreError> {
        self.asked.lock().unwrap().push(freshness);
        MarketStore::candles(&self.kept, query).await
    }
}

#[tokio::test]
async fn a_copy_of_the_store_is_asked_how_new_the_page_has_to_be_and_memory_stands_before_it() {
    let world = world().await;
    let copy = Arc::new(Copy { kept: MemoryMarketStore::default(), asked: Mutex::default() });
    // It has not come to the newest two minutes yet.
    copy.kept.save_candles(&minutes(0..8)).await.unwrap();
    let market = Market { history: copy.clone(), ..world.market.clone() };
    let seen = Freshness::Since(StorePosition::new(7));
    for freshness in [Freshness::Now, seen] {
        let request = query(CandleOrder::NewestFirst, page(50).as_new_as(freshness));
        let found = list_candles(&world.actor, &market, request).await.unwrap();
        assert_eq!(indices(&found), [10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0]);
    }
    assert_eq!(*copy.asked.lock().unwrap(), [Freshness::Now, seen]);
}

#[tokio::test]
async fn a_range_holds_its_start_and_not_its_end() {
    let world = world().await;
    let range = ListCandles { from: Some(at(120)), to: Some(at(300)), ..query(CandleOrder::OldestFirst, page(50)) };
    let found = list_candles(&world.actor, &world.market, range.clone()).await.unwrap();
    assert_eq!(indices(&found), [2, 3, 4]);
    let empty = ListCandles { to: Some(at(120)), ..range };
    assert_eq!(list_candles(&world.actor, &world.market, empty).await, Err(ListCandlesError::EmptyRange));
}

#[tokio::test]
async fn holes_are_marked_across_pages() {
    let world = World::new().await;
    let kept: Vec<_> = minutes(0..8).into_iter().filter(|candle| candle.open_time != at(180)).collect();
    world.store.save_candles(&kept).await.unwrap();
    for order in [CandleOrder::NewestFirst, CandleOrder::OldestFirst] {
        for size in [1, 2, 3, 50] {
            let (mut marked, mut next) = (Vec::new(), None);
            loop {
                let request = query(order, PageRequest::new(size, next).unwrap());
                let found = list_candles(&world.actor, &world.market, request).await.unwrap();
                marked.extend(found.items.iter().filter(|candle| candle.gap_before).map(|candle| candle.open_time));
                next = found.next;
                if next.is_none() {
                    break;
                }
            }
            assert_eq!(marked, [at(240)], "{order:?} by {size}");
        }
    }
}

#[tokio::test]
async fn an_unbroken_page_in_memory_costs_no_call_to_the_store() {
    let world = World::new().await;
    world.market.hot.warm(&minutes(0..30));
    let before = world.store.calls();
    let found = list_candles(&world.actor, &world.market, query(CandleOrder::NewestFirst, page(20))).await.unwrap();
    assert_eq!(found.items.len(), 20);
    assert_eq!(world.store.calls(), before);
    let longer = ListCandles { timeframe: Timeframe::M5, ..query(CandleOrder::NewestFirst, page(3)) };
    let found = list_candles(&world.actor, &world.market, longer).await.unwrap();
    assert_eq!(found.items[0].open_time, at(1_500));
    assert_eq!(world.store.calls(), before);
}

#[tokio::test]
async fn memory_that_fell_behind_is_not_the_whole_story() {
    let world = World::new().await;
    world.market.hot.warm(&minutes(0..30));
    world.store.save_candles(&minutes(0..40)).await.unwrap();
    world.clock.set(at(40 * 60));
    let found = list_candles(&world.actor, &world.market, query(CandleOrder::NewestFirst, page(20))).await.unwrap();
    assert_eq!(found.items[0].open_time, at(39 * 60));
    let before = world.store.calls();
    let past = ListCandles { to: Some(at(1_800)), ..query(CandleOrder::NewestFirst, page(20)) };
    let found = list_candles(&world.actor, &world.market, past).await.unwrap();
    assert_eq!((found.items[0].open_time, world.store.calls()), (at(29 * 60), before));
}

#[tokio::test]
async fn unknown_symbols_and_strange_cursors_are_refused() {
    let world = World::new().await;
    let unknown = ListCandles { symbol: symbol("NONE"), ..query(CandleOrder::NewestFirst, page(5)) };
    assert_eq!(list_candles(&world.actor, &world.market, unknown).await, Err(ListCandlesError::UnknownSymbol));
    let known = list_candles(&world.actor, &world.market, query(CandleOrder::NewestFirst, page(5))).await;
    assert_eq!(known.unwrap().items, []);
    let cursor = PageRequest::new(5, Some(velox_kernel::Cursor::new("yesterday"))).unwrap();
    let strange = list_candles(&world.actor, &world.market, query(CandleOrder::NewestFirst, cursor)).await;
    assert_eq!(strange, Err(ListCandlesError::InvalidCursor));
}

#[tokio::test]
async fn a_feed_of_bars_makes_every_longer_timeframe() {
    let world = World::new().await;
    let tell = |candle: Candle, offset: u64| {
        let cursor = FeedCursor { epoch: 1, offset };
        world.market.hot.apply(&MarketEvent::Bar(Bar { at: candle.close_time(), cursor, candle }))
    };
    let mut closed = Vec::new();
    for (offset, minute) in (1..).zip(minutes(0..60)) {
        closed.extend(tell(minute, offset));
    }
    let count = |timeframe: Timeframe| closed.iter().filter(|candle| candle.timeframe == timeframe).count();
    let counts = [Timeframe::M1, Timeframe::M5, Timeframe::M15, Timeframe::M30, Timeframe::H1].map(count);
    assert_eq!(counts, [60, 12, 4, 2, 1]);
    let hour = closed.iter().find(|candle| candle.timeframe == Timeframe::H1).unwrap();
    let prices = [hour.open, hour.high, hour.low, hour.close].map(|price| price.to_string());
    assert_eq!(prices, ["100", "162", "98", "160"]);
    assert_eq!(tell(minutes(59..60)[0], 61), [], "a repeated bar closes nothing");
    assert_eq!(world.market.hot.dropped().duplicates, 1);

    let growing = Candle { complete: false, ..sample_candle(symbol("GOOG"), Timeframe::M1, 60, 300) };
    tell(growing, 62);
    let day = world.market.hot.open_candle(symbol("GOOG"), Timeframe::D1).unwrap();
    assert_eq!((day.open.to_string(), day.close.to_string()), ("100".to_owned(), "301".to_owned()));
}

#[tokio::test]
async fn memory_is_bounded() {
    let world = World::keeping(10).await;
    world.market.hot.warm(&minutes(0..100));
    let everything = velox_market::CandleQuery {
        symbol: symbol("GOOG"),
        timeframe: Timeframe::M1,
        from: None,
        to: None,
        order: CandleOrder::OldestFirst,
        limit: 1_000,
    };
    let kept = world.market.hot.candles(&everything);
    assert_eq!(kept.len(), 10);
    assert_eq!(kept[0].open_time, at(90 * 60));
}
