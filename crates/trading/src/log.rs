//! The log's rows: an event in its envelope, chained by hashes.

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use velox_kernel::{AccountId, CommandId, Digest, Principal, RequestId, Timestamp};

use crate::event::{EVENT_VERSION, Event, Fact};

/// An event of an account's log: the envelope and the immutable payload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordedEvent {
    /// The stream: one account's.
    pub account: AccountId,
    /// The event's number in the stream: 1, 2, 3, … without a gap.
    pub seq: u64,
    /// The type's stable name.
    pub kind: String,
    /// The payload's version.
    pub version: u16,
    /// When it happened, in market time.
    pub market_time: Timestamp,
    /// When it was decided, in wall time.
    pub recorded_at: Timestamp,
    /// Who caused it.
    pub actor: Principal,
    /// The command it follows from.
    pub cause: CommandId,
    /// The request that brought the command, if one did.
    pub request: Option<RequestId>,
    /// The hash of the event before; zeros before the first.
    pub prev_hash: Digest,
    /// SHA-256 over the envelope, `prev_hash` included, and the payload.
    pub hash: Digest,
    /// The fact, as JSON.
    pub payload: Bytes,
}

/// Who and what brought a command: the envelope's part that is the same for all its events.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cause {
    /// Who.
    pub actor: Principal,
    /// The command.
    pub command: CommandId,
    /// The request that brought it, if one did.
    pub request: Option<RequestId>,
}

/// A row of the log that is not what we wrote.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CorruptEvent {
    /// The payload cannot be read.
    #[error("event {seq}: the payload is unreadable: {reason}")]
    Payload {
        /// The event's number.
        seq: u64,
        /// What is wrong.
        reason: String,
    },
    /// The payload's version is newer than this program.
    #[error("event {seq}: version {version} is newer than this program")]
    Version {
        /// The event's number.
        seq: u64,
        /// Its version.
        version: u16,
    },
    /// The hash is not that of the row, or the row does not follow the one before.
    #[error("event {seq}: the hash chain is broken")]
    Chain {
        /// The event's number.
        seq: u64,
    },
    /// A number is missing.
    #[error("event {seq}: the one before is missing")]
    Gap {
        /// The event's number.
        seq: u64,
    },
}

impl RecordedEvent {
    /// Puts an event into its envelope, after the event that `seq` and `prev_hash` name.
    ///
    /// # Errors
    /// [`CorruptEvent::Payload`] when the fact cannot be written as JSON, which no fact of ours does.
    pub fn record(
        account: AccountId,
        seq: u64,
        event: &Event,
        cause: &Cause,
        recorded_at: Timestamp,
        prev_hash: Digest,
    ) -> Result<Self, CorruptEvent> {
        let payload = serde_json::to_vec(&event.fact)
            .map_err(|error| CorruptEvent::Payload { seq, reason: error.to_string() })?;
        let mut record = Self {
            account,
            seq,
            kind: event.fact.kind().to_owned(),
            version: EVENT_VERSION,
            market_time: event.at,
            recorded_at,
            actor: cause.actor,
            cause: cause.command,
            request: cause.request,
            prev_hash,
            hash: Digest::ZERO,
            payload: payload.into(),
        };
        record.hash = record.compute_hash();
        Ok(record)
    }

    /// The event inside.
    ///
    /// # Errors
    /// [`CorruptEvent::Version`] or [`CorruptEvent::Payload`] when it cannot be read.
    pub fn event(&self) -> Result<Event, CorruptEvent> {
        if self.version > EVENT_VERSION {
            return Err(CorruptEvent::Version { seq: self.seq, version: self.version });
        }
        let fact: Fact = serde_json::from_slice(&self.payload)
            .map_err(|error| CorruptEvent::Payload { seq: self.seq, reason: error.to_string() })?;
        Ok(Event { at: self.market_time, fact })
    }

    /// Checks that this row follows the one that `seq` and `hash` name, and is what was written.
    ///
    /// # Errors
    /// [`CorruptEvent::Gap`] or [`CorruptEvent::Chain`].
    pub fn check_follows(&self, seq: u64, hash: Digest) -> Result<(), CorruptEvent> {
        if self.seq != seq + 1 {
            return Err(CorruptEvent::Gap { seq: self.seq });
        }
        if self.prev_hash != hash || self.hash != self.compute_hash() {
            return Err(CorruptEvent::Chain { seq: self.seq });
        }
        Ok(())
    }

    /// SHA-256 over every field in a fixed order: numbers big-endian, texts and the payload after their length.
    fn compute_hash(&self) -> Digest {
        let Self {
            account,
            seq,
            kind,
            version,
            market_time,
            recorded_at,
            actor,
            cause,
            request,
            prev_hash,
            hash: _,
            payload,
        } = self;
        let mut hasher = Sha256::new();
        hasher.update(prev_hash.as_bytes());
        hasher.update(account.uuid().as_bytes());
        hasher.update(seq.to_be_bytes());
        hasher.update(version.to_be_bytes());
        hasher.update(market_time.micros().to_be_bytes());
        hasher.update(recorded_at.micros().to_be_bytes());
        match actor {
            Principal::User { id } => {
                hasher.update([1]);
                hasher.update(id.uuid().as_bytes());
            }
            Principal::Broker => hasher.update([2]),
            Principal::System => hasher.update([3]),
        }
        hasher.update(cause.uuid().as_bytes());
        match request {
            Some(request) => {
                hasher.update([1]);
                hasher.update(request.uuid().as_bytes());
            }
            None => hasher.update([0]),
        }
        for part in [kind.as_bytes(), payload] {
            hasher.update(u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
            hasher.update(part);
        }
        Digest::new(hasher.finalize().into())
    }
}
