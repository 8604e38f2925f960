//! [`RiskRecords`]: what the records of the topic orders say to whoever watches accounts.

use std::sync::Arc;

use futures_util::FutureExt as _;
use velox_kafka::TopicRecord;
use velox_kernel::AccountId;
use velox_messages::{Codec, DecodeError, OrderEvent, Topic};

use crate::accounts::Touched;
use crate::dead_letters::{DeadLetters, PostFull, Posting};

/// Reads records of the topic orders, on which every event of every account stands.
pub struct RiskRecords {
    codec: Arc<Codec>,
    dead_letters: DeadLetters,
}

/// What a record says.
#[derive(Clone, Debug)]
pub(super) enum Said {
    /// Something of an account changed.
    Changed(AccountId, Touched),
    /// It cannot be read, and goes to the dead letters.
    Unreadable(Posting),
}

/// Why a record is to be read again later.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum NotNow {
    /// The registry that knows what it was written with.
    #[error("the schema registry does not answer: {0}")]
    RegistryAway(String),
    /// It cannot be read, and is not to be lost.
    #[error(transparent)]
    PostFull(#[from] PostFull),
}

impl RiskRecords {
    /// Reads with `codec`; what cannot be read goes to the dead letters.
    #[must_use]
    pub const fn new(codec: Arc<Codec>, dead_letters: DeadLetters) -> Self {
        Self { codec, dead_letters }
    }

    /// What a record says, without waiting; `None` while its schema is being asked for, until it is read again.
    ///
    /// # Errors
    /// [`NotNow`]; the record is to be read again later.
    pub(super) fn read(&self, record: &TopicRecord) -> Option<Result<Said, NotNow>> {
        // The question goes on with the next call, and is one for all who have it.
        self.understand(record).now_or_never()
    }

    async fn understand(&self, record: &TopicRecord) -> Result<Said, NotNow> {
        match self.codec.decode::<OrderEvent>(&record.value).await {
            Ok(event) => Ok(Said::Changed(event.account_id.into(), Touched::by_kind(&event.kind))),
            Err(DecodeError::RegistryAway(reason)) => Err(NotNow::RegistryAway(reason)),
            Err(DecodeError::Unreadable(reason)) => {
                Ok(Said::Unreadable(self.dead_letters.take(Topic::Orders, record, &reason)?))
            }
        }
    }
}
