//! The ports to the store: the log and the read tables that follow it.

use async_trait::async_trait;
use velox_kernel::{
    AccountId, ClientOrderId, ConnectionId, Digest, Fence, FillId, InvalidCursor, OrderId, OrgId, Page, PageRequest,
    StrategyId, Symbol, Timestamp,
};

use crate::account::Account;
use crate::account_filter::AccountFilter;
use crate::balance::Balance;
use crate::log::RecordedEvent;
use crate::order::{Order, OrderStatus, Side};
use crate::projection::{AccountRow, PositionRow, Projection, RecordedFill};

/// Why the store did not do what it was asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// The store cannot be reached or is too busy; nothing was done.
    #[error("the store is unavailable: {0}")]
    Unavailable(String),
    /// The commit was sent and its outcome could not be read.
    #[error("the outcome is unknown: {0}")]
    OutcomeUnknown(String),
    /// There is no room left; nothing was done.
    #[error("the store is full: {0}")]
    Full(String),
    /// The store holds what this program did not write.
    #[error("the store is corrupt: {0}")]
    Corrupt(String),
    /// The page's cursor is of another list.
    #[error(transparent)]
    InvalidCursor(#[from] InvalidCursor),
}

/// A run of one account's events, to be made durable together with the read rows that follow from them.
#[derive(Clone, Debug)]
pub struct Append {
    /// The stream.
    pub account: AccountId,
    /// The tenant.
    pub org: OrgId,
    /// The number of the newest event that the decision knew; 0 for a new account.
    pub expected_seq: u64,
    /// The events, `expected_seq + 1` onwards; at least one.
    pub events: Vec<RecordedEvent>,
    /// The rows that follow.
    pub projection: Projection,
    /// The right under which it is written, where it takes one: nothing is written once that is another process's.
    pub fence: Option<Fence>,
    /// How far the topic of that right's shard is worked off with it, where it follows from a record: the offset of the
    /// next one. It becomes durable with the events, or not at all.
    pub position: Option<u64>,
}

/// What became of one member of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Appended {
    /// It is durable.
    Committed,
    /// The stream is not where the decision believed, or the account has the client order id or the fill already.
    /// Nothing of this member was written.
    Conflict,
    /// The right under which it was to be written is another process's by now. Nothing of this member was written, nor
    /// will be by sending it again.
    Fenced,
}

/// The newest event of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// Its number; 0 before the first.
    pub seq: u64,
    /// Its hash; zeros before the first.
    pub hash: Digest,
}

/// What an account was at an event, to save reading the log from its start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    /// The account's state.
    pub account: Account,
    /// The hash of the event it includes last.
    pub hash: Digest,
}

/// What is decided while the store holds the stream's lock.
pub trait DecideLocked: Send {
    /// Given the events that were appended since the head the caller knew: what to append; `None` for nothing.
    fn decide(&mut self, head: Head, tail: Vec<RecordedEvent>) -> Option<Append>;
}

/// The log: where accounts' events become durable.
#[async_trait]
pub trait TradingLog: Send + Sync {
    /// Commits a batch: one outcome a member, in order; members cannot hurt each other.
    ///
    /// Each account stands in a batch at most once. When this returns, what is committed is durable.
    async fn append(&self, batch: Vec<Append>) -> Result<Vec<Appended>, StoreError>;

    /// Locks a stream, hands the events after `known` to `decide`, and commits what it returns.
    ///
    /// Under the lock only a duplicate client order id or fill is a conflict; a fence holds as everywhere.
    async fn append_locked(
        &self,
        account: AccountId,
        known: Head,
        decide: Box<dyn DecideLocked>,
    ) -> Result<(Box<dyn DecideLocked>, Option<Appended>), StoreError>;

    /// Up to `limit` events after number `after`, in order.
    async fn events(&self, account: AccountId, after: u64, limit: u32) -> Result<Vec<RecordedEvent>, StoreError>;

    /// [`TradingLog::events`] of several accounts in one question: for each the events after the number beside it, up
    /// to `limit` of each, as many lists as accounts and in their order. No account is named twice.
    async fn tails(&self, after: &[(AccountId, u64)], limit: u32) -> Result<Vec<Vec<RecordedEvent>>, StoreError>;

    /// The newest snapshot of an account, if there is one of the present version.
    async fn snapshot(&self, account: AccountId) -> Result<Option<Snapshot>, StoreError>;

    /// Keeps a snapshot in place of an older one.
    async fn save_snapshot(&self, snapshot: Snapshot) -> Result<(), StoreError>;
}

/// Which orders to list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OrderFilter {
    /// Of these accounts.
    pub accounts: AccountFilter,
    /// In these states; all when empty.
    pub statuses: Vec<OrderStatus>,
    /// Of this instrument.
    pub symbol: Option<Symbol>,
    /// Of this side.
    pub side: Option<Side>,
    /// Of this strategy.
    pub strategy: Option<StrategyId>,
}

/// Which fills to list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FillFilter {
    /// Of these accounts.
    pub accounts: AccountFilter,
    /// Of this order.
    pub order: Option<OrderId>,
    /// Of this instrument.
    pub symbol: Option<Symbol>,
    /// Of this strategy.
    pub strategy: Option<StrategyId>,
    /// Not before this market time.
    pub from: Option<Timestamp>,
    /// Before this market time.
    pub to: Option<Timestamp>,
}

/// The lists of the read tables. A copy of the store may answer them, as old as the page's freshness allows.
#[async_trait]
pub trait TradingLists: Send + Sync {
    /// The tenant's accounts, oldest id first; the cursor is the last account's id.
    async fn accounts(&self, org: OrgId, page: &PageRequest) -> Result<Page<AccountRow>, StoreError>;

    /// The tenant's orders, newest id first; the cursor is the last order's id.
    async fn orders(&self, org: OrgId, filter: &OrderFilter, page: &PageRequest) -> Result<Page<Order>, StoreError>;

    /// The tenant's fills, newest first by market time, then by event, then by account; the cursor is the last fill's
    /// `market time in microseconds|event|account`.
    async fn fills(
        &self,
        org: OrgId,
        filter: &FillFilter,
        page: &PageRequest,
    ) -> Result<Page<RecordedFill>, StoreError>;
}

/// The read tables. Every query for a client names the tenant.
#[async_trait]
pub trait TradingQueries: TradingLists {
    /// One of the tenant's accounts.
    async fn account(&self, org: OrgId, account: AccountId) -> Result<Option<AccountRow>, StoreError>;

    /// The accounts of a broker connection, oldest id first.
    async fn accounts_of_connection(&self, connection: ConnectionId) -> Result<Vec<AccountRow>, StoreError>;

    /// One of the tenant's orders.
    async fn order(&self, org: OrgId, order: OrderId) -> Result<Option<Order>, StoreError>;

    /// An account's order by the client's name for it.
    async fn order_by_client_id(&self, account: AccountId, id: ClientOrderId) -> Result<Option<Order>, StoreError>;

    /// An account's order.
    async fn order_of_account(&self, account: AccountId, order: OrderId) -> Result<Option<Order>, StoreError>;

    /// Whether an account has a fill.
    async fn has_fill(&self, account: AccountId, fill: FillId) -> Result<bool, StoreError>;

    /// An account's positions, its strategies' included, by symbol; the account's own before its strategies'.
    async fn positions(&self, account: AccountId) -> Result<Vec<PositionRow>, StoreError>;

    /// An account's ledgers, by currency.
    async fn balances(&self, account: AccountId) -> Result<Vec<Balance>, StoreError>;

    /// Orders of any tenant in the given states, oldest id first, after the given one: the executor's work.
    async fn orders_in(
        &self,
        statuses: &[OrderStatus],
        after: Option<OrderId>,
        limit: u32,
    ) -> Result<Vec<Order>, StoreError>;

    /// Every account there is, oldest id first, after the given one: for the verifier.
    async fn all_accounts(&self, after: Option<AccountId>, limit: u32) -> Result<Vec<AccountRow>, StoreError>;

    /// The accounts of any tenant that are not halted and whose loss of a trading day is limited, oldest id first, after the
    /// given one: for whoever watches them.
    async fn loss_limited_accounts(&self, after: Option<AccountId>, limit: u32) -> Result<Vec<AccountRow>, StoreError>;

    /// An account's orders of any state, oldest id first, after the given one: for the verifier.
    async fn orders_of_account(
        &self,
        account: AccountId,
        after: Option<OrderId>,
        limit: u32,
    ) -> Result<Vec<Order>, StoreError>;

    /// An account's fills by event number, after the given one: for the verifier.
    async fn fills_of_account(
        &self,
        account: AccountId,
        after: u64,
        limit: u32,
    ) -> Result<Vec<RecordedFill>, StoreError>;
}
