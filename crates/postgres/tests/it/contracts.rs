//! The contracts of the ports.

use std::sync::Arc;

use velox_testkit::trading::{TradingPorts, trading_store_contract};

use crate::database::Database;

#[tokio::test(flavor = "multi_thread")]
async fn keeps_the_contract_of_trading() {
    let database = Database::migrated().await;
    let store = Arc::new(database.store().await);
    trading_store_contract(async || TradingPorts { log: store.clone(), queries: store.clone() }).await;
    database.drop().await;
}
