//! [`IndicatorValue`]: see `schemas/avro/indicators.avsc` for what each field means.
#![allow(missing_docs, reason = "the schema says what each field means")]

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use velox_kernel::Symbol;

use crate::message::Message;
use crate::topic::Topic;
use crate::wire::{Id, Moment, Number, Word};

/// The value of an indicator at a candle.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct IndicatorValue {
    pub event_id: Id,
    pub symbol: Symbol,
    pub indicator: String,
    pub timeframe: Word,
    #[serde(default)]
    pub parameters: BTreeMap<String, Number>,
    pub values: BTreeMap<String, Number>,
    pub open_time: Moment,
    pub at: Moment,
    #[serde(rename = "final")]
    pub is_final: bool,
}

impl Message for IndicatorValue {
    const TOPIC: Topic = Topic::Indicators;

    fn event_id(&self) -> Id {
        self.event_id
    }

    fn key(&self) -> String {
        self.symbol.to_string()
    }
}
