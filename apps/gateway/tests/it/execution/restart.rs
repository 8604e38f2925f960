//! The whole platform on stores in memory: it ends, starts again, and its orders go on.

use std::sync::Arc;
use std::time::Duration;

use velox::shutdown::Shutdown;
use velox::wiring::{Platform, Stores};
use velox_kernel::{AccountId, Digest, Ids, OrderId};
use velox_testkit::brokers::MemoryBrokerStore;
use velox_testkit::identity::MemoryIdentityStore;
use velox_testkit::market::MemoryMarketStore;
use velox_testkit::trading::{FreshIds, MemoryTradingStore, instrument, price, symbol, terms};
use velox_trading::{Command, OrderKind, OrderStatus, PlaceOrder, Side, TradingQueries};

use crate::accounts::ledger::cause;
use crate::server::config;

const PATIENCE: Duration = Duration::from_secs(30);

async fn wait_for(store: &MemoryTradingStore, account: AccountId, order: OrderId, status: OrderStatus) {
    let arrives = async {
        loop {
            let stored = store.order_of_account(account, order).await.unwrap().unwrap();
            if stored.status == status {
                return;
            }
            assert!(stored.status.is_open(), "it is {}: {:?} {:?}", stored.status.as_str(), stored.denial, stored.end);
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, arrives).await.unwrap_or_else(|_| panic!("the order becomes {status:?}"));
}

async fn end(platform: Platform, shutdown: &Shutdown) {
    shutdown.begin();
    tokio::time::timeout(PATIENCE, platform.end()).await.expect("the platform ends");
}

#[tokio::test(flavor = "multi_thread")]
async fn orders_at_the_paper_broker_go_on_after_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let config = config(&[("data.dir", dir.path().to_str().unwrap()), ("market.feed", "simulated")]);
    let trading = Arc::new(MemoryTradingStore::default());
    let stores = Stores {
        log: trading.clone(),
        queries: trading.clone(),
        identity: Arc::new(MemoryIdentityStore::default()),
        brokers: Arc::new(MemoryBrokerStore::default()),
        market: Arc::new(MemoryMarketStore::default()),
        shared: false,
        marks: trading.clone(),
        shards: trading.clone(),
        bus: None,
        replica: None,
        pool: None,
    };
    let shutdown = Shutdown::default();
    let platform = Platform::start(&config, stores.clone(), shutdown.clone()).await.unwrap();
    let account = trading.all_accounts(None, 10).await.unwrap()[0].id;
    let symbol = symbol("BTC-PERP");
    let prices = Arc::clone(&platform.intake.trading.prices);
    let arrives = async {
        while prices.price(symbol).is_none() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, arrives).await.expect("the market moves");
    let place = |amount: &str, limit: &str| PlaceOrder {
        order: OrderId::new(FreshIds.next()),
        client_order_id: format!("at-{limit}").parse().unwrap(),
        fingerprint: Digest::new([7; 32]),
        terms: terms(symbol, Side::Buy, amount, OrderKind::Limit { limit_price: price(limit) }),
        rules: instrument(symbol),
    };
    let (resting, meeting) = (place("0.01", "30000"), place("0.01", "90000"));
    let (resting_id, meeting_id) = (resting.order, meeting.order);
    let writer = &platform.intake.trading.writer;
    writer.execute(account, Command::Place(meeting), cause()).await.unwrap();
    writer.execute(account, Command::Place(resting), cause()).await.unwrap();
    wait_for(&trading, account, meeting_id, OrderStatus::Filled).await;
    wait_for(&trading, account, resting_id, OrderStatus::New).await;
    end(platform, &shutdown).await;

    let shutdown = Shutdown::default();
    let platform = Platform::start(&config, stores, shutdown.clone()).await.unwrap();
    let writer = &platform.intake.trading.writer;
    writer.execute(account, Command::Cancel { order: resting_id }, cause()).await.unwrap();
    // A broker that had forgotten the order would refuse the cancel.
    wait_for(&trading, account, resting_id, OrderStatus::Canceled).await;
    end(platform, &shutdown).await;
}
