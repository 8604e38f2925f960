//! What the pool tells of itself.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use velox_postgres::{PoolObserver, PoolStatus, PostgresOptions};

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
