//! The contracts of the ports.

use std::sync::Arc;

use velox_testkit::trading::{TradingPorts, trading_store_contract};

use crate::Folders;

#[tokio::test(flavor = "multi_thread")]
async fn keeps_the_contract_of_trading() {
    let folders = Folders::default();
    trading_store_contract(async || {
        let store = Arc::new(folders.store());
        TradingPorts { log: store.clone(), queries: store }
    })
    .await;
}
