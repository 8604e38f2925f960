//! [`Lanes`]: the [`AccountWriter`] of this process. Each account belongs to one lane, so its commands are in order.

use std::sync::Arc;

use async_trait::async_trait;
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;
use velox_kernel::{AccountId, OrgId};
use velox_trading::{Account, AccountWriter, Cause, Command, ExecuteError, Executed};

use super::lane::{Answer, Job, Lane, LanePorts, LaneSettings, Task};

/// The lanes of this process.
pub struct Lanes {
    queues: Vec<mpsc::Sender<Job>>,
}

impl Lanes {
    /// Starts the lanes. They end when the last handle to them is gone and their queues are empty.
    #[must_use]
    pub fn start(ports: Arc<LanePorts>, settings: LaneSettings) -> (Arc<Self>, JoinSet<()>) {
        let mut tasks = JoinSet::new();
        let queues = (0..settings.lanes.max(1))
            .map(|_| {
                let (queue, jobs) = mpsc::channel(settings.queue.max(1));
                tasks.spawn(Lane::new(Arc::clone(&ports), settings).run(jobs));
                queue
            })
            .collect();
        (Arc::new(Self { queues }), tasks)
    }

    /// Commands that wait.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.queues.iter().map(|queue| queue.max_capacity() - queue.capacity()).sum()
    }

    /// Puts a command into its account's queue, waiting for room, and gives where its answer comes.
    ///
    /// For this process's own commands, which must not be lost; clients get [`ExecuteError::Overloaded`] instead.
    ///
    /// # Errors
    /// [`ExecuteError::ShuttingDown`].
    pub async fn enqueue(
        &self,
        account: AccountId,
        command: Command,
        cause: Cause,
    ) -> Result<oneshot::Receiver<Answer>, ExecuteError> {
        let (reply, answer) = oneshot::channel();
        let job = Job { account, task: Task::Execute { org: None, command: Box::new(command), cause }, reply };
        self.queue(account).send(job).await.map_err(|_| ExecuteError::ShuttingDown)?;
        Ok(answer)
    }

    async fn try_job(&self, account: AccountId, task: Task) -> Answer {
        let (reply, answer) = oneshot::channel();
        self.queue(account).try_send(Job { account, task, reply }).map_err(|error| match error {
            TrySendError::Full(_) => ExecuteError::Overloaded,
            TrySendError::Closed(_) => ExecuteError::ShuttingDown,
        })?;
        answer.await.unwrap_or(Err(ExecuteError::ShuttingDown))
    }

    fn queue(&self, account: AccountId) -> &mpsc::Sender<Job> {
        // The last bits of a UUIDv7 are random: accounts spread evenly.
        let spread = account.uuid().as_u128() % u128::try_from(self.queues.len()).unwrap_or(1);
        &self.queues[usize::try_from(spread).unwrap_or(0)]
    }
}

#[async_trait]
impl AccountWriter for Lanes {
    async fn execute(&self, account: AccountId, command: Command, cause: Cause) -> Answer {
        self.try_job(account, Task::Execute { org: None, command: Box::new(command), cause }).await
    }

    async fn execute_for(
        &self,
        org: OrgId,
        account: AccountId,
        command: Command,
        cause: Cause,
    ) -> Result<Executed, ExecuteError> {
        self.try_job(account, Task::Execute { org: Some(org), command: Box::new(command), cause }).await
    }

    async fn read(&self, account: AccountId) -> Result<Account, ExecuteError> {
        Ok(self.try_job(account, Task::Read).await?.account)
    }
}
