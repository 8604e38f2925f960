//! [`FaultyStore`]: the store in memory, failing as told.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};

use async_trait::async_trait;
use futures_util::future::BoxFuture;
use parking_lot::Mutex;
use tokio::sync::Semaphore;
use velox_kernel::{AccountId, ClientOrderId, ConnectionId, Digest, FillId, OrderId, OrgId, Page, PageRequest};
use velox_testkit::trading::MemoryTradingStore;
use velox_trading::{
    AccountRow, Append, Appended, Balance, DecideLocked, FillFilter, Head, Order, OrderFilter, OrderStatus,
    PositionRow, RecordedEvent, RecordedFill, Snapshot, StoreError, TradingLists, TradingLog, TradingQueries,
};

/// How an append goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// It goes well.
    None,
    Unavailable,
    Full,
    /// The outcome is unknown, and it was committed.
    LostCommitted,
    /// The outcome is unknown, and nothing was written.
    LostUncommitted,
    /// The adapter has a defect.
    Panic,
}

/// Something that is done once.
pub(crate) type Hook = Box<dyn FnOnce() -> BoxFuture<'static, ()> + Send>;

/// The store in memory, failing as told.
pub(crate) struct FaultyStore {
    pub(crate) inner: Arc<MemoryTradingStore>,
    /// What becomes of the next appends, first to last; then they go well.
    pub(crate) script: Mutex<VecDeque<Fault>>,
    /// What becomes of an append that the script says nothing about.
    pub(crate) chance: Mutex<Option<Box<dyn FnMut() -> Fault + Send>>>,
    /// Nothing can be read or written.
    pub(crate) away: AtomicBool,
    /// How often something is read before nothing is any more.
    pub(crate) reads_left: AtomicI64,
    /// Appends take a permit each.
    pub(crate) gate: Semaphore,
    /// The account whose log is damaged.
    pub(crate) damaged: Mutex<Option<AccountId>>,
    /// Done between the look-ups and the lock, once.
    pub(crate) before_lock: Mutex<Option<Hook>>,
    /// Done between the decision and the append, once for each of the next appends.
    pub(crate) before_append: Mutex<VecDeque<Hook>>,
    /// Asked about events.
    pub(crate) reads: AtomicU64,
    /// Asked about the events of several accounts at once.
    pub(crate) tails: AtomicU64,
    /// Members of appends that were conflicts.
    pub(crate) conflicts: AtomicU64,
    /// Decisions under the lock.
    pub(crate) locked: AtomicU64,
    /// Snapshots kept.
    pub(crate) snapshots: AtomicU64,
}

impl Default for FaultyStore {
    fn default() -> Self {
        Self {
            inner: Arc::default(),
            script: Mutex::default(),
            chance: Mutex::default(),
            away: AtomicBool::new(false),
            reads_left: AtomicI64::new(i64::MAX),
            gate: Semaphore::new(Semaphore::MAX_PERMITS),
            damaged: Mutex::default(),
            before_lock: Mutex::default(),
            before_append: Mutex::default(),
            reads: AtomicU64::new(0),
            tails: AtomicU64::new(0),
            conflicts: AtomicU64::new(0),
            locked: AtomicU64::new(0),
            snapshots: AtomicU64::new(0),
        }
    }
}

impl FaultyStore {
    /// A way to a store that others reach without faults.
    pub(crate) fn over(inner: Arc<MemoryTradingStore>) -> Self {
        Self { inner, ..Self::default() }
    }

    pub(crate) fn fail_next(&self, faults: impl IntoIterator<Item = Fault>) {
        self.script.lock().extend(faults);
    }

    /// Lets no append through until [`Self::release`].
    pub(crate) fn hold(&self) {
        self.gate.forget_permits(Semaphore::MAX_PERMITS);
    }

    pub(crate) fn release(&self) {
        self.gate.add_permits(1 << 20);
    }

    fn is_there(&self) -> Result<(), StoreError> {
        let away = self.away.load(Ordering::SeqCst) || self.reads_left.fetch_sub(1, Ordering::SeqCst) <= 0;
        if away { Err(unavailable()) } else { Ok(()) }
    }

    async fn fault(&self) -> Fault {
        self.gate.acquire().await.unwrap().forget();
        if self.away.load(Ordering::SeqCst) {
            return Fault::Unavailable;
        }
        let next = self.script.lock().pop_front();
        next.unwrap_or_else(|| self.chance.lock().as_mut().map_or(Fault::None, |chance| chance()))
    }
}

fn unavailable() -> StoreError {
    StoreError::Unavailable("as told".to_owned())
}

fn lost() -> StoreError {
    StoreError::OutcomeUnknown("as told".to_owned())
}

#[async_trait]
impl TradingLog for FaultyStore {
    async fn append(&self, batch: Vec<Append>) -> Result<Vec<Appended>, StoreError> {
        let fault = self.fault().await;
        let hook = self.before_append.lock().pop_front();
        if let Some(hook) = hook {
            hook().await;
        }
        match fault {
            Fault::None => {
                let outcomes = self.inner.append(batch).await?;
                let conflicts = outcomes.iter().filter(|outcome| **outcome == Appended::Conflict).count();
                self.conflicts.fetch_add(u64::try_from(conflicts).unwrap(), Ordering::SeqCst);
                Ok(outcomes)
            }
            Fault::Unavailable => Err(unavailable()),
            Fault::Full => Err(StoreError::Full("as told".to_owned())),
            Fault::LostCommitted => {
                self.inner.append(batch).await?;
                Err(lost())
            }
            Fault::LostUncommitted => Err(lost()),
            Fault::Panic => panic!("as told"),
        }
    }

    async fn append_locked(
        &self,
        account: AccountId,
        known: Head,
        decide: Box<dyn DecideLocked>,
    ) -> Result<(Box<dyn DecideLocked>, Option<Appended>), StoreError> {
        self.locked.fetch_add(1, Ordering::SeqCst);
        let fault = self.fault().await;
        let hook = self.before_lock.lock().take();
        if let Some(hook) = hook {
            hook().await;
        }
        match fault {
            Fault::None => self.inner.append_locked(account, known, decide).await,
            Fault::Unavailable => Err(unavailable()),
            Fault::Full => Err(StoreError::Full("as told".to_owned())),
            Fault::LostCommitted => {
                self.inner.append_locked(account, known, decide).await?;
                Err(lost())
            }
            Fault::LostUncommitted => Err(lost()),
            Fault::Panic => panic!("as told"),
        }
    }

    async fn events(&self, account: AccountId, after: u64, limit: u32) -> Result<Vec<RecordedEvent>, StoreError> {
        self.is_there()?;
        self.reads.fetch_add(1, Ordering::SeqCst);
        let mut events = self.inner.events(account, after, limit).await?;
        if *self.damaged.lock() == Some(account) {
            for event in &mut events {
                event.hash = Digest::new([13; 32]);
            }
        }
        Ok(events)
    }

    async fn tails(&self, after: &[(AccountId, u64)], limit: u32) -> Result<Vec<Vec<RecordedEvent>>, StoreError> {
        self.tails.fetch_add(1, Ordering::SeqCst);
        let mut tails = Vec::with_capacity(after.len());
        for (account, after) in after {
            tails.push(self.events(*account, *after, limit).await?);
        }
        Ok(tails)
    }

    async fn snapshot(&self, account: AccountId) -> Result<Option<Snapshot>, StoreError> {
        self.is_there()?;
        self.inner.snapshot(account).await
    }

    async fn save_snapshot(&self, snapshot: Snapshot) -> Result<(), StoreError> {
        self.is_there()?;
        self.inner.save_snapshot(snapshot).await?;
        self.snapshots.fetch_add(1, Ordering::SeqCst);
        Ok(())
    }
}

#[async_trait]
impl TradingLists for FaultyStore {
    async fn accounts(&self, org: OrgId, page: &PageRequest) -> Result<Page<AccountRow>, StoreError> {
        self.inner.accounts(org, page).await
    }

    async fn orders(&self, org: OrgId, filter: &OrderFilter, page: &PageRequest) -> Result<Page<Order>, StoreError> {
        self.inner.orders(org, filter, page).await
    }

    async fn fills(
        &self,
        org: OrgId,
        filter: &FillFilter,
        page: &PageRequest,
    ) -> Result<Page<RecordedFill>, StoreError> {
        self.inner.fills(org, filter, page).await
    }
}

#[async_trait]
impl TradingQueries for FaultyStore {
    async fn account(&self, org: OrgId, account: AccountId) -> Result<Option<AccountRow>, StoreError> {
        self.inner.account(org, account).await
    }

    async fn accounts_of_connection(&self, connection: ConnectionId) -> Result<Vec<AccountRow>, StoreError> {
        self.inner.accounts_of_connection(connection).await
    }

    async fn order(&self, org: OrgId, order: OrderId) -> Result<Option<Order>, StoreError> {
        self.is_there()?;
        self.inner.order(org, order).await
    }

    async fn order_by_client_id(&self, account: AccountId, id: ClientOrderId) -> Result<Option<Order>, StoreError> {
        self.is_there()?;
        self.inner.order_by_client_id(account, id).await
    }

    async fn order_of_account(&self, account: AccountId, order: OrderId) -> Result<Option<Order>, StoreError> {
        self.is_there()?;
        self.inner.order_of_account(account, order).await
    }

    async fn has_fill(&self, account: AccountId, fill: FillId) -> Result<bool, StoreError> {
        self.is_there()?;
        self.inner.has_fill(account, fill).await
    }

    async fn positions(&self, account: AccountId) -> Result<Vec<PositionRow>, StoreError> {
        self.inner.positions(account).await
    }

    async fn balances(&self, account: AccountId) -> Result<Vec<Balance>, StoreError> {
        self.inner.balances(account).await
    }

    async fn orders_in(
        &self,
        statuses: &[OrderStatus],
        after: Option<OrderId>,
        limit: u32,
    ) -> Result<Vec<Order>, StoreError> {
        self.is_there()?;
        self.inner.orders_in(statuses, after, limit).await
    }

    async fn all_accounts(&self, after: Option<AccountId>, limit: u32) -> Result<Vec<AccountRow>, StoreError> {
        self.inner.all_accounts(after, limit).await
    }

    async fn loss_limited_accounts(&self, after: Option<AccountId>, limit: u32) -> Result<Vec<AccountRow>, StoreError> {
        self.is_there()?;
        self.inner.loss_limited_accounts(after, limit).await
    }

    async fn orders_of_account(
        &self,
        account: AccountId,
        after: Option<OrderId>,
        limit: u32,
    ) -> Result<Vec<Order>, StoreError> {
        self.inner.orders_of_account(account, after, limit).await
    }

    async fn fills_of_account(
        &self,
        account: AccountId,
        after: u64,
        limit: u32,
    ) -> Result<Vec<RecordedFill>, StoreError> {
        self.inner.fills_of_account(account, after, limit).await
    }
}
