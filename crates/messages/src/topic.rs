//! [`Topic`]: which kinds of messages there are, and what they are called at Kafka and at the registry.

use std::fmt;
use std::str::FromStr;

/// The version of the topics' contract. An incompatible change would begin a new one, beside the old.
const VERSION: &str = "v1";

/// A kind of messages, each in a topic of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Topic {
    /// Trades, quotes and candles, by symbol.
    MarketData,
    /// Values of indicators, by symbol.
    Indicators,
    /// What strategies want to be done, by strategy.
    Signals,
    /// Every event of the accounts' logs, by account.
    Orders,
    /// Changed positions and ledgers, by account.
    Positions,
    /// What somebody should hear of, by account or symbol.
    Alerts,
    /// Every event of the strategies' logs, by strategy.
    Strategies,
}

/// A word that names no topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("is not one of market-data, indicators, signals, orders, positions, alerts, strategies")]
pub struct UnknownTopic;

impl Topic {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::MarketData,
        Self::Indicators,
        Self::Signals,
        Self::Orders,
        Self::Positions,
        Self::Alerts,
        Self::Strategies,
    ];

    /// The word between prefix and version.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::MarketData => "market-data",
            Self::Indicators => "indicators",
            Self::Signals => "signals",
            Self::Orders => "orders",
            Self::Positions => "positions",
            Self::Alerts => "alerts",
            Self::Strategies => "strategies",
        }
    }

    /// The Avro schema of its messages, as this release writes them.
    #[must_use]
    pub const fn schema(self) -> &'static str {
        match self {
            Self::MarketData => include_str!("../../../schemas/avro/market-data.avsc"),
            Self::Indicators => include_str!("../../../schemas/avro/indicators.avsc"),
            Self::Signals => include_str!("../../../schemas/avro/signals.avsc"),
            Self::Orders => include_str!("../../../schemas/avro/orders.avsc"),
            Self::Positions => include_str!("../../../schemas/avro/positions.avsc"),
            Self::Alerts => include_str!("../../../schemas/avro/alerts.avsc"),
            Self::Strategies => include_str!("../../../schemas/avro/strategies.avsc"),
        }
    }

    /// Its place in [`Topic::ALL`].
    pub(crate) const fn place(self) -> usize {
        match self {
            Self::MarketData => 0,
            Self::Indicators => 1,
            Self::Signals => 2,
            Self::Orders => 3,
            Self::Positions => 4,
            Self::Alerts => 5,
            Self::Strategies => 6,
        }
    }
}

impl fmt::Display for Topic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Topic {
    type Err = UnknownTopic;

    fn from_str(text: &str) -> Result<Self, UnknownTopic> {
        Self::ALL.into_iter().find(|topic| topic.as_str() == text).ok_or(UnknownTopic)
    }
}

/// A prefix that Kafka would not take in a topic's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be 1 to {} characters of a-z, A-Z, 0-9, '.', '_' and '-'", TopicNames::LONGEST_PREFIX)]
pub struct InvalidPrefix;

/// What topics are called in one installation: `velox.orders.v1` under the prefix `velox`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopicNames {
    prefix: String,
}

impl TopicNames {
    /// The greatest length of a prefix in bytes; Kafka takes names of 249.
    pub const LONGEST_PREFIX: usize = 100;

    /// Names under a prefix.
    ///
    /// # Errors
    /// [`InvalidPrefix`].
    pub fn new(prefix: &str) -> Result<Self, InvalidPrefix> {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
        if prefix.is_empty() || prefix.len() > Self::LONGEST_PREFIX || !prefix.bytes().all(allowed) {
            return Err(InvalidPrefix);
        }
        Ok(Self { prefix: prefix.to_owned() })
    }

    /// The topic's name at Kafka.
    #[must_use]
    pub fn topic(&self, topic: Topic) -> String {
        format!("{}.{topic}.{VERSION}", self.prefix)
    }

    /// The subject of its values at the registry, by the topic-name strategy.
    #[must_use]
    pub fn subject(&self, topic: Topic) -> String {
        format!("{}-value", self.topic(topic))
    }

    /// What the consumer group of a role is called: `velox-risk` under the prefix `velox`.
    #[must_use]
    pub fn group(&self, role: &str) -> String {
        format!("{}-{role}", self.prefix)
    }

    /// Where records of it go that cannot be read.
    #[must_use]
    pub fn dead_letters(&self, topic: Topic) -> String {
        format!("{}.dead-letters", self.topic(topic))
    }
}

impl Default for TopicNames {
    /// Under `velox`.
    fn default() -> Self {
        Self { prefix: "velox".to_owned() }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn names_are_what_the_contract_says() {
        let names = TopicNames::default();
        assert_eq!(names.topic(Topic::MarketData), "velox.market-data.v1");
        assert_eq!(names.subject(Topic::Orders), "velox.orders.v1-value");
        assert_eq!(names.dead_letters(Topic::Alerts), "velox.alerts.v1.dead-letters");
        assert_eq!(TopicNames::new("prod.velox_2").unwrap().topic(Topic::Signals), "prod.velox_2.signals.v1");
        for prefix in ["", "a b", "a/b", "é", &"x".repeat(101)] {
            assert_eq!(TopicNames::new(prefix), Err(InvalidPrefix), "{prefix}");
        }
    }

    #[test]
    fn words_and_places_read_back() {
        for (place, topic) in Topic::ALL.into_iter().enumerate() {
            assert_eq!((topic.as_str().parse(), topic.place()), (Ok(topic), place));
        }
        assert_eq!("order".parse::<Topic>(), Err(UnknownTopic));
    }
}
