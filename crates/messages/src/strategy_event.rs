//! [`StrategyEvent`]: see `schemas/avro/strategies.avsc` for what each field means.
#![allow(missing_docs, reason = "the schema says what each field means")]

use serde::{Deserialize, Serialize};

use crate::message::Message;
use crate::topic::Topic;
use crate::wire::{Id, Moment, Word};

/// An event of a strategy's log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StrategyEvent {
    pub event_id: Id,
    pub strategy_id: Id,
    pub org_id: Id,
    pub seq: u64,
    #[serde(rename = "type")]
    pub kind: Word,
    pub version: u16,
    pub market_time: Moment,
    pub recorded_at: Moment,
    pub actor: Word,
    pub actor_user_id: Option<Id>,
    pub request_id: Option<Id>,
    pub detail: String,
}

impl Message for StrategyEvent {
    const TOPIC: Topic = Topic::Strategies;

    fn event_id(&self) -> Id {
        self.event_id
    }

    fn key(&self) -> String {
        self.strategy_id.to_string()
    }
}
