//! [`RiskRecords`]: what the records of the topic orders say to whoever watches accounts.

use std::sync::Arc;

use velox_kafka::TopicRecord;
use velox_kernel::AccountId;
use velox_messages::{Codec, DecodeError, OrderEvent, Topic};

use crate::accounts::Touched;
use crate::dead_letters::DeadLetters;

/// Reads records of the topic orders, on which every event of every account stands.
pub struct RiskRecords {
    codec: Arc<Codec>,
    dead_letters: DeadLetters,
}

/// The registry that knows what a record was written with does not answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the schema registry does not answer: {0}")]
pub(super) struct RegistryAway(String);

impl RiskRecords {
    /// Reads with `codec`; what cannot be read goes to the dead letters.
    #[must_use]
    pub const fn new(codec: Arc<Codec>, dead_letters: DeadLetters) -> Self {
        Self { codec, dead_letters }
    }

    /// Which account a record is about, and what changed of it; `None` when it cannot be read.
    ///
    /// # Errors
    /// [`RegistryAway`]; the record is to be read again then.
    pub(super) async fn read(&self, record: &TopicRecord) -> Result<Option<(AccountId, Touched)>, RegistryAway> {
        match self.codec.decode::<OrderEvent>(&record.value).await {
            Ok(event) => Ok(Some((event.account_id.into(), Touched::by_kind(&event.kind)))),
            Err(DecodeError::RegistryAway(reason)) => Err(RegistryAway(reason)),
            Err(DecodeError::Unreadable(reason)) => {
                let names = self.codec.names();
                let (topic, letters) = (names.topic(Topic::Orders), names.dead_letters(Topic::Orders));
                self.dead_letters.take(&topic, letters, record.clone(), &reason);
                Ok(None)
            }
        }
    }
}
