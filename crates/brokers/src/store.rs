//! [`BrokerStore`]: where connections are kept.

use async_trait::async_trait;
use velox_kernel::{ConnectionId, Digest, OrgId, Page, PageRequest, Timestamp, UserId};

use crate::{Connection, SealedCredential};

/// Why a store did not do what it was asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// Its queue is full; nothing was done.
    #[error("the store is overloaded")]
    Overloaded,
    /// It cannot be reached; nothing was done.
    #[error("the store cannot be reached: {0}")]
    Unavailable(String),
    /// A commit was sent and its outcome could not be read.
    #[error("the outcome of the commit is unknown: {0}")]
    OutcomeUnknown(String),
    /// What it holds cannot be read as what it should be.
    #[error("the store holds something unreadable: {0}")]
    Corrupt(String),
    /// The page's cursor is none of ours.
    #[error("the cursor was not given out by this list")]
    InvalidCursor,
}

/// Connections and their sealed credentials. Each method is one transaction; every one but `openings` and
/// `prune_keys` is held to its tenant.
#[async_trait]
pub trait BrokerStore: Send + Sync {
    /// The organisation's connections, in the order they were made (by id); the cursor is the last id.
    async fn list(&self, org: OrgId, page: &PageRequest) -> Result<Page<Connection>, StoreError>;

    /// A connection of the organisation.
    async fn get(&self, org: OrgId, id: ConnectionId) -> Result<Option<Connection>, StoreError>;

    /// The sealed credentials of a connection, by field.
    async fn credentials(&self, org: OrgId, id: ConnectionId) -> Result<Vec<SealedCredential>, StoreError>;

    /// Keeps a connection with its credentials and, when there is one, the idempotency record; or finds that the same
    /// actor used the key on this route before.
    async fn create(&self, new: &NewConnection) -> Result<Creation, StoreError>;

    /// Writes `name`, `settings`, `status` and `updated_at`, and adds one to the version, provided that the kept
    /// version is still `connection.version`. With `credentials`, they replace the kept ones; says whether it did.
    async fn update(
        &self,
        connection: &Connection,
        credentials: Option<&[SealedCredential]>,
    ) -> Result<bool, StoreError>;

    /// Removes a connection, credentials included; `false` when the organisation has none of this id.
    async fn delete(&self, org: OrgId, id: ConnectionId) -> Result<bool, StoreError>;

    /// Connections of every tenant that are still opening, the oldest first (by id): the first `limit` after `after`.
    async fn openings(&self, after: Option<ConnectionId>, limit: u16) -> Result<Vec<Connection>, StoreError>;

    /// Deletes idempotency records that have expired by `now`, the longest expired first: at most 1,000, and those that
    /// expired in the same microsecond as the last of these. Says how many went.
    async fn prune_keys(&self, now: Timestamp) -> Result<u64, StoreError>;
}

/// A connection to keep.
#[derive(Clone, Debug)]
pub struct NewConnection {
    /// The connection.
    pub connection: Connection,
    /// Its sealed credentials.
    pub credentials: Vec<SealedCredential>,
    /// What makes a repeated request find the first one's answer.
    pub idempotency: Option<IdempotencyRecord>,
}

/// A request that was made under a key, kept with its effect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdempotencyRecord {
    /// Who made it. With `route` and `key` unique.
    pub user: UserId,
    /// Which route, such as `POST /v1/brokers`.
    pub route: String,
    /// The client's key.
    pub key: String,
    /// The digest of the parsed request.
    pub fingerprint: Digest,
    /// The answer, as JSON.
    pub reply: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// When the key may be used anew: an expired record is overwritten.
    pub expires_at: Timestamp,
}

/// What became of a [`NewConnection`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Creation {
    /// Kept.
    Created,
    /// The same request was made before; this was its answer. Nothing was kept.
    Replayed {
        /// The first answer, as JSON.
        reply: String,
    },
    /// Another request was made under this key. Nothing was kept.
    KeyReused,
}
