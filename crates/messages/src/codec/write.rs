//! [`Writer`]: how one topic's messages become bytes.

use std::sync::OnceLock;

use bytes::Bytes;
use serde_avro_fast::Schema;
use serde_avro_fast::ser::SerializerConfig;
use serde_json::Value;

use super::for_machines::ForMachines;
use crate::message::Message;
use crate::registry::SchemaId;
use crate::topic::Topic;

/// The precision and scale of every decimal of ours: those of [`velox_kernel::Decimal`].
const DECIMAL: (u64, u64) = (28, 12);
/// What most values fit.
const USUAL_SIZE: usize = 1_024;

/// How one topic's messages become bytes.
pub(super) enum Writer {
    Avro {
        /// Ours, with plain bytes in place of decimals: the same on the wire, and nothing is counted again.
        schema: Box<Schema>,
        /// What the registry calls it.
        id: OnceLock<SchemaId>,
    },
    Json,
}

/// A schema of ours that this program cannot write.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidSchema {
    /// It is no Avro schema.
    #[error("{0}")]
    NoSchema(String),
    /// A decimal that is not what amounts are written as.
    #[error("a decimal is not decimal(28,12) in bytes, and digits would be lost or moved: {0}")]
    Decimal(String),
}

/// Why a message cannot be written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EncodeError {
    /// The topic's schema has no id yet: the registry was away or refused. The message is as good as before.
    #[error("the schema of the topic {0} is not registered yet")]
    NotRegistered(Topic),
    /// A value that the schema cannot hold.
    #[error("the message cannot be written: {0}")]
    Unwritable(String),
}

impl Writer {
    pub(super) fn avro(schema: &str) -> Result<Self, InvalidSchema> {
        let no_schema = |error: &dyn std::fmt::Display| InvalidSchema::NoSchema(error.to_string());
        let mut json: Value = serde_json::from_str(schema).map_err(|error| no_schema(&error))?;
        decimals_to_bytes(&mut json)?;
        let schema = json.to_string().parse().map_err(|error| no_schema(&error))?;
        Ok(Self::Avro { schema: Box::new(schema), id: OnceLock::new() })
    }

    /// Where the id goes of a schema that is not registered yet.
    pub(super) fn unregistered(&self) -> Option<&OnceLock<SchemaId>> {
        match self {
            Self::Avro { id, .. } if id.get().is_none() => Some(id),
            _ => None,
        }
    }

    pub(super) fn encode<M: Message>(&self, message: &M) -> Result<Bytes, EncodeError> {
        match self {
            Self::Avro { schema, id } => {
                let SchemaId(id) = id.get().ok_or(EncodeError::NotRegistered(M::TOPIC))?;
                let mut value = Vec::with_capacity(USUAL_SIZE);
                value.push(0);
                value.extend(id.to_be_bytes());
                let mut config = SerializerConfig::new(schema);
                let written = serde_avro_fast::to_datum(&ForMachines(message), value, &mut config);
                written.map(Bytes::from).map_err(|error| EncodeError::Unwritable(error.to_string()))
            }
            Self::Json => {
                let written = serde_json::to_vec(message);
                written.map(Bytes::from).map_err(|error| EncodeError::Unwritable(error.to_string()))
            }
        }
    }
}

/// Takes the logical type of decimals away, once it is the one that amounts are written as.
fn decimals_to_bytes(node: &mut Value) -> Result<(), InvalidSchema> {
    match node {
        Value::Array(nodes) => nodes.iter_mut().try_for_each(decimals_to_bytes),
        Value::Object(members) => {
            if members.get("logicalType").is_some_and(|logical| logical == "decimal") {
                let number = |name| members.get(name).and_then(Value::as_u64);
                let in_bytes = members.get("type").is_some_and(|kind| kind == "bytes");
                if !in_bytes || number("precision").zip(number("scale")) != Some(DECIMAL) {
                    return Err(InvalidSchema::Decimal(Value::Object(members.clone()).to_string()));
                }
                *node = Value::from("bytes");
                return Ok(());
            }
            // Not what is no schema: a default, say, may look like one.
            for name in ["type", "fields", "items", "values"] {
                if let Some(inner) = members.get_mut(name) {
                    decimals_to_bytes(inner)?;
                }
            }
            Ok(())
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn every_schema_can_be_written() {
        for topic in Topic::ALL {
            assert!(Writer::avro(topic.schema()).is_ok(), "{topic}");
        }
    }

    #[test]
    fn a_decimal_of_another_scale_is_refused_before_anything_is_written() {
        let schema = |decimal: &str| {
            format!(r#"{{"type":"record","name":"R","fields":[{{"name":"a","type":["null",{decimal}]}}]}}"#)
        };
        assert!(Writer::avro(&schema(r#"{"type":"bytes","logicalType":"decimal","precision":28,"scale":12}"#)).is_ok());
        for decimal in [
            r#"{"type":"bytes","logicalType":"decimal","precision":28,"scale":11}"#,
            r#"{"type":"bytes","logicalType":"decimal","precision":27,"scale":12}"#,
            r#"{"type":"bytes","logicalType":"decimal","precision":28}"#,
            r#"{"type":"fixed","name":"F","size":12,"logicalType":"decimal","precision":28,"scale":12}"#,
            r#"{"type":"array","items":{"type":"bytes","logicalType":"decimal","precision":4,"scale":2}}"#,
            r#"{"type":"map","values":{"type":"bytes","logicalType":"decimal","precision":4,"scale":2}}"#,
        ] {
            assert!(matches!(Writer::avro(&schema(decimal)), Err(InvalidSchema::Decimal(_))), "{decimal}");
        }
        assert!(matches!(Writer::avro("{"), Err(InvalidSchema::NoSchema(_))));
    }
}
