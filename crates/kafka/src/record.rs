//! [`TopicRecord`]: a record as it stands on a topic.

use velox_kernel::Timestamp;

/// A record as it stands on a topic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopicRecord {
    /// Its partition.
    pub partition: u32,
    /// Its place there.
    pub offset: u64,
    /// When it was made, or came to the topic, as the topic is configured.
    pub at: Timestamp,
    /// Its key.
    pub key: Option<Vec<u8>>,
    /// Its content.
    pub value: Vec<u8>,
    /// Names and texts beside it; what is no text is left out.
    pub headers: Vec<(String, String)>,
}
