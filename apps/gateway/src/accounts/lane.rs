//! One lane: takes what waits, decides it account by account, and makes all of it durable in one commit.

mod catching_up;
mod deciding;
mod group;
mod held;
mod round;

use std::collections::HashMap;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use tokio::sync::watch;
use tokio::time::Instant;
use velox_kernel::AccountId;
use velox_trading::{ExecuteError, Moments, Prices, StoreError, TradingLog, TradingQueries};

use self::held::HeldAccounts;
use super::OrderTraces;
use super::hub::Hub;
use super::inbox::Inbox;
use super::job::{Job, Queued, of_one_role};
use crate::observe::Observer;

pub(super) use self::deciding::{belongs_to, broken, may_be_answered};

/// What lanes work with.
pub struct LanePorts {
    /// The log.
    pub log: Arc<dyn TradingLog>,
    /// The read tables.
    pub queries: Arc<dyn TradingQueries>,
    /// The market's prices.
    pub prices: Arc<dyn Prices>,
    /// The clocks.
    pub moments: Arc<dyn Moments>,
    /// Who is told.
    pub hub: Arc<Hub>,
    /// What is counted.
    pub observer: Observer,
}

/// How lanes are sized.
#[derive(Clone, Copy, Debug)]
pub struct LaneSettings {
    /// How many lanes.
    pub lanes: usize,
    /// Commands that may wait in one lane.
    pub queue: usize,
    /// Commands in one commit.
    pub batch: usize,
    /// Accounts whose state one lane holds.
    pub accounts: usize,
    /// Events after which a snapshot is kept.
    pub snapshot_every: u64,
    /// Whether other processes may write to the same store.
    pub shared: bool,
}

pub(super) struct Lane {
    ports: Arc<LanePorts>,
    traces: Arc<OrderTraces>,
    settings: LaneSettings,
    held: HeldAccounts,
    /// What the store said last when it did not do what it was to.
    failed: Option<ExecuteError>,
}

/// How long the store may take to fail before it counts as silent.
const SILENCE: Duration = Duration::from_secs(1);

impl Lane {
    pub(super) fn new(ports: Arc<LanePorts>, traces: Arc<OrderTraces>, settings: LaneSettings) -> Self {
        Self {
            ports,
            traces,
            settings,
            held: HeldAccounts::new(settings.accounts, settings.snapshot_every),
            failed: None,
        }
    }

    /// Works until every sender is gone or the lanes are closed, and nothing waits any more. There is no wait for
    /// company: what queued up during a commit shares the next.
    pub(super) async fn run(mut self, mut inbox: Inbox, mut closed: watch::Receiver<bool>) {
        let hub = Arc::clone(&self.ports.hub);
        let mut taken = Vec::with_capacity(self.settings.batch);
        let mut open = true;
        loop {
            let count = tokio::select! {
                biased;
                _ = closed.wait_for(|closed| *closed), if open => {
                    // What is in the queue is still done; what comes now is told that it came too late.
                    inbox.close();
                    open = false;
                    continue;
                }
                count = inbox.recv_many(&mut taken, self.settings.batch.max(1), &hub) => count,
            };
            if count == 0 {
                return;
            }
            let (mut jobs, mut elsewhere) = in_a_row(taken.drain(..));
            while !(jobs.is_empty() && elsewhere.is_empty()) {
                let (now, later) = of_one_role(jobs);
                let began = Instant::now();
                let work = self.work(now, std::mem::take(&mut elsewhere));
                if AssertUnwindSafe(work).catch_unwind().await.is_err() {
                    // Whoever waits is told that the outcome is unknown. No state that may be half done is kept.
                    tracing::error!("a lane broke; its accounts are read again");
                    self.held.clear();
                }
                jobs = later;
                // Whoever waits now would wait as long again, for the same answer.
                if let Some(error) = self.failed.take()
                    && began.elapsed() >= SILENCE
                {
                    inbox.refuse_clients(&error);
                }
            }
            self.held.forget_the_idle();
        }
    }
}

impl Lane {
    /// Notes that the store did not do what it was to: of what waits behind that, nothing was done.
    fn note_failure(&mut self, error: &ExecuteError) {
        if let ExecuteError::Store(StoreError::Unavailable(reason) | StoreError::OutcomeUnknown(reason)) = error {
            self.failed = Some(StoreError::Unavailable(reason.clone()).into());
        }
    }
}

/// The jobs, and the accounts in which an order waits that another process took.
fn in_a_row(queued: impl ExactSizeIterator<Item = Queued>) -> (Vec<Job>, Vec<AccountId>) {
    let (mut jobs, mut elsewhere) = (Vec::with_capacity(queued.len()), Vec::new());
    for queued in queued {
        match queued {
            Queued::One(job) => jobs.push(job),
            Queued::Together(several) => jobs.extend(several),
            Queued::Elsewhere(account) => elsewhere.push(account),
        }
    }
    (jobs, elsewhere)
}

/// Things by account, those of each in the order in which they came.
pub(crate) fn by_account<T>(things: Vec<T>, account: impl Fn(&T) -> AccountId) -> Vec<(AccountId, Vec<T>)> {
    let mut places: HashMap<AccountId, usize> = HashMap::new();
    let mut groups: Vec<(AccountId, Vec<T>)> = Vec::new();
    for thing in things {
        let account = account(&thing);
        let place = *places.entry(account).or_insert_with(|| {
            groups.push((account, Vec::new()));
            groups.len() - 1
        });
        groups[place].1.push(thing);
    }
    groups
}
