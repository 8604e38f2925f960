//! [`Execution`]: the execution role, which processes share by account.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use velox_broker_paper::{PaperBroker, PaperInstrument};
use velox_brokers::BrokerStore;
use velox_kernel::Fence;
use velox_market::Instrument;
use velox_trading::TradingQueries;

use super::paper::restore_books;
use crate::accounts::Hub;
use crate::execution::{
    BrokerCalls, EXECUTION_SHARDS, ExecutionRights, Executor, ExecutorSettings, execution_shard, take_reports,
};
use crate::shards::Held;
use crate::shutdown::Shutdown;

/// How long to wait before books that could not be rebuilt are tried again.
const AGAIN: Duration = Duration::from_millis(500);

/// The execution role.
pub(super) struct Execution {
    pub(super) rights: ExecutionRights,
    pub(super) paper: Arc<PaperBroker>,
    pub(super) queries: Arc<dyn TradingQueries>,
    pub(super) connections: Arc<dyn BrokerStore>,
    pub(super) instruments: Vec<Instrument>,
    pub(super) hub: Arc<Hub>,
    pub(super) calls: Arc<BrokerCalls>,
}

/// The part of the execution that this process has among others.
pub(super) struct Share {
    /// The shards.
    pub(super) held: Held,
    /// Begun when nothing is executed here any more, so that the shards are given up then.
    pub(super) done: Shutdown,
}

impl Execution {
    /// Executes the orders of the accounts that are its share, or of all where no other process can have the store, until
    /// the shutdown begins. It ends before that only when one of its tasks broke.
    pub(super) async fn run(self, share: Option<Share>, shutdown: Shutdown) {
        for instrument in &self.instruments {
            self.paper.set_instrument(instrument.symbol, PaperInstrument::from(instrument));
        }
        let mut tasks = JoinSet::new();
        let calls = Arc::clone(&self.calls);
        let reports = take_reports(Arc::clone(&calls), shutdown.clone());
        let executor =
            Executor::new(calls, Arc::clone(&self.queries), self.hub.renew_work(), ExecutorSettings::default());
        tasks.spawn(executor.run(shutdown.clone()));
        tasks.spawn(reports);
        let (held, done) = match share {
            Some(Share { held, done }) => (Some(held), Some(done)),
            None => (None, None),
        };
        let sharing = async {
            match held {
                Some(held) => self.follow_share(held, &shutdown).await,
                None => self.have_all().await,
            }
            std::future::pending::<()>().await;
        };
        tokio::pin!(sharing);
        loop {
            tokio::select! {
                () = &mut sharing => {}
                ended = tasks.join_next() => match ended {
                    None => break,
                    // What is being served is finished, under the rights that are still held.
                    Some(Ok(())) if shutdown.has_begun() => {}
                    Some(ended) => {
                        if let Err(error) = ended {
                            tracing::error!(%error, "a task of execution broke");
                        }
                        break;
                    }
                },
            }
        }
        tasks.shutdown().await;
        if let Some(done) = done {
            done.begin();
        }
    }

    async fn have_all(&self) {
        // Before the books, whose word may come at once.
        self.rights.grant_all();
        let all = (0..EXECUTION_SHARDS).collect();
        self.rebuild(&all).await;
        tracing::info!("this process executes orders");
        self.rights.serve(&all);
        self.hub.look_for_work();
    }

    /// Follows which shards are this process's: what it lost is forgotten, and what it gained is rebuilt from the store.
    async fn follow_share(&self, mut held: Held, shutdown: &Shutdown) {
        let leaving = shutdown.begun();
        tokio::pin!(leaving);
        loop {
            let now = held.now();
            self.lose_what_is_not_in(&now);
            // Before the books, whose word may come at once.
            self.rights.grant(now.into_values());
            let gained = self.rights.not_served();
            let rebuilt = async {
                if !gained.is_empty() {
                    self.rebuild(&gained).await;
                    self.rights.serve(&gained);
                    tracing::info!(shards = gained.len(), of = EXECUTION_SHARDS, "this process executes orders");
                    self.hub.look_for_work();
                }
                std::future::pending::<()>().await;
            };
            tokio::select! {
                biased;
                // What is being served is finished under the rights that there are.
                () = &mut leaving => return,
                () = held.changed() => {}
                () = rebuilt => {}
            }
        }
    }

    /// What this process knows of what it lost is of another time: somebody else may execute it.
    fn lose_what_is_not_in(&self, held: &BTreeMap<u32, Fence>) {
        let granted = self.rights.granted().into_iter();
        let lost: BTreeSet<u32> =
            granted.filter(|(shard, fence)| held.get(shard) != Some(fence)).map(|(shard, _)| shard).collect();
        if !lost.is_empty() {
            self.rights.revoke(&lost);
            self.paper.forget_where(|account| lost.contains(&execution_shard(account)));
            tracing::info!(shards = lost.len(), of = EXECUTION_SHARDS, "another process may execute these orders");
        }
    }

    /// Rebuilds the books of shards; tried until it succeeds.
    async fn rebuild(&self, shards: &BTreeSet<u32>) {
        let is_one = |account| shards.contains(&execution_shard(account));
        while let Err(error) = restore_books(&self.paper, &*self.queries, &*self.connections, is_one).await {
            tracing::warn!(%error, "the broker's books could not be rebuilt; it is tried again");
            tokio::time::sleep(AGAIN).await;
        }
    }
}
