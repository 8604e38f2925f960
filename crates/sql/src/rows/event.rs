//! The row of an event.

use std::borrow::Cow;

use bytes::Bytes;
use diesel::sql_types::{BigInt, Integer, Nullable, Text};
use velox_kernel::{AccountId, CommandId, Digest, OrgId, Principal, RequestId, Timestamp, TraceContext, UserId};
use velox_trading::RecordedEvent;

use super::{signed, unsigned};
use crate::failure::Failure;
use crate::record::record;
use crate::types::{Blob, Hash, Id, Moment, Trace};

record! {
    /// An event of the log.
    EventRecord, EventRecords in events {
        account_id: AccountId = Id, "uuid";
        seq: i64 = BigInt, "int8";
        org_id: OrgId = Id, "uuid";
        kind: Cow<'static, str> = Text, "text";
        version: i32 = Integer, "int4";
        market_time: Timestamp = Moment, "timestamptz";
        recorded_at: Timestamp = Moment, "timestamptz";
        actor_kind: Cow<'static, str> = Text, "text";
        actor_id: Option<UserId> = Nullable<Id>, "uuid";
        cause: CommandId = Id, "uuid";
        request: Option<RequestId> = Nullable<Id>, "uuid";
        prev_hash: Digest = Hash, "bytea";
        hash: Digest = Hash, "bytea";
        payload: Bytes = Blob, "bytea";
        trace: Option<TraceContext> = Nullable<Trace>, "bytea";
    }
    on conflict ""
}

const USER: &str = "user";
const BROKER: &str = "broker";
const SYSTEM: &str = "system";

impl EventRecord {
    /// The row of an event.
    ///
    /// # Errors
    /// [`Failure::Corrupt`] for a number that no database counts to.
    pub fn new(org_id: OrgId, event: RecordedEvent) -> Result<Self, Failure> {
        let RecordedEvent {
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
            hash,
            payload,
            trace,
        } = event;
        let (actor_kind, actor_id) = match actor {
            Principal::User { id } => (USER, Some(id)),
            Principal::Broker => (BROKER, None),
            Principal::System => (SYSTEM, None),
        };
        Ok(Self {
            account_id: account,
            seq: signed(seq)?,
            org_id,
            kind,
            version: version.into(),
            market_time,
            recorded_at,
            actor_kind: Cow::Borrowed(actor_kind),
            actor_id,
            cause,
            request,
            prev_hash,
            hash,
            payload,
            trace,
        })
    }
}

impl TryFrom<EventRecord> for RecordedEvent {
    type Error = Failure;

    fn try_from(record: EventRecord) -> Result<Self, Failure> {
        let EventRecord {
            account_id,
            seq,
            org_id: _,
            kind,
            version,
            market_time,
            recorded_at,
            actor_kind,
            actor_id,
            cause,
            request,
            prev_hash,
            hash,
            payload,
            trace,
        } = record;
        let actor = match (&*actor_kind, actor_id) {
            (USER, Some(id)) => Principal::User { id },
            (BROKER, None) => Principal::Broker,
            (SYSTEM, None) => Principal::System,
            (other, _) => return Err(Failure::Corrupt(format!("event {seq} of {account_id} is by {other:?}"))),
        };
        let version = u16::try_from(version)
            .map_err(|_| Failure::Corrupt(format!("event {seq} of {account_id} has the version {version}")))?;
        Ok(Self {
            account: account_id,
            seq: unsigned(seq)?,
            kind,
            version,
            market_time,
            recorded_at,
            actor,
            cause,
            request,
            prev_hash,
            hash,
            payload,
            trace,
        })
    }
}
