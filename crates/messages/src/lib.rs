//! What Velox tells other programs over Kafka: the messages of its topics, their Avro schemas, and how they become bytes.
//!
//! The schemas in `schemas/avro` are the contract; the structs here mirror them field by field. [`Codec`] writes each
//! topic as Avro or JSON and reads both. Schemas are kept behind the port [`SchemaRegistry`].

mod account_step;
mod alert;
mod codec;
mod event_id;
pub mod headers;
mod indicator_value;
mod market_data;
mod market_step;
mod message;
mod order_event;
mod position_event;
mod registry;
mod signal;
mod strategy_event;
mod topic;
mod wire;
mod wire_order;
mod words;

pub use account_step::{AccountMessages, AccountStep};
pub use alert::{Alert, Severity};
pub use codec::{
    Codec, CodecError, DecodeError, EncodeError, Format, Formats, InvalidSchema, RegisterError, UnknownFormat,
};
pub use indicator_value::IndicatorValue;
pub use market_data::{MarketData, WireCandle, WireQuote, WireTrade};
pub use market_step::{MarketStep, MarketTold, UnknownMarketData};
pub use message::{Header, Message, Record};
pub use order_event::OrderEvent;
pub use position_event::{PositionEvent, WireBalance, WirePosition};
pub use registry::{Compatibility, RegistryError, SchemaId, SchemaRegistry};
pub use signal::Signal;
pub use strategy_event::StrategyEvent;
pub use topic::{InvalidPrefix, Topic, TopicNames, UnknownTopic};
pub use wire::{Amount, Id, Moment, Number, Word};
pub use wire_order::{WireCash, WireDenial, WireFill, WireLimits, WireOrder, WireReplacement};
