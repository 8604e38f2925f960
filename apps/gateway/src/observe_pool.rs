//! What the server counts about its connections to PostgreSQL.

use std::time::Duration;

use metrics::{Histogram, gauge, histogram};
use velox_postgres::{PoolObserver, PoolStatus};

use crate::shutdown::Shutdown;

/// How often the pool is looked at.
const LOOK: Duration = Duration::from_secs(1);

/// Measures how long callers wait for a connection.
pub struct PoolMetrics(Histogram);

impl Default for PoolMetrics {
    fn default() -> Self {
        Self(histogram!("velox_database_pool_wait_seconds"))
    }
}

impl PoolObserver for PoolMetrics {
    fn leased(&self, waited: Duration) {
        self.0.record(waited.as_secs_f64());
    }
}

/// Keeps the gauges of the pool until the shutdown begins.
pub async fn watch_pool(status: impl Fn() -> PoolStatus + Send, shutdown: Shutdown) {
    let gauges = ["size", "available", "waiting"].map(|state| gauge!(format!("velox_database_pool_{state}")));
    let look = || {
        let PoolStatus { size, available, waiting } = status();
        for (gauge, number) in gauges.iter().zip([size, available, waiting]) {
            gauge.set(f64::from(u32::try_from(number).unwrap_or(u32::MAX)));
        }
    };
    shutdown.every(LOOK, look).await;
}
