//! The fakes keep the contracts they stand for.

use std::sync::Arc;

use velox_brokers::BrokerStore;
use velox_testkit::brokers::{MemoryBrokerStore, broker_store_contract};

#[tokio::test]
async fn the_memory_store_keeps_the_contract() {
    let make = async || {
        let store: Arc<dyn BrokerStore> = Arc::new(MemoryBrokerStore::default());
        store
    };
    broker_store_contract(make).await;
}
