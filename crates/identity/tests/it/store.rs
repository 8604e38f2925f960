//! The fake keeps the contract it stands for.

use std::sync::Arc;

use velox_testkit::identity::{MemoryIdentityStore, identity_store_contract};

#[tokio::test]
async fn the_memory_store_keeps_the_contract() {
    identity_store_contract(async || Arc::new(MemoryIdentityStore::default()) as _).await;
}
