//! What every [`MarketStore`] must do.

#![allow(clippy::unwrap_used, reason = "a contract fails by panicking, as a test does")]

use std::sync::Arc;
use std::time::Duration;

use velox_kernel::{Symbol, Timeframe, Timestamp};
use velox_market::{
    AssetClass, Candle, CandleOrder, CandleQuery, FeedPosition, Instrument, InstrumentFilter, InstrumentStatus,
    MarketStore, Ticker, Tidied, bundled_instruments,
};

use super::{sample_candle, sample_quote, sample_trade};

/// Runs the whole contract; `make` gives an empty store each time.
///
/// # Panics
/// When the store breaks the contract.
pub async fn market_store_contract(make: impl AsyncFn() -> Arc<dyn MarketStore>) {
    answers_with_nothing_when_empty(&*make().await).await;
    keeps_instruments_by_symbol(&*make().await).await;
    filters_and_pages_instruments(&*make().await).await;
    keeps_candles_exactly(&*make().await).await;
    replaces_candles_of_the_same_time(&*make().await).await;
    cuts_candles_by_range_order_and_limit(&*make().await).await;
    takes_large_batches(&*make().await).await;
    takes_what_is_new_and_what_is_there_together(&*make().await).await;
    lets_go_of_old_candles_alone(&*make().await).await;
    keeps_only_the_newest_tickers(&*make().await).await;
    keeps_feed_positions_by_name(&*make().await).await;
}

fn symbol(text: &str) -> Symbol {
    text.parse().unwrap()
}

fn all_of(of: &str, timeframe: Timeframe) -> CandleQuery {
    let order = CandleOrder::OldestFirst;
    CandleQuery { symbol: symbol(of), timeframe, from: None, to: None, order, limit: 10_000 }
}

fn symbols(instruments: &[Instrument]) -> Vec<&str> {
    instruments.iter().map(|one| one.symbol.as_str()).collect()
}

async fn answers_with_nothing_when_empty(store: &dyn MarketStore) {
    assert_eq!(store.instrument(symbol("GOOG")).await, Ok(None));
    assert_eq!(store.instruments(&InstrumentFilter::default(), 10).await, Ok(Vec::new()));
    assert_eq!(store.candles(&all_of("GOOG", Timeframe::M1)).await, Ok(Vec::new()));
    assert_eq!(store.tickers().await, Ok(Vec::new()));
    assert_eq!(store.feed_position("replay").await, Ok(None));
    store.save_instruments(&[]).await.unwrap();
    store.save_candles(&[]).await.unwrap();
    store.save_tickers(&[]).await.unwrap();
}

async fn keeps_instruments_by_symbol(store: &dyn MarketStore) {
    let bundled = bundled_instruments();
    store.save_instruments(&bundled).await.unwrap();
    store.save_instruments(&bundled).await.unwrap();
    assert_eq!(store.instruments(&InstrumentFilter::default(), 10).await.unwrap(), bundled);
    let halted = Instrument { status: InstrumentStatus::Halted, name: "Goo".to_owned(), ..bundled[3].clone() };
    store.save_instruments(std::slice::from_ref(&halted)).await.unwrap();
    assert_eq!(store.instrument(halted.symbol).await.unwrap(), Some(halted));
    assert_eq!(store.instrument(symbol("NONE")).await.unwrap(), None);
}

async fn filters_and_pages_instruments(store: &dyn MarketStore) {
    let mut all = bundled_instruments();
    all.push(Instrument { symbol: symbol("A_B"), name: "50% off's \\ Ünder".to_owned(), ..all[3].clone() });
    store.save_instruments(&all).await.unwrap();
    let found = async |filter: InstrumentFilter, limit: u32| store.instruments(&filter, limit).await.unwrap();
    let search = |text: &str| InstrumentFilter { search: Some(text.to_owned()), ..InstrumentFilter::default() };

    assert_eq!(symbols(&found(search("btc"), 10).await), ["BTC-PERP", "BTCUSDT"]);
    assert_eq!(symbols(&found(search("alpha"), 10).await), ["GOOG"], "names are searched");
    assert_eq!(symbols(&found(search("_"), 10).await), ["A_B"], "an underscore is itself");
    assert_eq!(symbols(&found(search("%"), 10).await), ["A_B"], "a percent sign is itself");
    assert_eq!(symbols(&found(search("'s \\ Ü"), 10).await), ["A_B"], "quotes and backslashes are themselves");
    assert_eq!(symbols(&found(search("nothing such"), 10).await), Vec::<&str>::new());

    let forex = InstrumentFilter { asset_class: Some(AssetClass::Forex), ..InstrumentFilter::default() };
    assert_eq!(symbols(&found(forex, 10).await), ["EURUSD"]);
    let dollars = InstrumentFilter { quote: Some("USD".parse().unwrap()), ..InstrumentFilter::default() };
    assert_eq!(symbols(&found(dollars.clone(), 10).await), ["A_B", "BTC-PERP", "EURUSD", "GOOG"]);
    assert_eq!(symbols(&found(dollars.clone(), 2).await), ["A_B", "BTC-PERP"]);
    let next = InstrumentFilter { after: Some(symbol("BTC-PERP")), ..dollars };
    assert_eq!(symbols(&found(next, 2).await), ["EURUSD", "GOOG"]);
    // '-' comes before letters in the order of bytes, whatever a locale says.
    let after = InstrumentFilter { after: Some(symbol("BTC-PERP")), ..search("BTC") };
    assert_eq!(symbols(&found(after, 10).await), ["BTCUSDT"]);
}

async fn keeps_candles_exactly(store: &dyn MarketStore) {
    let plain = sample_candle(symbol("GOOG"), Timeframe::M1, 0, 100);
    let odd = Candle {
        open: "0.000000000001".parse().unwrap(),
        high: "9999999999999999.999999999999".parse().unwrap(),
        low: "0.000000000001".parse().unwrap(),
        close: "43000.123456789012".parse().unwrap(),
        volume: "0".parse().unwrap(),
        trades: 9_223_372_036_854_775_807,
        complete: false,
        synthetic: true,
        gap_before: true,
        ..sample_candle(symbol("GOOG"), Timeframe::M1, 1, 100)
    };
    store.save_candles(&[plain, odd]).await.unwrap();
    assert_eq!(store.candles(&all_of("GOOG", Timeframe::M1)).await.unwrap(), [plain, odd]);
}

async fn replaces_candles_of_the_same_time(store: &dyn MarketStore) {
    let minute = sample_candle(symbol("GOOG"), Timeframe::M1, 0, 100);
    let corrected = sample_candle(symbol("GOOG"), Timeframe::M1, 0, 200);
    let last = sample_candle(symbol("GOOG"), Timeframe::M1, 0, 300);
    let neighbours = [
        sample_candle(symbol("GOOG"), Timeframe::M5, 0, 1_000),
        sample_candle(symbol("EURUSD"), Timeframe::M1, 0, 2_000),
    ];
    store.save_candles(&[minute]).await.unwrap();
    store.save_candles(&neighbours).await.unwrap();
    store.save_candles(&[corrected]).await.unwrap();
    assert_eq!(store.candles(&all_of("GOOG", Timeframe::M1)).await.unwrap(), [corrected]);
    store.save_candles(&[minute, last]).await.unwrap();
    assert_eq!(store.candles(&all_of("GOOG", Timeframe::M1)).await.unwrap(), [last], "within a batch the last wins");
    assert_eq!(store.candles(&all_of("GOOG", Timeframe::M5)).await.unwrap(), [neighbours[0]]);
    assert_eq!(store.candles(&all_of("EURUSD", Timeframe::M1)).await.unwrap(), [neighbours[1]]);
}

async fn cuts_candles_by_range_order_and_limit(store: &dyn MarketStore) {
    let five: Vec<_> = (0..5).map(|index| sample_candle(symbol("GOOG"), Timeframe::H1, index, 100 + index)).collect();
    // Before 1970 too: opening times order as numbers, not as text.
    let ancient = Candle { open_time: Timestamp::from_seconds(-7_200), ..five[0] };
    let mut shuffled = vec![five[3], five[0], five[4], ancient, five[2], five[1]];
    store.save_candles(&shuffled).await.unwrap();
    shuffled.sort_by_key(|candle| candle.open_time);
    assert_eq!(store.candles(&all_of("GOOG", Timeframe::H1)).await.unwrap(), shuffled);

    let range = |from: usize, to: usize, order: CandleOrder, limit: u32| CandleQuery {
        from: Some(five[from].open_time),
        to: Some(five[to].open_time),
        order,
        limit,
        ..all_of("GOOG", Timeframe::H1)
    };
    let oldest = store.candles(&range(1, 4, CandleOrder::OldestFirst, 2)).await.unwrap();
    assert_eq!(oldest, [five[1], five[2]], "from is included");
    let newest = store.candles(&range(1, 4, CandleOrder::NewestFirst, 2)).await.unwrap();
    assert_eq!(newest, [five[3], five[2]], "to is not included");
    let within = CandleQuery {
        from: Some(five[0].open_time.plus(Duration::from_micros(1))),
        to: Some(five[1].open_time.plus(Duration::from_micros(1))),
        ..all_of("GOOG", Timeframe::H1)
    };
    assert_eq!(store.candles(&within).await.unwrap(), [five[1]], "bounds are exact to the microsecond");
    assert_eq!(store.candles(&range(2, 2, CandleOrder::NewestFirst, 5)).await.unwrap(), []);
}

async fn takes_large_batches(store: &dyn MarketStore) {
    let many: Vec<_> = (0..5_000).map(|index| sample_candle(symbol("GOOG"), Timeframe::M1, index, 100)).collect();
    store.save_candles(&many).await.unwrap();
    store.save_candles(&many).await.unwrap();
    let query = CandleQuery { limit: 6_000, ..all_of("GOOG", Timeframe::M1) };
    assert_eq!(store.candles(&query).await.unwrap(), many);
}

/// Large batches of candles that are there, are not there, and are there twice.
async fn takes_what_is_new_and_what_is_there_together(store: &dyn MarketStore) {
    let goog = symbol("GOOG");
    let batch = |from: i32, to: i32, open: i32| -> Vec<Candle> {
        (from..to).map(|index| sample_candle(goog, Timeframe::H1, index, open)).collect()
    };
    store.save_candles(&batch(0, 1_000, 10)).await.unwrap();
    store.save_candles(&batch(500, 1_500, 20)).await.unwrap();
    let mut twice = batch(1_500, 2_200, 30);
    twice.extend(batch(1_500, 2_200, 40));
    store.save_candles(&twice).await.unwrap();
    let kept = store.candles(&all_of("GOOG", Timeframe::H1)).await.unwrap();
    let expected = [batch(0, 500, 10), batch(500, 1_500, 20), batch(1_500, 2_200, 40)].concat();
    assert_eq!(kept, expected);
}

async fn lets_go_of_old_candles_alone(store: &dyn MarketStore) {
    let instrument = bundled_instruments().swap_remove(0);
    store.save_instruments(std::slice::from_ref(&instrument)).await.unwrap();
    let at = |day: &str| format!("{day}T00:00:00Z").parse::<Timestamp>().unwrap();
    let candle = |day: &str| Candle { open_time: at(day), ..sample_candle(instrument.symbol, Timeframe::D1, 0, 10) };
    let days = ["1987-10-19", "2026-01-05", "2026-01-06", "2027-06-01", "2029-03-01"];
    store.save_candles(&days.map(candle)).await.unwrap();
    let tidy =
        async |keep_from| while store.tidy_candles(at("2029-03-01"), keep_from).await.unwrap() == Tidied::Some {};
    let days = async || {
        let kept = store.candles(&all_of(instrument.symbol.as_str(), Timeframe::D1)).await.unwrap();
        kept.iter().map(|candle| candle.open_time.to_string()[..10].to_owned()).collect::<Vec<_>>()
    };
    tidy(None).await;
    assert_eq!(days().await.len(), 5, "without a bound everything stays");
    tidy(Some(at("2027-05-15"))).await;
    assert_eq!(days().await, ["2027-06-01", "2029-03-01"]);
    store.save_candles(&[candle("2026-01-05")]).await.unwrap();
    assert_eq!(days().await.len(), 3, "what has gone may be loaded again");
    tidy(Some(at("2029-03-01"))).await;
    let kept = days().await;
    assert_eq!(kept.last().map(String::as_str), Some("2029-03-01"));
    assert!(!kept.contains(&"2026-01-05".to_owned()), "{kept:?}");
}

async fn keeps_only_the_newest_tickers(store: &dyn MarketStore) {
    let at = |second: i64| Timestamp::from_seconds(1_767_571_200 + second);
    let ticker = |second: i64, offset: u64, price: i32| Ticker {
        symbol: symbol("GOOG"),
        quote: Some(sample_quote("GOOG", at(second), offset, price)),
        last: Some(sample_trade("GOOG", at(second - 1), offset, price)),
    };
    let bare = Ticker { symbol: symbol("EURUSD"), quote: None, last: Some(sample_trade("EURUSD", at(0), 1, 2)) };
    store.save_tickers(&[ticker(10, 1, 100), bare]).await.unwrap();
    store.save_tickers(&[ticker(9, 2, 90)]).await.unwrap();
    assert_eq!(store.tickers().await.unwrap(), [bare, ticker(10, 1, 100)], "an older one replaces nothing");
    store.save_tickers(&[ticker(10, 3, 101)]).await.unwrap();
    assert_eq!(store.tickers().await.unwrap()[1], ticker(10, 3, 101), "one of the same time does");
    store.save_tickers(&[ticker(11, 4, 102), bare]).await.unwrap();
    assert_eq!(store.tickers().await.unwrap(), [bare, ticker(11, 4, 102)]);
}

async fn keeps_feed_positions_by_name(store: &dyn MarketStore) {
    let at = Timestamp::from_micros(1_767_571_200_123_456);
    let position = |feed: &str, index: u64| FeedPosition { feed: feed.to_owned(), epoch: 7, index, at };
    store.save_feed_position(&position("replay", 5)).await.unwrap();
    store.save_feed_position(&position("simulated", 1)).await.unwrap();
    store.save_feed_position(&position("replay", 2)).await.unwrap();
    assert_eq!(store.feed_position("replay").await.unwrap(), Some(position("replay", 2)), "positions may go back");
    assert_eq!(store.feed_position("simulated").await.unwrap(), Some(position("simulated", 1)));
}
