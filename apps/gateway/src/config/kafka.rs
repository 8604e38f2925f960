//! Values about Kafka's topics and their schemas.

use std::fmt;

use secrecy::SecretString;
use velox_messages::{Format, Formats, Topic, TopicNames};

use super::setting::Setting;

impl Setting for TopicNames {
    const JSON_TYPE: &'static str = "string";

    fn read(text: &str) -> Result<Self, String> {
        Self::new(text).map_err(|error| error.to_string())
    }
}

/// Topics that are written in JSON instead of Avro.
#[derive(Clone, Copy, Debug)]
pub struct JsonTopics(Formats);

impl JsonTopics {
    /// How each topic is written.
    #[must_use]
    pub const fn formats(self) -> Formats {
        self.0
    }
}

impl Setting for JsonTopics {
    const JSON_TYPE: &'static str = "array";

    fn read(text: &str) -> Result<Self, String> {
        if text.trim() == "all" {
            return Ok(Self(Formats::all(Format::Json)));
        }
        let topics = topics(text).map_err(|error| format!("{error}, or all"))?;
        let json = topics.into_iter().fold(Formats::default(), |formats, topic| formats.with(topic, Format::Json));
        Ok(Self(json))
    }
}

/// Topics of which the newest record of each key is kept, instead of all for some time.
#[derive(Clone, Debug)]
pub struct CompactedTopics(Vec<Topic>);

impl CompactedTopics {
    /// Whether a topic is one of them.
    #[must_use]
    pub fn has(&self, topic: Topic) -> bool {
        self.0.contains(&topic)
    }
}

impl Setting for CompactedTopics {
    const JSON_TYPE: &'static str = "array";

    fn read(text: &str) -> Result<Self, String> {
        topics(text).map(Self)
    }
}

/// Some topics, separated by commas.
fn topics(text: &str) -> Result<Vec<Topic>, String> {
    let topics = Vec::<String>::read(text)?;
    let topics: Result<_, _> = topics.iter().map(|topic| topic.parse()).collect();
    topics.map_err(|_| {
        let known: Vec<&str> = Topic::ALL.iter().map(|topic| topic.as_str()).collect();
        format!("must be some of {}, separated by commas", known.join(", "))
    })
}

/// Where the Schema Registry is; the password inside is not printed.
#[derive(Clone)]
pub struct RegistryUrl(SecretString);

impl RegistryUrl {
    /// The address.
    #[must_use]
    pub const fn secret(&self) -> &SecretString {
        &self.0
    }
}

impl Setting for Option<RegistryUrl> {
    const JSON_TYPE: &'static str = "string";
    const SECRET: bool = true;

    fn read(text: &str) -> Result<Self, String> {
        match text.split_once("://") {
            None if text.is_empty() => Ok(None),
            Some(("http" | "https", rest)) if !rest.is_empty() => Ok(Some(RegistryUrl(SecretString::from(text)))),
            _ => Err("must be empty or of the form http://user:password@host:8081".to_owned()),
        }
    }
}

impl fmt::Debug for RegistryUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("http://[secret]")
    }
}
