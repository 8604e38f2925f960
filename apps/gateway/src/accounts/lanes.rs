//! [`Lanes`]: the [`AccountWriter`] of this process. Each account belongs to one lane, so its commands are in order.

use std::sync::Arc;

use async_trait::async_trait;
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{oneshot, watch};
use tokio::task::JoinSet;
use tracing::Span;
use velox_kernel::{AccountId, Fence, OrgId};
use velox_trading::{Account, AccountWriter, Cause, Command, ExecuteError, Executed, StoreError};

use super::OrderTraces;
use super::hub::Hub;
use super::inbox::{Inbox, Outside};
use super::job::{Answer, Job, Queued, Task};
use super::lane::{Lane, LanePorts, LaneSettings};
use super::touched::Touched;

/// The lanes of this process.
pub struct Lanes {
    queues: Vec<Outside>,
    hub: Arc<Hub>,
    traces: Arc<OrderTraces>,
    closed: watch::Sender<bool>,
}

impl Lanes {
    /// Starts the lanes. They end when they are closed, or the last handle to them is gone, and their
    /// queues are empty.
    #[must_use]
    pub fn start(ports: Arc<LanePorts>, settings: LaneSettings) -> (Arc<Self>, JoinSet<()>) {
        let mut tasks = JoinSet::new();
        let closed = watch::Sender::new(false);
        let traces = Arc::new(OrderTraces::new(Arc::clone(&ports.log), Arc::clone(&ports.queries)));
        let hub = Arc::clone(&ports.hub);
        let queues = (0..settings.lanes.max(1))
            .map(|_| {
                let (outside, inbox) = Inbox::new(settings.queue.max(1));
                tasks
                    .spawn(Lane::new(Arc::clone(&ports), Arc::clone(&traces), settings).run(inbox, closed.subscribe()));
                outside
            })
            .collect();
        (Arc::new(Self { queues, hub, traces, closed }), tasks)
    }

    /// Takes no commands any more. Those that wait are decided and answered; then the lanes end.
    pub fn close(&self) {
        self.closed.send_replace(true);
    }

    /// Which trace orders belong to.
    #[must_use]
    pub fn traces(&self) -> &OrderTraces {
        &self.traces
    }

    /// Commands that wait.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.queues.iter().map(Outside::waiting).sum()
    }

    /// Tells that another process has committed events of an account up to `newest`, what they changed, and whether an
    /// order waits for its broker then. It does not block, and may be wrong.
    pub fn tell_elsewhere(&self, account: AccountId, newest: u64, touched: Touched, waiting: bool) {
        self.hub.tell_elsewhere(account, newest, touched);
        // The account's writer reads the order together with everything else that it needs for the claim.
        if waiting && self.hub.has_executor() && self.queue(account).usual.try_send(Queued::Elsewhere(account)).is_err()
        {
            self.hub.look_for_work();
        }
    }

    /// Puts a command into its account's queue, waiting for room, and gives where its answer comes.
    ///
    /// For this process's own commands, which must not be lost; clients get [`ExecuteError::Overloaded`] instead. Nothing
    /// is written under a `fence` that is another process's by now.
    ///
    /// # Errors
    /// [`ExecuteError::ShuttingDown`].
    pub async fn enqueue(
        &self,
        account: AccountId,
        command: Command,
        cause: Cause,
        fence: Option<Fence>,
    ) -> Result<oneshot::Receiver<Answer>, ExecuteError> {
        let (job, answer) = Job::own(account, command, cause, fence);
        self.send(account, Queued::One(job)).await?;
        Ok(answer)
    }

    /// [`Lanes::enqueue`] for what follows from a record of the topic of the right's shard, which is worked off up to
    /// `position` with it.
    ///
    /// # Errors
    /// As [`Lanes::enqueue`].
    pub async fn enqueue_at(
        &self,
        account: AccountId,
        command: Command,
        cause: Cause,
        fence: Fence,
        position: u64,
    ) -> Result<oneshot::Receiver<Answer>, ExecuteError> {
        let (job, answer) = Job::own(account, command, cause, Some(fence));
        self.send(account, Queued::One(job.at(position))).await?;
        Ok(answer)
    }

    /// [`Lanes::enqueue`] for commands of one account that share a commit: when that fails, none of them was done, so
    /// that they can be brought again in their order. Each comes with the span that brought it.
    ///
    /// # Errors
    /// As [`Lanes::enqueue`].
    pub async fn enqueue_together(
        &self,
        account: AccountId,
        commands: Vec<(Command, Cause, Option<Fence>, Span)>,
    ) -> Result<Vec<oneshot::Receiver<Answer>>, ExecuteError> {
        let job =
            |(command, cause, fence, span): (_, _, _, Span)| span.in_scope(|| Job::own(account, command, cause, fence));
        let (jobs, answers) = commands.into_iter().map(job).unzip();
        self.send(account, Queued::Together(jobs)).await?;
        Ok(answers)
    }

    async fn send(&self, account: AccountId, queued: Queued) -> Result<(), ExecuteError> {
        self.queue(account).usual.send(queued).await.map_err(|_| ExecuteError::ShuttingDown)
    }

    async fn try_job(&self, account: AccountId, task: Task) -> Answer {
        let outside = self.queue(account);
        // Only what makes an order waits for the executor: a cancel or a halt must not.
        let new_order = matches!(&task, Task::Execute { command, .. } if command.client_order_id().is_some());
        let queue = if new_order { &outside.orders } else { &outside.usual };
        let (job, answer) = Job::new(account, task);
        queue.try_send(Queued::One(job)).map_err(|error| match error {
            TrySendError::Full(_) => ExecuteError::Overloaded,
            TrySendError::Closed(_) => ExecuteError::ShuttingDown,
        })?;
        answer_of(answer).await
    }

    fn queue(&self, account: AccountId) -> &Outside {
        // The last bits of a UUIDv7 are random: accounts spread evenly.
        let spread = account.uuid().as_u128() % u128::try_from(self.queues.len()).unwrap_or(1);
        &self.queues[usize::try_from(spread).unwrap_or(0)]
    }
}

/// A lane's answer; when it broke, or ended with its runtime, nobody knows how far it had come.
pub(crate) async fn answer_of(answer: oneshot::Receiver<Answer>) -> Answer {
    let lost = || StoreError::OutcomeUnknown("the account's writer broke before it answered".to_owned());
    answer.await.unwrap_or_else(|_| Err(lost().into()))
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
