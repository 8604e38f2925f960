//! The newest prices, their age, and where they come from.

use std::time::Duration;

use velox_market::{GetQuoteError, MarketEvent, MarketStore, Ticker, get_quote, list_quotes};
use velox_testkit::market::{sample_quote, sample_trade};

use crate::world::{World, at, symbol};

#[tokio::test]
async fn a_price_ages_until_it_is_stale() {
    let world = World::new().await;
    world.market.hot.apply(&MarketEvent::Quote(sample_quote("GOOG", at(0), 1, 100)));
    let fresh = get_quote(&world.actor, &world.market, symbol("GOOG")).await.unwrap().unwrap();
    assert!(!fresh.stale && fresh.age.is_zero());
    world.clock.advance(Duration::from_secs(11));
    let old = get_quote(&world.actor, &world.market, symbol("GOOG")).await.unwrap().unwrap();
    assert!(old.stale);
    assert_eq!(old.age, Duration::from_secs(11));
}

#[tokio::test]
async fn fresh_prices_cost_no_call_to_the_store() {
    let world = World::new().await;
    world.market.hot.apply(&MarketEvent::Quote(sample_quote("GOOG", at(0), 1, 100)));
    let before = world.store.calls();
    get_quote(&world.actor, &world.market, symbol("GOOG")).await.unwrap();
    list_quotes(&world.actor, &world.market, &[]).await.unwrap();
    assert_eq!(world.store.calls(), before);
}

#[tokio::test]
async fn a_mute_process_reads_what_another_kept() {
    let world = World::new().await;
    world.market.hot.apply(&MarketEvent::Quote(sample_quote("GOOG", at(0), 1, 100)));
    world.clock.advance(Duration::from_secs(60));
    let kept = Ticker { symbol: symbol("GOOG"), quote: Some(sample_quote("GOOG", at(59), 9, 107)), last: None };
    world.store.save_tickers(&[kept]).await.unwrap();
    let view = get_quote(&world.actor, &world.market, symbol("GOOG")).await.unwrap().unwrap();
    assert_eq!(view.ticker.quote, kept.quote);
    assert!(!view.stale);
}

#[tokio::test]
async fn a_store_that_is_away_leaves_stale_prices_marked_as_such() {
    let world = World::new().await;
    world.market.hot.apply(&MarketEvent::Trade(sample_trade("GOOG", at(0), 1, 100)));
    world.clock.advance(Duration::from_secs(60));
    world.store.set_away(true);
    assert!(get_quote(&world.actor, &world.market, symbol("GOOG")).await.unwrap().unwrap().stale);
    let none = get_quote(&world.actor, &world.market, symbol("EURUSD")).await;
    assert!(matches!(none, Err(GetQuoteError::Store(_))));
}

#[tokio::test]
async fn a_known_symbol_without_a_price_is_no_unknown_one() {
    let world = World::new().await;
    assert_eq!(get_quote(&world.actor, &world.market, symbol("GOOG")).await, Ok(None));
    let unknown = get_quote(&world.actor, &world.market, symbol("NONE")).await;
    assert_eq!(unknown, Err(GetQuoteError::UnknownSymbol));
}

#[tokio::test]
async fn the_list_is_narrowed_and_sorted() {
    let world = World::new().await;
    for name in ["GOOG", "BTCUSDT", "EURUSD"] {
        world.market.hot.apply(&MarketEvent::Trade(sample_trade(name, at(0), 1, 100)));
    }
    let names = |views: Vec<velox_market::TickerView>| {
        views.iter().map(|view| view.ticker.symbol.to_string()).collect::<Vec<_>>()
    };
    let all = list_quotes(&world.actor, &world.market, &[]).await.unwrap();
    assert_eq!(names(all), ["BTCUSDT", "EURUSD", "GOOG"]);
    let two = list_quotes(&world.actor, &world.market, &[symbol("GOOG"), symbol("BTC-PERP")]).await.unwrap();
    assert_eq!(names(two), ["GOOG"]);
}
