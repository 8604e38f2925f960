//! The headers of records: names, and those that say why a record went to the dead letters.

use crate::message::Header;

/// The message's own id, a UUID as text: whoever needs nothing else can drop what it has seen without reading the value.
pub const EVENT_ID: &str = "event_id";
/// The trace that the message belongs to, as <https://www.w3.org/TR/trace-context/> writes it; absent without one.
pub const TRACEPARENT: &str = "traceparent";
/// How the value is written: [`CONTENT_TYPE_AVRO`] or [`CONTENT_TYPE_JSON`].
pub const CONTENT_TYPE: &str = "content-type";

/// Avro's binary form behind a zero and the schema's id of four bytes, big-endian: Confluent's wire format.
pub const CONTENT_TYPE_AVRO: &str = "application/vnd.confluent.avro";
/// JSON, UTF-8.
pub const CONTENT_TYPE_JSON: &str = "application/json";

/// Of a dead letter: why it could not be read.
pub const DEAD_LETTER_REASON: &str = "dead-letter-reason";
/// Of a dead letter: the topic it stood in.
pub const DEAD_LETTER_TOPIC: &str = "dead-letter-topic";
/// Of a dead letter: the partition it stood in.
pub const DEAD_LETTER_PARTITION: &str = "dead-letter-partition";
/// Of a dead letter: where in that partition.
pub const DEAD_LETTER_OFFSET: &str = "dead-letter-offset";

/// Of a dead letter whose value is left out, because Kafka does not take it a second time: why.
pub const DEAD_LETTER_VALUE: &str = "dead-letter-value";

/// The longest reason that is written, in bytes: it may quote what was read.
const LONGEST_REASON: usize = 1_000;

/// What is added to the headers of a record that cannot be read; its key, value and own headers stay as they are.
#[must_use]
pub fn dead_letter(topic: &str, partition: i32, offset: i64, reason: &str) -> Vec<Header> {
    let end = reason.floor_char_boundary(LONGEST_REASON);
    vec![
        (DEAD_LETTER_REASON, reason.get(..end).unwrap_or_default().to_owned()),
        (DEAD_LETTER_TOPIC, topic.to_owned()),
        (DEAD_LETTER_PARTITION, partition.to_string()),
        (DEAD_LETTER_OFFSET, offset.to_string()),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dead_letter_says_where_it_stood_and_why_in_bounded_words() {
        let headers = dead_letter("velox.orders.v1", 3, 17, &"é".repeat(600));
        assert_eq!(headers[0], (DEAD_LETTER_REASON, "é".repeat(500)));
        assert_eq!(
            headers[1..].iter().map(|(_, value)| value.as_str()).collect::<Vec<_>>(),
            ["velox.orders.v1", "3", "17"]
        );
    }
}
