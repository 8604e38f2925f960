//! The fake keeps the contract it stands for.

use std::sync::Arc;

use velox_identity::IdentityStore;
use velox_testkit::identity::{MemoryIdentityStore, identity_store_contract};

#[tokio::test]
async fn the_memory_store_keeps_the_contract() {
    let make = async || {
        let store: Arc<dyn IdentityStore> = Arc::new(MemoryIdentityStore::default());
        store
    };
    identity_store_contract(make).await;
}
