//! [`Execution`]: the execution role, which this process plays while it holds the right to.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use velox_broker_paper::PaperBroker;
use velox_brokers::BrokerStore;
use velox_market::Instrument;
use velox_trading::{StoreError, TradingQueries};

use super::execution_lease::ExecutionLease;
use super::paper::restore_books;
use crate::accounts::Hub;
use crate::execution::{BrokerCalls, ExecutionGate, Executor, ExecutorSettings, take_reports};
use crate::shutdown::Shutdown;

/// How long to wait before the right is asked for again.
const AGAIN: Duration = Duration::from_millis(500);

/// The execution role.
pub(super) struct Execution {
    pub(super) lease: Arc<dyn ExecutionLease>,
    pub(super) gate: ExecutionGate,
    pub(super) paper: Arc<PaperBroker>,
    pub(super) queries: Arc<dyn TradingQueries>,
    pub(super) connections: Arc<dyn BrokerStore>,
    pub(super) instruments: Vec<Instrument>,
    pub(super) hub: Arc<Hub>,
    pub(super) calls: Arc<BrokerCalls>,
}

/// How a term ended.
enum Ended {
    /// The shutdown began, or a task broke.
    Tasks,
    /// The right was lost.
    Lost(StoreError),
}

impl Execution {
    /// Takes the right and rebuilds the books; `false` when another process executes.
    ///
    /// # Errors
    /// [`StoreError`] when the right could not be asked for, or the books could not be read.
    async fn begin(&self) -> Result<bool, StoreError> {
        if !self.lease.try_acquire(&self.gate).await? {
            self.gate.yield_to_another();
            return Ok(false);
        }
        // What this process knew before is of another time: somebody else may have executed since.
        self.paper.forget_all();
        restore_books(&self.paper, &*self.queries, &*self.connections, &self.instruments).await?;
        Ok(true)
    }

    /// Executes while it has the right to and asks for it while not, until the shutdown begins. It ends before that
    /// only when one of its tasks broke. Requests are served meanwhile: orders wait for it, within their bound.
    pub(super) async fn run(self, shutdown: Shutdown) {
        let (mut begun, mut said) = (false, false);
        let leaving = shutdown.begun();
        tokio::pin!(leaving);
        loop {
            while !begun {
                tokio::select! {
                    () = &mut leaving => return,
                    tried = self.begin() => match tried {
                        Ok(true) => begun = true,
                        Ok(false) if said => {}
                        Ok(false) => {
                            tracing::info!("another process executes orders; this one serves");
                            said = true;
                        }
                        Err(error) => {
                            self.gate.close();
                            tracing::warn!(%error, "the right to execute orders could not be taken; it is tried again");
                        }
                    },
                }
                if !begun {
                    tokio::select! {
                        () = &mut leaving => return,
                        () = tokio::time::sleep(AGAIN) => {}
                    }
                }
            }
            tracing::info!("this process executes orders");
            let ended = self.execute(&shutdown).await;
            self.gate.close();
            self.paper.forget_all();
            match ended {
                Ended::Tasks => return,
                Ended::Lost(error) => {
                    tracing::error!(%error, "the right to execute orders was lost: this process has stopped executing");
                }
            }
            (begun, said) = (false, false);
        }
    }

    /// One term: from the first order to the loss of the right, or to the end of the process.
    async fn execute(&self, shutdown: &Shutdown) -> Ended {
        let mut tasks = JoinSet::new();
        let settings = ExecutorSettings::default();
        let calls = Arc::clone(&self.calls);
        let reports =
            take_reports(Arc::clone(&calls.lanes), Arc::clone(&calls.broker), Arc::clone(&calls.ids), shutdown.clone());
        let executor = Executor::new(calls, Arc::clone(&self.queries), self.hub.renew_work(), settings);
        tasks.spawn(executor.run(shutdown.clone()));
        tasks.spawn(reports);
        let held = self.lease.hold(&self.gate);
        tokio::pin!(held);
        loop {
            tokio::select! {
                lost = &mut held => {
                    let Err(error) = lost;
                    self.gate.close();
                    // Each stops where it waits; what was handed to the accounts' writers is decided there.
                    tasks.shutdown().await;
                    return Ended::Lost(error);
                }
                ended = tasks.join_next() => match ended {
                    None => return Ended::Tasks,
                    // What is being served is finished, under the right that is still held.
                    Some(Ok(())) if shutdown.has_begun() => {}
                    Some(ended) => {
                        if let Err(error) = ended {
                            tracing::error!(%error, "a task of execution broke");
                        }
                        tasks.shutdown().await;
                        return Ended::Tasks;
                    }
                },
            }
        }
    }
}
