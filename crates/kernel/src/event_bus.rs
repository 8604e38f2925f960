//! [`EventBus`]: the port through which records reach topics that anybody may read.

use async_trait::async_trait;
use bytes::Bytes;

use crate::timestamp::Timestamp;

/// A record for a topic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BusRecord {
    /// The topic's whole name.
    pub topic: String,
    /// What must stay in order has the same key.
    pub key: String,
    /// The content.
    pub value: Bytes,
    /// Names and texts beside it.
    pub headers: Vec<(&'static str, String)>,
    /// When it happened.
    pub at: Timestamp,
}

/// Why records are not known to be on their topics.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PublishError {
    /// The bus does not answer. Some of the records may be there; publishing all of them again doubles those at most.
    #[error("the bus is away: {0}")]
    Away(String),
    /// The bus refuses a record for its size, and would always.
    #[error("the bus refuses a record of {topic} for its size: {reason}")]
    TooLarge {
        /// The topic.
        topic: String,
        /// Why.
        reason: String,
    },
    /// The bus refuses a record, and would again until somebody changes something: its topic may not be there, or not be
    /// open to this process.
    #[error("the bus refuses a record of {topic}: {reason}")]
    Refused {
        /// The topic.
        topic: String,
        /// Why.
        reason: String,
    },
}

impl PublishError {
    /// Whether it is about a record, so that others may be taken.
    #[must_use]
    pub const fn is_refusal(&self) -> bool {
        match self {
            Self::TooLarge { .. } | Self::Refused { .. } => true,
            Self::Away(_) => false,
        }
    }
}

/// Carries records to topics.
#[async_trait]
pub trait EventBus: Send + Sync {
    /// Publishes records; when it returns, all of them are durable there. Records of one key keep their order: whatever
    /// becomes of this call, what is there is a beginning of what was handed over under that key, from each call on.
    ///
    /// # Errors
    /// [`PublishError`], within the bus's own deadline.
    async fn publish(&self, records: &[BusRecord]) -> Result<(), PublishError>;
}
