//! The log's rows: an event in its envelope, chained by hashes.

use std::borrow::Cow;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use velox_kernel::{AccountId, CommandId, Digest, Principal, RequestId, Timestamp, TraceContext};

use crate::event::{EVENT_VERSION, Event, Fact};

/// An event of an account's log: the envelope and the immutable payload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordedEvent {
    /// The stream: one account's.
    pub account: AccountId,
    /// The event's number in the stream: 1, 2, 3, … without a gap.
    pub seq: u64,
    /// The type's stable name.
    pub kind: Cow<'static, str>,
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
    /// The trace of the request that it goes back to, also over the broker: what a request causes has its span's place,
    /// what happens to an order later that of the request that placed it. **Not hashed**: it came with a later release,
    /// and logs of before it must still verify; it helps to find out, and nothing follows from it.
    pub trace: Option<TraceContext>,
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
    /// The trace that it belongs to, if there is one.
    pub trace: Option<TraceContext>,
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
            kind: Cow::Borrowed(event.fact.kind()),
            version: EVENT_VERSION,
            market_time: event.at,
            recorded_at,
            actor: cause.actor,
            cause: cause.command,
            request: cause.request,
            prev_hash,
            hash: Digest::ZERO,
            payload: payload.into(),
            trace: cause.trace,
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

    /// SHA-256 over every field but `trace` in a fixed order: numbers big-endian, texts and the payload after their length.
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
            trace: _,
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use velox_kernel::UserId;

    use super::*;

    fn id(number: u128) -> uuid::Uuid {
        uuid::Uuid::from_u128(number)
    }

    fn chain(length: u64) -> Vec<RecordedEvent> {
        let cause = Cause {
            actor: Principal::User { id: UserId::new(id(3)) },
            command: CommandId::new(id(4)),
            request: Some(RequestId::new(id(5))),
            trace: TraceContext::new(6, 7, 1),
        };
        let mut events: Vec<RecordedEvent> = vec![];
        for seq in 1..=length {
            let fact = Fact::CashMoved { currency: "USD".parse().unwrap(), amount: "1.5".parse().unwrap() };
            let event = Event { at: Timestamp::from_seconds(10), fact };
            let before = events.last().map_or(Digest::ZERO, |last| last.hash);
            let at = Timestamp::from_seconds(20);
            events.push(RecordedEvent::record(AccountId::new(id(1)), seq, &event, &cause, at, before).unwrap());
        }
        events
    }

    fn check(events: &[RecordedEvent]) -> Result<(), CorruptEvent> {
        let (mut seq, mut hash) = (0, Digest::ZERO);
        for event in events {
            event.check_follows(seq, hash)?;
            (seq, hash) = (event.seq, event.hash);
        }
        Ok(())
    }

    #[test]
    fn a_chain_as_written_holds() {
        assert_eq!(check(&chain(4)), Ok(()));
        assert_eq!(chain(1)[0].event().unwrap().at, Timestamp::from_seconds(10));
    }

    #[test]
    fn any_changed_byte_of_the_payload_breaks_it() {
        let events = chain(3);
        for place in 0..events[1].payload.len() {
            let mut changed = events.clone();
            let mut payload = changed[1].payload.to_vec();
            payload[place] ^= 1;
            changed[1].payload = payload.into();
            assert_eq!(check(&changed), Err(CorruptEvent::Chain { seq: 2 }), "byte {place}");
        }
    }

    #[test]
    fn any_changed_field_of_the_envelope_breaks_it() {
        let changes: [fn(&mut RecordedEvent); 15] = [
            |event| event.account = AccountId::new(id(9)),
            |event| event.kind.to_mut().push('x'),
            |event| event.version += 1,
            |event| event.market_time = event.market_time.plus(std::time::Duration::from_micros(1)),
            |event| event.recorded_at = event.recorded_at.plus(std::time::Duration::from_micros(1)),
            |event| event.actor = Principal::User { id: UserId::new(id(9)) },
            |event| event.actor = Principal::Broker,
            |event| event.actor = Principal::System,
            |event| event.cause = CommandId::new(id(9)),
            |event| event.request = None,
            |event| event.request = Some(RequestId::new(id(9))),
            |event| event.prev_hash = Digest::new([1; 32]),
            |event| event.hash = Digest::new([1; 32]),
            |event| event.payload = event.payload.slice(1..),
            |event| {
                // A letter moved from the type's name to the payload: the lengths tell them apart.
                let last = event.kind.to_mut().pop().unwrap();
                event.payload = [last.to_string().as_bytes(), &event.payload].concat().into();
            },
        ];
        for (number, change) in changes.iter().enumerate() {
            let mut events = chain(3);
            change(&mut events[1]);
            assert_eq!(check(&events), Err(CorruptEvent::Chain { seq: 2 }), "change {number}");
        }
    }

    #[test]
    fn the_trace_is_not_hashed() {
        let mut events = chain(3);
        events[1].trace = None;
        assert_eq!(check(&events), Ok(()));
    }

    #[test]
    fn a_rewritten_event_breaks_the_one_after_it() {
        let mut events = chain(3);
        events[1].payload = Bytes::from_static(b"{\"type\":\"account_resumed\"}");
        events[1].hash = events[1].compute_hash();
        assert_eq!(check(&events), Err(CorruptEvent::Chain { seq: 3 }));
    }

    #[test]
    fn removed_reordered_and_inserted_events_are_found() {
        let whole = chain(4);
        let mut removed = whole.clone();
        removed.remove(1);
        assert_eq!(check(&removed), Err(CorruptEvent::Gap { seq: 3 }));
        let mut headless = whole.clone();
        headless.remove(0);
        assert_eq!(check(&headless), Err(CorruptEvent::Gap { seq: 2 }));
        let mut swapped = whole.clone();
        swapped.swap(1, 2);
        assert_eq!(check(&swapped), Err(CorruptEvent::Gap { seq: 3 }));
        let mut renumbered = whole.clone();
        renumbered.swap(1, 2);
        (renumbered[1].seq, renumbered[2].seq) = (2, 3);
        assert_eq!(check(&renumbered), Err(CorruptEvent::Chain { seq: 2 }));
        let mut doubled = whole;
        doubled.insert(2, doubled[1].clone());
        assert_eq!(check(&doubled), Err(CorruptEvent::Gap { seq: 2 }));
    }

    #[test]
    fn what_a_newer_program_wrote_is_not_guessed_at() {
        let mut event = chain(1).remove(0);
        event.version = EVENT_VERSION + 1;
        assert_eq!(event.event(), Err(CorruptEvent::Version { seq: 1, version: EVENT_VERSION + 1 }));
        let mut event = chain(1).remove(0);
        event.payload = Bytes::from_static(b"{");
        assert!(matches!(event.event(), Err(CorruptEvent::Payload { seq: 1, .. })));
    }
}
