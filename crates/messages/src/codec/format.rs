//! [`Formats`]: how each topic's values are written.

use std::str::FromStr;

use crate::topic::Topic;

/// How values are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// Avro in Confluent's wire format.
    #[default]
    Avro,
    /// JSON with the schema's fields: decimals are strings, times RFC 3339.
    Json,
}

/// A word that names no format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("is not one of avro, json")]
pub struct UnknownFormat;

impl FromStr for Format {
    type Err = UnknownFormat;

    fn from_str(text: &str) -> Result<Self, UnknownFormat> {
        match text {
            "avro" => Ok(Self::Avro),
            "json" => Ok(Self::Json),
            _ => Err(UnknownFormat),
        }
    }
}

/// How each topic's values are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Formats([Format; Topic::ALL.len()]);

impl Formats {
    /// The same for all topics.
    #[must_use]
    pub const fn all(format: Format) -> Self {
        Self([format; Topic::ALL.len()])
    }

    /// Another one for a topic.
    #[must_use]
    pub fn with(mut self, topic: Topic, format: Format) -> Self {
        if let Some(of_topic) = self.0.get_mut(topic.place()) {
            *of_topic = format;
        }
        self
    }

    /// That of a topic.
    #[must_use]
    pub fn of(&self, topic: Topic) -> Format {
        self.0.get(topic.place()).copied().unwrap_or_default()
    }
}
