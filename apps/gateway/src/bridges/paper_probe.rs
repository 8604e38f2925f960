//! [`PaperProbe`]: whether a paper connection would trade now.

use std::sync::Arc;

use async_trait::async_trait;
use tokio::time::Instant;
use velox_brokers::{Connection, ConnectionProbe, Credential, ProbeCheck, ProbeReport};
use velox_market::Market;
use velox_trading::{AccountWriter, HaltMode};

use crate::execution::{BrokerDesk, ExecutionRights};

/// Looks at everything that an order through a paper connection needs.
#[derive(Clone)]
pub struct PaperProbe {
    /// Where the account is.
    pub writer: Arc<dyn AccountWriter>,
    /// The brokers, to the accounts for which this process executes orders.
    pub brokers: Arc<dyn BrokerDesk>,
    /// Which those are.
    pub rights: ExecutionRights,
    /// What it matches against.
    pub market: Market,
}

#[async_trait]
impl ConnectionProbe for PaperProbe {
    async fn probe(&self, connection: &Connection, _credentials: &[Credential]) -> ProbeReport {
        let started = Instant::now();
        let checks = vec![self.account(connection).await, self.book(connection).await, self.market_data()];
        ProbeReport { latency: started.elapsed(), checks }
    }
}

impl PaperProbe {
    async fn account(&self, connection: &Connection) -> ProbeCheck {
        let (passed, detail) = match self.writer.read(connection.account).await {
            Err(error) => (false, format!("the account cannot be read: {error}")),
            Ok(account) => match (account.profile(), account.halt()) {
                (None, _) => (false, "the account is not open".to_owned()),
                (Some(_), None) => (true, "the account is open".to_owned()),
                (Some(_), Some(HaltMode::Closed)) => (false, "the account is closed".to_owned()),
                // It was halted on purpose: nothing is wrong with the connection.
                (Some(_), Some(HaltMode::Halted)) => (true, "the account is open and halted".to_owned()),
                (Some(_), Some(HaltMode::ReduceOnly)) => (true, "the account is open and reduce-only".to_owned()),
            },
        };
        ProbeCheck { name: "account", passed, detail }
    }

    async fn book(&self, connection: &Connection) -> ProbeCheck {
        let Some(right) = self.rights.serving(connection.account) else {
            let detail = "another process executes the account's orders, and has its book".to_owned();
            return ProbeCheck { name: "broker", passed: true, detail };
        };
        let (passed, detail) = match self.brokers.under(right).open_orders(connection.account).await {
            Ok(orders) => (true, format!("the paper broker has the account, with {} open orders", orders.len())),
            Err(error) => (false, format!("the paper broker does not answer: {error}")),
        };
        ProbeCheck { name: "broker", passed, detail }
    }

    fn market_data(&self) -> ProbeCheck {
        let now = self.market.clock.now();
        let tickers = self.market.hot.tickers();
        let symbols = tickers.len();
        let fresh = tickers.into_iter().filter(|ticker| !ticker.seen_at(now, self.market.stale_after).stale).count();
        ProbeCheck {
            name: "market_data",
            passed: fresh > 0,
            detail: format!("{fresh} of {symbols} symbols have a fresh price"),
        }
    }
}
