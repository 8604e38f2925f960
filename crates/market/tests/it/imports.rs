//! Loading recorded bars and trades.

use std::sync::{Arc, Mutex};

use velox_kernel::{Symbol, Timeframe, Timestamp};
use velox_market::csv::{BarRow, TradeRow};
use velox_market::{
    Candle, CandleHolders, CandleOrder, CandleQuery, ImportCandles, ImportCandlesError, ImportTrades,
    ImportTradesError, ListCandles, MarketStore, import_candles, import_trades, list_candles,
};

use velox_testkit::market::sample_candle;

use crate::world::{World, at, page, symbol};

fn bar(minute: i64, open: i32) -> BarRow {
    let price = |number: i32| number.to_string().parse().unwrap();
    BarRow {
        at: at(minute * 60),
        open: price(open),
        high: price(open + 2),
        low: price(open - 1),
        close: price(open + 1),
        volume: "10".parse().unwrap(),
    }
}

fn trade(second: i64, id: u64, at_price: i32) -> TradeRow {
    TradeRow {
        at: at(second),
        id,
        price: at_price.to_string().parse().unwrap(),
        quantity: "2".parse().unwrap(),
        buyer_maker: true,
    }
}

async fn kept(world: &World, timeframe: Timeframe) -> Vec<Candle> {
    let order = CandleOrder::OldestFirst;
    let query = CandleQuery { symbol: symbol("GOOG"), timeframe, from: None, to: None, order, limit: 100_000 };
    world.store.candles(&query).await.unwrap()
}

fn batch(bars: Vec<BarRow>) -> ImportCandles {
    ImportCandles { symbol: symbol("GOOG"), timeframe: Timeframe::M1, bars }
}

#[tokio::test]
async fn batches_add_up_to_the_longer_timeframes_wherever_they_are_cut() {
    let bars: Vec<_> = (0..1_500).map(|minute| bar(minute, 100 + i32::try_from(minute % 97).unwrap())).collect();
    let whole = World::new().await;
    import_candles(&whole.actor, &whole.market, batch(bars.clone())).await.unwrap();
    let cut = World::new().await;
    for part in bars.chunks(37) {
        import_candles(&cut.actor, &cut.market, batch(part.to_vec())).await.unwrap();
        import_candles(&cut.actor, &cut.market, batch(part.to_vec())).await.unwrap();
    }
    for (timeframe, count) in Timeframe::ALL.into_iter().zip([1_500, 300, 100, 50, 25, 7, 2]) {
        let candles = kept(&whole, timeframe).await;
        assert_eq!(candles.len(), count, "{timeframe}");
        // What a page's edge shows of a gap is all that a cut may change.
        let plain = |candles: Vec<Candle>| {
            candles.into_iter().map(|candle| Candle { gap_before: false, ..candle }).collect::<Vec<_>>()
        };
        assert_eq!(plain(candles), plain(kept(&cut, timeframe).await), "{timeframe}");
    }
    let days = kept(&whole, Timeframe::D1).await;
    assert_eq!(days.iter().map(|day| day.complete).collect::<Vec<_>>(), [true, false]);
    assert_eq!(days[0].volume, "14400".parse().unwrap());
}

#[tokio::test]
async fn money_volumes_become_base_units() {
    let world = World::new().await;
    let bars = vec![BarRow { volume: "20200".parse().unwrap(), ..bar(0, 101) }];
    let perp = ImportCandles { symbol: symbol("BTC-PERP"), ..batch(bars) };
    import_candles(&world.actor, &world.market, perp).await.unwrap();
    let query = CandleQuery {
        symbol: symbol("BTC-PERP"),
        timeframe: Timeframe::M1,
        from: None,
        to: None,
        order: CandleOrder::OldestFirst,
        limit: 5,
    };
    // 20,200 over the typical price (103 + 100 + 102) / 3, in lots of 0.0001.
    assert_eq!(world.store.candles(&query).await.unwrap()[0].volume, "198.6885".parse().unwrap());
}

#[tokio::test]
async fn bad_batches_leave_nothing_behind() {
    let world = World::new().await;
    let import = async |import: ImportCandles| import_candles(&world.actor, &world.market, import).await.unwrap_err();
    let unknown = ImportCandles { symbol: symbol("NONE"), ..batch(vec![bar(0, 5)]) };
    assert_eq!(import(unknown).await, ImportCandlesError::UnknownSymbol);
    assert_eq!(import(batch(vec![bar(0, 5); 5_001])).await, ImportCandlesError::TooMany);
    let order = import(batch(vec![bar(1, 5), bar(1, 5)])).await;
    assert_eq!(order, ImportCandlesError::OutOfOrder { index: 1 });
    let off = BarRow { at: at(61), ..bar(1, 5) };
    let misaligned = import(batch(vec![bar(0, 5), off])).await;
    assert_eq!(misaligned.to_string(), "bar 1 opens at 2026-01-05T00:01:01Z, which is no opening time of 1m");
    let odd = BarRow { high: "4".parse().unwrap(), ..bar(1, 5) };
    let impossible = import(batch(vec![bar(0, 5), odd])).await;
    assert_eq!(impossible.to_string(), "the high of bar 1 is below the bar's open, low or close");
    assert_eq!(kept(&world, Timeframe::M1).await, []);
}

#[tokio::test]
async fn trades_become_candles_once() {
    let world = World::new().await;
    let trades = vec![trade(0, 1, 10), trade(30, 2, 14), trade(30, 2, 14), trade(61, 3, 9), trade(400, 4, 8)];
    for _ in 0..2 {
        let again = ImportTrades { symbol: symbol("GOOG"), trades: trades.clone() };
        assert_eq!(import_trades(&world.actor, &world.market, again).await, Ok(4));
    }
    let minutes = kept(&world, Timeframe::M1).await;
    let told: Vec<_> = minutes.iter().map(|m| (m.open_time, m.close.to_string(), m.trades, m.gap_before)).collect();
    let expected = [(at(0), "14", 2, false), (at(60), "9", 1, false), (at(360), "8", 1, true)];
    assert_eq!(told, expected.map(|(open, close, trades, gap)| (open, close.to_owned(), trades, gap)));
    assert_eq!(kept(&world, Timeframe::M5).await.len(), 2);
}

#[tokio::test]
async fn trades_that_go_back_in_time_are_refused() {
    let world = World::new().await;
    let trades = vec![trade(10, 1, 10), trade(9, 2, 14)];
    let refused = import_trades(&world.actor, &world.market, ImportTrades { symbol: symbol("GOOG"), trades }).await;
    assert_eq!(refused, Err(ImportTradesError::OutOfOrder { index: 1 }));
    assert_eq!(kept(&world, Timeframe::M1).await, []);
}

#[tokio::test]
async fn imported_bars_show_although_memory_held_others() {
    let world = World::new().await;
    let held: Vec<_> = (0..30).map(|index| sample_candle(symbol("GOOG"), Timeframe::M1, index, 500)).collect();
    world.store.save_candles(&held).await.unwrap();
    world.market.hot.warm(&held);
    import_candles(&world.actor, &world.market, batch(vec![bar(10, 100), bar(11, 100)])).await.unwrap();
    let list = ListCandles {
        symbol: symbol("GOOG"),
        timeframe: Timeframe::M1,
        from: None,
        to: None,
        order: CandleOrder::NewestFirst,
        page: page(25),
    };
    let found = list_candles(&world.actor, &world.market, list).await.unwrap();
    let opens: Vec<_> = found.items.iter().map(|candle| candle.open.to_string()).collect();
    assert_eq!(opens.iter().filter(|open| *open == "100").count(), 2);
    assert_eq!(opens.len(), 25);
    assert!(found.items.iter().all(|candle| !candle.gap_before));
}

/// What others that hold candles were told.
#[derive(Default)]
struct Told(Mutex<Vec<(Symbol, Timestamp, Timestamp)>>);

impl CandleHolders for Told {
    fn replaced(&self, symbol: Symbol, from: Timestamp, to: Timestamp) {
        self.0.lock().unwrap().push((symbol, from, to));
    }
}

#[tokio::test]
async fn whoever_holds_candles_is_told_of_what_may_have_been_replaced_and_of_nothing_else() {
    let mut world = World::new().await;
    let told = Arc::new(Told::default());
    world.market.others = told.clone();
    let taken = || std::mem::take(&mut *told.0.lock().unwrap());
    import_candles(&world.actor, &world.market, batch(vec![bar(10, 100), bar(12, 100)])).await.unwrap();
    assert_eq!(taken(), [(symbol("GOOG"), at(600), at(780))]);
    let trades = vec![trade(61, 1, 10), trade(130, 2, 14)];
    import_trades(&world.actor, &world.market, ImportTrades { symbol: symbol("GOOG"), trades }).await.unwrap();
    assert_eq!(taken(), [(symbol("GOOG"), at(60), at(180))]);
    import_candles(&world.actor, &world.market, batch(vec![bar(12, 100), bar(10, 100)])).await.unwrap_err();
    assert_eq!(taken(), [], "nothing of it is kept");
    // It finds the instrument and keeps the minutes, but no longer candle.
    world.store.set_away_after(2);
    import_candles(&world.actor, &world.market, batch(vec![bar(20, 100)])).await.unwrap_err();
    world.store.set_away(false);
    assert_eq!(kept(&world, Timeframe::M1).await.last().map(|candle| candle.open_time), Some(at(1_200)));
    assert_eq!(taken(), [(symbol("GOOG"), at(1_200), at(1_260))], "also of what was kept before the store failed");
}

#[tokio::test]
async fn bars_that_are_far_apart_cost_no_more_than_what_they_fall_into() {
    const LATER: i64 = 5 * 365 * 24 * 60;
    let world = World::new().await;
    let between: Vec<_> =
        (0..6_000).map(|index| sample_candle(symbol("GOOG"), Timeframe::M1, index + 2_880, 500)).collect();
    world.store.save_candles(&between).await.unwrap();
    world.store.take_traffic();
    import_candles(&world.actor, &world.market, batch(vec![bar(0, 100), bar(LATER, 200)])).await.unwrap();
    let traffic = world.store.take_traffic();
    // For each of the six longer timeframes, two reads that find the one shorter candle that is there.
    assert_eq!((traffic.reads, traffic.found), (12, 12));
    for timeframe in Timeframe::ALL.into_iter().skip(1) {
        let candles = kept(&world, timeframe).await;
        let told: Vec<_> = candles.iter().map(|made| (made.open_time, made.complete, made.gap_before)).collect();
        let later = timeframe.open_of(at(LATER * 60));
        assert_eq!(told, [(at(0), true, false), (later, false, true)], "{timeframe}");
        assert!(candles.iter().all(|made| made.volume == "10".parse().unwrap()), "{timeframe}");
    }
}

#[tokio::test]
async fn a_large_batch_is_read_and_saved_in_parts() {
    let world = World::new().await;
    let bars: Vec<_> = (0..5_000).map(|minute| bar(minute, 100)).collect();
    import_candles(&world.actor, &world.market, batch(bars)).await.unwrap();
    let traffic = world.store.take_traffic();
    assert!(traffic.largest_save <= 1_000 && traffic.widest_read <= 1_010, "{traffic:?}");
    for (timeframe, count) in Timeframe::ALL.into_iter().zip([5_000, 1_000, 334, 167, 84, 21, 4]) {
        let candles = kept(&world, timeframe).await;
        assert_eq!(candles.len(), count, "{timeframe}");
        assert!(candles.iter().all(|made| !made.gap_before), "{timeframe}");
        let complete = candles.iter().filter(|made| made.complete).count();
        let open = usize::from(5_000 * 60 % timeframe.seconds() != 0);
        assert_eq!(complete, count - open, "{timeframe}: only the last one is open");
    }
}
