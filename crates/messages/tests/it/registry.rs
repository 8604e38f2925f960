//! The fake registry keeps to the contract.

use velox_testkit::messages::{MemoryRegistry, schema_registry_contract};

#[tokio::test]
async fn the_fake_keeps_to_the_contract() {
    schema_registry_contract(&MemoryRegistry::default(), "test").await;
}
