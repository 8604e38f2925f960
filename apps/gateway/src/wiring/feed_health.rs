//! How the market feed is: prices are fresh.

use async_trait::async_trait;
use velox_market::Market;

use crate::http::health::{Health, HealthCheck};

/// Looks at the age of the newest prices. Orders are denied as stale without them, but nothing else needs them.
pub(super) struct FeedHealth(pub(super) Market);

#[async_trait]
impl HealthCheck for FeedHealth {
    fn name(&self) -> &'static str {
        "feed"
    }

    fn required(&self) -> bool {
        false
    }

    async fn check(&self) -> Health {
        let now = self.0.clock.now();
        let tickers = self.0.hot.tickers();
        let fresh = tickers.iter().filter(|ticker| !ticker.seen_at(now, self.0.stale_after).stale).count();
        match (fresh, tickers.len()) {
            (0, 0) => Health::degraded("no price has come yet"),
            (0, _) => Health::degraded("every price is stale"),
            _ => Health::up(),
        }
    }
}
