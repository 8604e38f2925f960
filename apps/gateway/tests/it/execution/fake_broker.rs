//! [`FakeBroker`]: answers as told, and the role that serves it.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::StreamExt;
use futures_util::stream::BoxStream;
use parking_lot::Mutex;
use tokio::sync::{Semaphore, mpsc};
use velox::accounts::Hub;
use velox::execution::{BrokerCalls, EXECUTION_SHARDS, ExecutionRights, Executor, ExecutorSettings, take_reports};
use velox::shutdown::Shutdown;
use velox_kernel::{AccountId, OrderId};
use velox_testkit::trading::FreshIds;
use velox_trading::{Broker, BrokerBalance, BrokerError, BrokerOrder, BrokerPosition, Order, Replacement, Report};

use crate::accounts::ledger::{Ledger, OneClock, Process};

type Call = Result<(), BrokerError>;

/// Answers as told: each list first to last, then that all is well and that it knows no order.
pub(crate) struct FakeBroker {
    pub(crate) placed: Mutex<Vec<OrderId>>,
    pub(crate) cancels: Mutex<u32>,
    pub(crate) replaces: Mutex<u32>,
    pub(crate) asked: Mutex<u32>,
    pub(crate) place_answers: Mutex<VecDeque<Call>>,
    pub(crate) cancel_answers: Mutex<VecDeque<Call>>,
    pub(crate) find_answers: Mutex<VecDeque<Result<Option<BrokerOrder>, BrokerError>>>,
    /// Calls that place take a permit each.
    pub(crate) gate: Semaphore,
    /// What place breaks on, once.
    pub(crate) breaks: Mutex<bool>,
    say: mpsc::UnboundedSender<Report>,
    said: Mutex<Option<mpsc::UnboundedReceiver<Report>>>,
}

impl FakeBroker {
    pub(crate) fn new() -> Arc<Self> {
        let (say, said) = mpsc::unbounded_channel();
        Arc::new(Self {
            placed: Mutex::default(),
            cancels: Mutex::default(),
            replaces: Mutex::default(),
            asked: Mutex::default(),
            place_answers: Mutex::default(),
            cancel_answers: Mutex::default(),
            find_answers: Mutex::default(),
            gate: Semaphore::new(1_000_000),
            breaks: Mutex::default(),
            say,
            said: Mutex::new(Some(said)),
        })
    }

    pub(crate) fn say(&self, report: Report) {
        self.say.send(report).unwrap();
    }
}

fn next<T>(answers: &Mutex<VecDeque<T>>, usual: T) -> T {
    answers.lock().pop_front().unwrap_or(usual)
}

#[async_trait]
impl Broker for FakeBroker {
    async fn place(&self, order: &Order) -> Call {
        assert!(!std::mem::take(&mut *self.breaks.lock()), "as told");
        self.gate.acquire().await.unwrap().forget();
        self.placed.lock().push(order.id);
        next(&self.place_answers, Ok(()))
    }

    async fn cancel(&self, _: &Order) -> Call {
        *self.cancels.lock() += 1;
        next(&self.cancel_answers, Ok(()))
    }

    async fn replace(&self, _: &Order, _: &Replacement) -> Call {
        *self.replaces.lock() += 1;
        Ok(())
    }

    async fn find(&self, _: AccountId, _: OrderId) -> Result<Option<BrokerOrder>, BrokerError> {
        *self.asked.lock() += 1;
        next(&self.find_answers, Ok(None))
    }

    async fn open_orders(&self, _: AccountId) -> Result<Vec<BrokerOrder>, BrokerError> {
        Ok(vec![])
    }

    async fn positions(&self, _: AccountId) -> Result<Vec<BrokerPosition>, BrokerError> {
        Ok(vec![])
    }

    async fn balances(&self, _: AccountId) -> Result<Vec<BrokerBalance>, BrokerError> {
        Ok(vec![])
    }

    fn reports(&self) -> BoxStream<'static, Report> {
        let said = self.said.lock().take().unwrap();
        futures_util::stream::unfold(said, async |mut said| Some((said.recv().await?, said))).boxed()
    }

    async fn check(&self) -> Result<(), BrokerError> {
        Ok(())
    }
}

/// One process with an executor and a broker.
pub(crate) struct Role {
    pub(crate) ledger: Ledger,
    pub(crate) process: Process,
    pub(crate) account: AccountId,
    pub(crate) broker: Arc<FakeBroker>,
    /// To all accounts, at first.
    pub(crate) rights: ExecutionRights,
    pub(crate) shutdown: Shutdown,
    pub(crate) tasks: tokio::task::JoinSet<()>,
}

impl Role {
    /// A process with an open account; nobody serves the broker yet.
    pub(crate) async fn new() -> Self {
        let ledger = Ledger::new();
        let process = ledger.process();
        let account = ledger.open(&process).await;
        let (broker, shutdown) = (FakeBroker::new(), Shutdown::default());
        let rights = ExecutionRights::default();
        rights.grant_all();
        rights.serve(&(0..EXECUTION_SHARDS).collect());
        Self { ledger, process, account, broker, rights, shutdown, tasks: tokio::task::JoinSet::new() }
    }

    /// Lets the executor begin.
    pub(crate) fn execute(&mut self) {
        let (_, nothing) = Hub::new();
        let work = std::mem::replace(&mut self.process.work, nothing);
        let queries = self.ledger.store.clone();
        let executor = Executor::new(self.calls(), queries, work, ExecutorSettings::default());
        self.tasks.spawn(executor.run(self.shutdown.clone()));
    }

    fn calls(&self) -> Arc<BrokerCalls> {
        Arc::new(BrokerCalls {
            rights: self.rights.clone(),
            lanes: self.process.lanes.clone(),
            brokers: Arc::new(self.broker.clone()),
            moments: Arc::new(OneClock(self.ledger.clock.clone())),
            ids: Arc::new(FreshIds),
            route_bound: Duration::from_secs(5),
            settling: Duration::from_secs(2),
        })
    }

    /// Lets the broker's reports be taken.
    pub(crate) fn listen(&mut self) {
        self.tasks.spawn(take_reports(self.calls(), self.shutdown.clone()));
    }

    /// Lets time pass, by every clock.
    pub(crate) async fn pass(&self, time: Duration) {
        let step = Duration::from_millis(20);
        for _ in 0..time.as_millis() / step.as_millis() {
            self.ledger.clock.advance(step);
            tokio::time::sleep(step).await;
        }
    }

    pub(crate) async fn place(&self) -> OrderId {
        self.ledger.place(&self.process, self.account).await
    }

    pub(crate) async fn stored(&self, order: OrderId) -> Order {
        self.ledger.stored(self.account, order).await
    }
}

pub(crate) const fn seconds(number: u64) -> Duration {
    Duration::from_secs(number)
}
