//! A process that watches, and accounts that lose.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinHandle;
use velox::risk::{RiskMonitor, RiskPorts, RiskSettings, RiskShare};
use velox::shutdown::Shutdown;
use velox_kernel::{AccountId, Principal};
use velox_testkit::trading::{FreshIds, money};
use velox_trading::{AccountRow, Command, Fact, HaltMode, RecordedEvent, RiskLimits, TradingLog, TradingQueries};

use crate::accounts::ledger::{Ledger, OneClock, Process};

/// Nobody tells of limits but the words of the process itself; positions are noted with effects alone.
pub(super) const SETTINGS: RiskSettings = RiskSettings {
    look_every: Duration::from_millis(100),
    list_every: Duration::from_secs(1_000_000),
    note_every: Duration::from_secs(1_000_000),
};

/// One process of a ledger.
pub(super) struct Desk {
    pub(super) ledger: Ledger,
    pub(super) process: Process,
}

/// A monitor that runs.
pub(super) struct Running {
    pub(super) shutdown: Shutdown,
    pub(super) task: JoinHandle<()>,
}

impl Desk {
    pub(super) fn new() -> Self {
        let ledger = Ledger::new();
        let process = ledger.process();
        Self { ledger, process }
    }

    /// Lets the process watch.
    pub(super) fn watch(&self, share: RiskShare, settings: RiskSettings) -> Running {
        let ports = RiskPorts {
            lanes: Arc::clone(&self.process.lanes),
            hub: Arc::clone(&self.process.hub),
            queries: self.ledger.store.clone(),
            shards: self.ledger.store.inner.clone(),
            prices: self.process.prices.clone(),
            moments: Arc::new(OneClock(Arc::clone(&self.ledger.clock))),
            ids: Arc::new(FreshIds),
        };
        let shutdown = Shutdown::default();
        let task = tokio::spawn(RiskMonitor::new(ports, share, settings).run(shutdown.clone()));
        Running { shutdown, task }
    }

    /// An account that bought one unit at 90 and may lose this much in a day.
    pub(super) async fn holder(&self, daily_loss: Option<&str>) -> AccountId {
        let account = self.ledger.open(&self.process).await;
        self.buy(account).await;
        self.limit(account, daily_loss).await;
        account
    }

    pub(super) async fn buy(&self, account: AccountId) {
        let order = self.ledger.work(&self.process, account).await;
        let fill = format!("fill-{}", order.uuid().simple());
        self.process.run(account, self.ledger.filled(account, order, &fill, "1")).await.unwrap();
    }

    pub(super) async fn limit(&self, account: AccountId, daily_loss: Option<&str>) {
        let limits = RiskLimits { daily_loss: daily_loss.map(money), ..RiskLimits::default() };
        self.process.run(account, Command::SetLimits(limits)).await.unwrap();
    }

    pub(super) fn price(&self, to: &str) {
        self.process.prices.move_to(to, &self.ledger.clock);
    }

    pub(super) async fn row(&self, account: AccountId) -> AccountRow {
        self.ledger.store.inner.account(self.ledger.org, account).await.unwrap().unwrap()
    }

    /// The log of an account.
    pub(super) async fn events(&self, account: AccountId) -> Vec<RecordedEvent> {
        self.ledger.store.inner.events(account, 0, 10_000).await.unwrap()
    }

    /// How often Velox itself has halted an account for its loss.
    pub(super) async fn halts(&self, account: AccountId) -> usize {
        let events = self.events(account).await;
        let ours = events.iter().filter(|record| record.actor == Principal::System);
        let is_halt = |fact: &Fact| matches!(fact, Fact::AccountHalted { mode: HaltMode::ReduceOnly, basis: Some(basis), .. } if !basis.checks.is_empty());
        ours.filter(|record| is_halt(&record.event().unwrap().fact)).count()
    }

    pub(super) async fn until_halted(&self, account: AccountId) {
        until("the halt", async || self.row(account).await.halt == Some(HaltMode::ReduceOnly)).await;
    }
}

/// Time that is enough for several looks.
pub(super) async fn some_looks() {
    tokio::time::sleep(SETTINGS.look_every * 5).await;
}

pub(super) async fn until(what: &str, mut reached: impl AsyncFnMut() -> bool) {
    let reaching = async {
        while !reached().await {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), reaching).await.unwrap_or_else(|_| panic!("{what} did not come"));
}
