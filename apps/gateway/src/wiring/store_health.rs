//! How the database is: it answers a read.

use std::sync::Arc;

use async_trait::async_trait;
use velox_trading::TradingQueries;

use crate::http::health::{Health, HealthCheck};

/// Asks the database for a row.
pub(super) struct StoreHealth(pub(super) Arc<dyn TradingQueries>);

#[async_trait]
impl HealthCheck for StoreHealth {
    fn name(&self) -> &'static str {
        "database"
    }

    async fn check(&self) -> Health {
        match self.0.all_accounts(None, 1).await {
            Ok(_) => Health::up(),
            Err(error) => {
                tracing::warn!(%error, "the database does not answer");
                Health::down("it does not answer")
            }
        }
    }
}
