//! Bytes to messages.

use std::io::Read as _;

use serde_avro_fast::Schema;
use serde_avro_fast::de::read::SliceRead;
use serde_avro_fast::de::{DeserializerConfig, DeserializerState};

use crate::message::Message;

/// Elements of one array or map at most: a length is a number that anybody may write.
const MOST_ELEMENTS: usize = 100_000;

/// Why a value gives no message.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// It never will: it belongs to the dead letters, with these words.
    #[error("it cannot be read: {0}")]
    Unreadable(String),
    /// The schema it was written with is not known here, and the registry cannot be asked. It may be readable later.
    #[error("its schema cannot be asked for: {0}")]
    RegistryAway(String),
}

/// Reads one datum, which must end where the value ends.
pub(super) fn avro<M: Message>(datum: &[u8], schema: &Schema) -> Result<M, DecodeError> {
    let mut config = DeserializerConfig::new(schema);
    config.max_seq_size = MOST_ELEMENTS;
    let mut state = DeserializerState::with_config(SliceRead::new(datum), config);
    let message = M::deserialize(state.deserializer()).map_err(|error| DecodeError::Unreadable(error.to_string()))?;
    match state.into_reader().read(&mut [0]) {
        Ok(0) => Ok(message),
        _ => Err(DecodeError::Unreadable("the value goes on where its schema ends".to_owned())),
    }
}

pub(super) fn json<M: Message>(bytes: &[u8]) -> Result<M, DecodeError> {
    serde_json::from_slice(bytes).map_err(|error| DecodeError::Unreadable(error.to_string()))
}
