//! Listing and finding instruments.

use velox_kernel::{Cursor, PageRequest};
use velox_market::{AssetClass, ListSymbols, ListSymbolsError, get_symbol, list_symbols};

use crate::world::{World, page, symbol};

fn all(page: PageRequest) -> ListSymbols {
    ListSymbols { search: None, asset_class: None, quote: None, page }
}

#[tokio::test]
async fn pages_follow_each_other_to_the_end() {
    let world = World::new().await;
    let (mut seen, mut next) = (Vec::new(), None);
    loop {
        let request = PageRequest::new(3, next).unwrap();
        let found = list_symbols(&world.actor, &world.market, all(request)).await.unwrap();
        seen.extend(found.items.iter().map(|one| one.symbol.to_string()));
        next = found.next;
        if next.is_none() {
            break;
        }
    }
    assert_eq!(seen, ["BTC-PERP", "BTCUSDT", "EURUSD", "GOOG"]);
}

#[tokio::test]
async fn filters_narrow_together() {
    let world = World::new().await;
    let query = ListSymbols {
        search: Some("bit".to_owned()),
        asset_class: Some(AssetClass::CryptoPerpetual),
        quote: Some("USD".parse().unwrap()),
        page: page(10),
    };
    let found = list_symbols(&world.actor, &world.market, query).await.unwrap();
    assert_eq!(found.items.iter().map(|one| one.symbol.as_str()).collect::<Vec<_>>(), ["BTC-PERP"]);
}

#[tokio::test]
async fn a_strange_cursor_is_refused() {
    let world = World::new().await;
    let request = PageRequest::new(3, Some(Cursor::new("no symbol at all"))).unwrap();
    let refused = list_symbols(&world.actor, &world.market, all(request)).await;
    assert_eq!(refused, Err(ListSymbolsError::InvalidCursor));
}

#[tokio::test]
async fn one_symbol_is_found_or_not() {
    let world = World::new().await;
    let found = get_symbol(&world.actor, &world.market, symbol("GOOG")).await.unwrap();
    assert_eq!(found.unwrap().name, "Alphabet Inc.");
    assert_eq!(get_symbol(&world.actor, &world.market, symbol("NONE")).await, Ok(None));
}
