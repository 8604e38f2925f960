//! [`EventView`]: an event of an account's log, with its envelope.

use std::borrow::Cow;

use serde::Serialize;
use serde_json::value::RawValue;
use utoipa::ToSchema;
use velox_kernel::{AccountId, CommandId, Digest, Principal, RequestId, Timestamp, UserId};
use velox_trading::{CorruptEvent, RecordedEvent};

/// An event of an account's log. Hashes chain: `prev_hash` is the `hash` of the event before.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Event)]
pub struct EventView {
    /// The stream: one account's.
    #[schema(value_type = String, example = "acc_01h455vb4pex5vsknk084sn02q")]
    pub account_id: AccountId,
    /// Its number in the stream: 1, 2, 3, … without a gap.
    #[schema(example = 2)]
    pub seq: u64,
    /// What happened.
    #[serde(rename = "type")]
    #[schema(example = "order_accepted")]
    pub kind: Cow<'static, str>,
    /// The version of `data`.
    #[schema(example = 1)]
    pub version: u16,
    /// When it happened, in market time.
    #[schema(value_type = String, format = DateTime, example = "2026-01-05T12:00:00Z")]
    pub market_time: Timestamp,
    /// When it was decided, in wall time.
    #[schema(value_type = String, format = DateTime, example = "2026-01-05T12:00:00Z")]
    pub recorded_at: Timestamp,
    /// Who caused it.
    pub actor: PrincipalView,
    /// The command it follows from; events of one command share it.
    #[schema(value_type = String, example = "cmd_01h455vb4pex5vsknk084sn02q")]
    pub command_id: CommandId,
    /// The request that brought the command, if one did under an id of ours.
    #[schema(value_type = Option<String>, example = "req_01h455vb4pex5vsknk084sn02q")]
    pub request_id: Option<RequestId>,
    /// The trace of the request that it goes back to, as the `traceparent` of W3C names it: 32 hexadecimal digits. Not
    /// hashed.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "4bf92f3577b34da6a3ce929d0e0e4736")]
    pub trace_id: Option<String>,
    /// The hash of the event before; zeros before the first.
    #[schema(value_type = String, example = "0000000000000000000000000000000000000000000000000000000000000000")]
    pub prev_hash: Digest,
    /// SHA-256 over the envelope, `prev_hash` included, and `data`.
    #[schema(value_type = String, example = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08")]
    pub hash: Digest,
    /// The fact, byte for byte as it is hashed.
    #[schema(value_type = Object)]
    pub data: Box<RawValue>,
}

/// Who caused an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[schema(as = Principal)]
pub enum PrincipalView {
    /// A user, through a request.
    User {
        /// Who.
        #[schema(value_type = String, example = "usr_01h455vb4pex5vsknk084sn02q")]
        id: UserId,
    },
    /// The broker of the account, through a report.
    Broker,
    /// Velox itself: a deadline, a trading day's end, an execution claim.
    System,
}

impl From<Principal> for PrincipalView {
    fn from(principal: Principal) -> Self {
        match principal {
            Principal::User { id } => Self::User { id },
            Principal::Broker => Self::Broker,
            Principal::System => Self::System,
        }
    }
}

impl TryFrom<&RecordedEvent> for EventView {
    type Error = CorruptEvent;

    /// # Errors
    /// [`CorruptEvent::Payload`] when the payload is not JSON.
    fn try_from(record: &RecordedEvent) -> Result<Self, CorruptEvent> {
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
        } = record;
        let data = serde_json::from_slice(payload)
            .map_err(|error| CorruptEvent::Payload { seq: *seq, reason: error.to_string() })?;
        Ok(Self {
            account_id: *account,
            seq: *seq,
            kind: kind.clone(),
            version: *version,
            market_time: *market_time,
            recorded_at: *recorded_at,
            actor: (*actor).into(),
            command_id: *cause,
            request_id: *request,
            prev_hash: *prev_hash,
            hash: *hash,
            trace_id: trace.map(|trace| format!("{:032x}", trace.trace_id())),
            data,
        })
    }
}
