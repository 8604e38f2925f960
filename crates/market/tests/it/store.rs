//! The fake keeps the port's contract.

use std::sync::Arc;

use velox_market::MarketStore;
use velox_testkit::market::{MemoryMarketStore, market_store_contract};

#[tokio::test]
async fn the_memory_store_keeps_the_contract() {
    market_store_contract(async || {
        let store: Arc<dyn MarketStore> = Arc::new(MemoryMarketStore::default());
        store
    })
    .await;
}
