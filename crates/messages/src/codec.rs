//! [`Codec`]: messages to bytes and back.
//!
//! Avro stands in Confluent's wire format: a zero, the writer's schema's id of four bytes, big-endian, and Avro's binary
//! form. JSON stands as it is: its first byte is never a zero, so that a topic may change from one to the other, and both
//! are read.

mod decode;
mod for_machines;
mod format;
mod meanings;
mod readers;
mod write;

use std::sync::Arc;

use bytes::Bytes;
use futures_util::future::join_all;
use velox_kernel::{Clock, TraceContext};

use crate::headers;
use crate::message::{Message, Record};
use crate::registry::{Compatibility, RegistryError, SchemaId, SchemaRegistry};
use crate::topic::{Topic, TopicNames};

pub use decode::DecodeError;
pub use format::{Format, Formats, UnknownFormat};
use readers::Readers;
use write::Writer;
pub use write::{EncodeError, InvalidSchema};

/// Writes messages as each topic wants it, and reads what anybody wrote.
pub struct Codec {
    names: TopicNames,
    registry: Option<Arc<dyn SchemaRegistry>>,
    writers: Vec<Writer>,
    readers: Option<Readers>,
}

/// Why there is no codec for what is wanted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CodecError {
    /// A topic is Avro, and there is no registry for its schema.
    #[error("the topic {0} is Avro, which needs a schema registry")]
    NoRegistry(Topic),
    /// A schema of ours is not what this program can write.
    #[error("the schema of the topic {topic}: {source}")]
    Schema {
        /// Whose.
        topic: Topic,
        /// What is wrong with it.
        source: InvalidSchema,
    },
}

/// Topics whose schemas could not be registered; messages to the others can be written. In words, topics with the same
/// reason stand together.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("schemas are not registered: {}", by_reason(.0))]
pub struct RegisterError(pub Vec<(Topic, RegistryError)>);

fn by_reason(failures: &[(Topic, RegistryError)]) -> String {
    let mut reasons: Vec<(&RegistryError, Vec<&str>)> = Vec::new();
    for (topic, error) in failures {
        match reasons.iter_mut().find(|(reason, _)| *reason == error) {
            Some((_, topics)) => topics.push(topic.as_str()),
            None => reasons.push((error, vec![topic.as_str()])),
        }
    }
    let said = reasons.into_iter().map(|(reason, topics)| format!("{}: {reason}", topics.join(", ")));
    said.collect::<Vec<_>>().join("; ")
}

impl RegisterError {
    /// Whether trying again may help without anybody changing anything.
    #[must_use]
    pub fn is_away(&self) -> bool {
        self.0.iter().any(|(_, error)| matches!(error, RegistryError::Away(_)))
    }
}

impl Codec {
    /// A codec. With a topic that is Avro, messages can be written after [`Codec::register`]; reading needs no such step.
    ///
    /// # Errors
    /// [`CodecError`].
    pub fn new(
        names: TopicNames,
        formats: Formats,
        registry: Option<Arc<dyn SchemaRegistry>>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, CodecError> {
        let writer = |topic: Topic| match formats.of(topic) {
            Format::Avro if registry.is_none() => Err(CodecError::NoRegistry(topic)),
            Format::Avro => Writer::avro(topic.schema()).map_err(|source| CodecError::Schema { topic, source }),
            Format::Json => Ok(Writer::Json),
        };
        let writers = Topic::ALL.into_iter().map(writer).collect::<Result<_, _>>()?;
        let readers = registry.clone().map(|registry| Readers::new(registry, clock));
        Ok(Self { names, registry, writers, readers })
    }

    /// What topics are called.
    #[must_use]
    pub const fn names(&self) -> &TopicNames {
        &self.names
    }

    /// Registers the schemas of those of these topics that are Avro, each under `<topic>-value`, and says that its
    /// successors must be compatible with all. What is done is not done again: call it until it succeeds. It asks the
    /// registry three times a topic at most, for all topics at once: a registry that does not answer costs its deadline
    /// once, and not once a topic.
    ///
    /// # Errors
    /// [`RegisterError`] names topics that are left: one that is refused, or not answered, is in no other's way.
    pub async fn register(&self, topics: &[Topic]) -> Result<(), RegisterError> {
        let Some(registry) = &self.registry else { return Ok(()) };
        let unregistered = topics.iter().copied().filter_map(|topic| {
            let id = self.writers.get(topic.place()).and_then(Writer::unregistered)?;
            Some(async move {
                let subject = self.names.subject(topic);
                let registered = register(registry.as_ref(), &subject, topic.schema()).await;
                let registered = registered.map_err(|error| (topic, error))?;
                // Another call may have been faster; the same schema has the same id.
                let _ = id.set(registered);
                if let Some(readers) = &self.readers {
                    readers.know(topic, registered);
                }
                Ok(())
            })
        });
        let registered = join_all(unregistered).await;
        let failures: Vec<_> = registered.into_iter().filter_map(Result::err).collect();
        if failures.is_empty() { Ok(()) } else { Err(RegisterError(failures)) }
    }

    /// Whether messages to a topic can be written: it is JSON, or its schema is registered.
    #[must_use]
    pub fn can_write(&self, topic: Topic) -> bool {
        self.writers.get(topic.place()).is_some_and(|writer| writer.unregistered().is_none())
    }

    /// Writes a message as its topic wants it.
    ///
    /// # Errors
    /// [`EncodeError`].
    pub fn encode<M: Message>(&self, message: &M) -> Result<Bytes, EncodeError> {
        self.writers.get(M::TOPIC.place()).ok_or(EncodeError::NotRegistered(M::TOPIC))?.encode(message)
    }

    /// Writes a message with its key and headers.
    ///
    /// # Errors
    /// As [`Codec::encode`].
    pub fn record<M: Message>(&self, message: &M, trace: Option<TraceContext>) -> Result<Record, EncodeError> {
        let value = self.encode(message)?;
        let content_type = match self.writers.get(M::TOPIC.place()) {
            Some(Writer::Json) => headers::CONTENT_TYPE_JSON,
            _ => headers::CONTENT_TYPE_AVRO,
        };
        let mut headers =
            vec![(headers::EVENT_ID, message.event_id().to_string()), (headers::CONTENT_TYPE, content_type.to_owned())];
        headers.extend(trace.map(|trace| (headers::TRACEPARENT, trace.to_string())));
        Ok(Record { topic: M::TOPIC, key: message.key(), headers, value })
    }

    /// Reads a message that anybody wrote, in either format. The schema of a writer is asked for once.
    ///
    /// # Errors
    /// [`DecodeError`].
    pub async fn decode<M: Message>(&self, bytes: &[u8]) -> Result<M, DecodeError> {
        match bytes.split_first() {
            None => Err(DecodeError::Unreadable("the value is empty".to_owned())),
            Some((0, rest)) => {
                let Some((id, datum)) = rest.split_first_chunk() else {
                    return Err(DecodeError::Unreadable("the value ends before the schema's id does".to_owned()));
                };
                let Some(readers) = &self.readers else {
                    return Err(DecodeError::Unreadable("it is Avro, and no schema registry is configured".to_owned()));
                };
                let schema = readers.schema(M::TOPIC, SchemaId(u32::from_be_bytes(*id))).await?;
                decode::avro(datum, &schema)
            }
            Some(_) => decode::json(bytes),
        }
    }
}

/// Registers a schema. Some registries take the rule for a subject only once it has a schema.
async fn register(registry: &dyn SchemaRegistry, subject: &str, schema: &str) -> Result<SchemaId, RegistryError> {
    let rule = Compatibility::FullTransitive;
    match registry.set_compatibility(subject, rule).await {
        Ok(()) => registry.register(subject, schema).await,
        Err(RegistryError::Unknown) => {
            let id = registry.register(subject, schema).await?;
            registry.set_compatibility(subject, rule).await?;
            Ok(id)
        }
        Err(error) => Err(error),
    }
}
