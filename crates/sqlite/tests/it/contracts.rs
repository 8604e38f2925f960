//! The contracts of the ports.

use std::sync::Arc;

use velox_brokers::BrokerStore;
use velox_identity::IdentityStore;
use velox_kernel::{Ids, MemberId};
use velox_market::MarketStore;

use velox_testkit::brokers::broker_store_contract;
use velox_testkit::identity::identity_store_contract;
use velox_testkit::market::market_store_contract;
use velox_testkit::peers::shard_store_contract;
use velox_testkit::trading::contract::{
    marks_are_kept_by_whoever_has_the_shard, whoever_lost_its_shard_writes_nothing,
};
use velox_testkit::trading::{FreshIds, TradingPorts, trading_store_contract};

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

#[tokio::test(flavor = "multi_thread")]
async fn keeps_the_contract_of_identity() {
    let folders = Folders::default();
    identity_store_contract(async || {
        let store: Arc<dyn IdentityStore> = Arc::new(folders.store());
        store
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn keeps_the_contract_of_brokers() {
    let folders = Folders::default();
    broker_store_contract(async || {
        let store: Arc<dyn BrokerStore> = Arc::new(folders.store());
        store
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn keeps_the_contract_of_market() {
    let folders = Folders::default();
    market_store_contract(async || {
        let store: Arc<dyn MarketStore> = Arc::new(folders.store());
        store
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn keeps_the_contracts_of_the_relay() {
    let folders = Folders::default();
    marks_are_kept_by_whoever_has_the_shard(&folders.store()).await;
    whoever_lost_its_shard_writes_nothing(&folders.store()).await;
    let member = || MemberId::new(FreshIds.next());
    shard_store_contract(&folders.store(), "contract", member(), member()).await;
}
