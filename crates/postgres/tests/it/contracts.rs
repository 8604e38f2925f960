//! The contracts of the ports.

use std::sync::Arc;

use velox_brokers::BrokerStore;
use velox_identity::IdentityStore;
use velox_kernel::{Ids, MemberId, SignalBus};
use velox_market::MarketStore;

use velox_testkit::brokers::broker_store_contract;
use velox_testkit::identity::identity_store_contract;
use velox_testkit::market::market_store_contract;
use velox_testkit::peers::{shard_store_contract, signal_bus_contract};
use velox_testkit::trading::contract::{
    marks_are_kept_by_whoever_has_the_shard, whoever_lost_its_shard_writes_nothing,
};
use velox_testkit::trading::{FreshIds, TradingPorts, trading_store_contract};

use crate::database::{Database, Databases};

#[tokio::test(flavor = "multi_thread")]
async fn keeps_the_contract_of_trading() {
    let database = Database::migrated().await;
    let store = Arc::new(database.store().await);
    trading_store_contract(async || TradingPorts { log: store.clone(), queries: store.clone() }).await;
    database.drop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn keeps_the_contract_of_identity() {
    let databases = Databases::default();
    identity_store_contract(async || {
        let store: Arc<dyn IdentityStore> = Arc::new(databases.store().await);
        store
    })
    .await;
    databases.drop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn keeps_the_contract_of_brokers() {
    let databases = Databases::default();
    broker_store_contract(async || {
        let store: Arc<dyn BrokerStore> = Arc::new(databases.store().await);
        store
    })
    .await;
    databases.drop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn keeps_the_contract_of_market() {
    let databases = Databases::default();
    market_store_contract(async || {
        let store: Arc<dyn MarketStore> = Arc::new(databases.store().await);
        store
    })
    .await;
    databases.drop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn keeps_the_contract_of_signals() {
    let database = Database::migrated().await;
    let store = database.store().await;
    signal_bus_contract(async || {
        [(); 2].map(|()| {
            let signals: Arc<dyn SignalBus> = Arc::new(store.signals());
            signals
        })
    })
    .await;
    database.drop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn keeps_the_contracts_of_the_relay() {
    let database = Database::migrated().await;
    let store = database.store().await;
    marks_are_kept_by_whoever_has_the_shard(&store).await;
    whoever_lost_its_shard_writes_nothing(&store).await;
    let member = || MemberId::new(FreshIds.next());
    shard_store_contract(&store, "contract", member(), member()).await;
    drop(store);
    database.drop().await;
}
