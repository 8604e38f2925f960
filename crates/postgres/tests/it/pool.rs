//! What the pool tells of itself.

use std::net::TcpListener;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use velox_kernel::{Ids, MemberId, ShardStore, SignalBus};
use velox_postgres::{PoolObserver, PoolStatus, PostgresOptions, PostgresStore};

use velox_testkit::trading::FreshIds;

use crate::database::Database;

#[derive(Default)]
struct Waits(Mutex<Vec<Duration>>);

impl PoolObserver for Waits {
    fn leased(&self, waited: Duration) {
        self.0.lock().unwrap().push(waited);
    }
}

#[tokio::test]
async fn tells_how_it_stands_and_how_long_callers_waited() {
    let database = Database::migrated().await;
    let waits = Arc::new(Waits::default());
    let options = PostgresOptions { pool_observer: Some(waits.clone()), ..PostgresOptions::default() };
    let store = database.store_with(&options).await;
    assert_eq!(store.pool_status(), PoolStatus { size: 1, available: 1, waiting: 0 });
    let before = waits.0.lock().unwrap().len();
    for _ in 0..3 {
        store.health().await.unwrap();
    }
    assert_eq!(waits.0.lock().unwrap().len(), before + 3);
    store.close();
    assert_eq!(store.pool_status(), PoolStatus::default());
    database.drop().await;
}

#[tokio::test]
async fn a_host_that_hangs_keeps_nobody_from_the_next_one() {
    let database = Database::migrated().await;
    // It takes connections, as a server does that is frozen, and says nothing.
    let mute = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let url = database.second_after(mute.local_addr().unwrap().port());
    let store = PostgresStore::connect(&url, &PostgresOptions::default()).await.unwrap();
    store.health().await.unwrap();
    store.beat("pool", MemberId::new(FreshIds.next()), 1, &[]).await.unwrap();
    store.signals().publish("{}").await.unwrap();
    store.close();
    // A look that only reads asks the primary too.
    let look = PostgresStore::connect_read_only(&url, &PostgresOptions::default()).await.unwrap();
    look.health().await.unwrap();
    look.close();
    database.drop().await;
}
