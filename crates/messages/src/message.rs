//! [`Message`]: what stands in a record's value; and [`Record`], the whole of it.

use bytes::Bytes;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::topic::Topic;
use crate::wire::Id;

/// What stands in the value of a topic's records.
pub trait Message: Serialize + DeserializeOwned + Send + Sync {
    /// Its topic.
    const TOPIC: Topic;

    /// Its id: the same however often it is sent.
    fn event_id(&self) -> Id;

    /// The record's key, plain text. What must stay in order has the same key.
    fn key(&self) -> String;
}

/// A header of a record.
pub type Header = (&'static str, String);

/// A record as Kafka takes it, but for the topic's prefix.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Where it goes.
    pub topic: Topic,
    /// The key, UTF-8.
    pub key: String,
    /// The headers, see [`crate::headers`].
    pub headers: Vec<Header>,
    /// The value.
    pub value: Bytes,
}
