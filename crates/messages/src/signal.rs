//! [`Signal`]: see `schemas/avro/signals.avsc` for what each field means.
#![allow(missing_docs, reason = "the schema says what each field means")]

use serde::{Deserialize, Serialize};
use velox_kernel::Symbol;

use crate::message::Message;
use crate::topic::Topic;
use crate::wire::{Amount, Id, Moment, Number, Word};

/// What a strategy wants to be done.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Signal {
    pub event_id: Id,
    pub strategy_id: Id,
    pub org_id: Id,
    pub symbol: Symbol,
    pub side: Word,
    pub action: Word,
    pub strength: Option<Number>,
    pub target_quantity: Option<Amount>,
    pub reason: Option<String>,
    pub at: Moment,
}

impl Message for Signal {
    const TOPIC: Topic = Topic::Signals;

    fn event_id(&self) -> Id {
        self.event_id
    }

    fn key(&self) -> String {
        self.strategy_id.to_string()
    }
}
