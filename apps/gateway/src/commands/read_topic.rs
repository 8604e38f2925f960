//! `velox topic`: prints what is on a topic, message by message.

use std::io::{self, Write};
use std::sync::Arc;

use clap::{Args, ValueEnum};
use serde::Serialize;
use serde_json::Value;
use velox_crypto::SystemClock;
use velox_kafka::{Begin, ReadError, TopicRecord, read_topic as open};
use velox_messages::{
    Alert, Codec, DecodeError, IndicatorValue, MarketData, Message, OrderEvent, PositionEvent, Signal, StrategyEvent,
    Topic,
};

use crate::config::Config;
use crate::wiring::{InvalidKafka, kafka_options, topic_codec};

/// Arguments of `velox topic`.
#[derive(Args, Clone, Debug)]
pub struct TopicArgs {
    /// Which: market-data, indicators, signals, orders, positions, alerts or strategies
    pub topic: Topic,
    /// Where to begin
    #[arg(long, value_enum, default_value_t = From::Now)]
    pub from: From,
    /// How many messages to print; without it, until it is stopped
    #[arg(long, value_name = "COUNT")]
    pub count: Option<u64>,
}

/// Where to begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum From {
    /// With the oldest message that is kept
    Oldest,
    /// With what comes from now on
    Now,
}

/// Why a topic cannot be printed.
#[derive(Debug, thiserror::Error)]
pub enum ReadTopicError {
    /// Kafka is not configured.
    #[error("kafka.brokers names no broker")]
    NoKafka,
    /// What is configured makes no sense.
    #[error(transparent)]
    Invalid(#[from] InvalidKafka),
    /// The topic cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The registry does not answer.
    #[error(transparent)]
    Decode(#[from] DecodeError),
    /// The output.
    #[error("the output: {0}")]
    Output(#[from] io::Error),
}

/// A record as it is printed.
#[derive(Serialize)]
struct Line<'a> {
    partition: u32,
    offset: u64,
    key: Option<std::borrow::Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<Value>,
    /// Why there is no message.
    #[serde(skip_serializing_if = "Option::is_none")]
    unreadable: Option<String>,
}

/// Prints records of a topic, one JSON object a line. What cannot be read is printed with the reason.
///
/// # Errors
/// [`ReadTopicError`].
pub async fn read_topic(config: &Config, arguments: &TopicArgs, out: &mut impl Write) -> Result<(), ReadTopicError> {
    if config.kafka.brokers.is_empty() {
        return Err(ReadTopicError::NoKafka);
    }
    let codec = topic_codec(&config.kafka, Arc::new(SystemClock))?;
    let begin = match arguments.from {
        From::Oldest => Begin::Oldest,
        From::Now => Begin::Now,
    };
    let topic = codec.names().topic(arguments.topic);
    let mut reader = open(&kafka_options(&config.kafka)?, &topic, begin).await?;
    let mut left = arguments.count.unwrap_or(u64::MAX);
    while left > 0
        && let Some(record) = reader.next().await
    {
        let decoded = match arguments.topic {
            Topic::MarketData => decode::<MarketData>(&codec, &record).await,
            Topic::Indicators => decode::<IndicatorValue>(&codec, &record).await,
            Topic::Signals => decode::<Signal>(&codec, &record).await,
            Topic::Orders => decode::<OrderEvent>(&codec, &record).await,
            Topic::Positions => decode::<PositionEvent>(&codec, &record).await,
            Topic::Alerts => decode::<Alert>(&codec, &record).await,
            Topic::Strategies => decode::<StrategyEvent>(&codec, &record).await,
        };
        let (message, unreadable) = match decoded {
            Ok(message) => (Some(message), None),
            Err(DecodeError::Unreadable(reason)) => (None, Some(reason)),
            Err(away) => return Err(away.into()),
        };
        let key = record.key.as_deref().map(String::from_utf8_lossy);
        let line = Line { partition: record.partition, offset: record.offset, key, message, unreadable };
        serde_json::to_writer(&mut *out, &line).map_err(io::Error::from)?;
        writeln!(out)?;
        out.flush()?;
        left -= 1;
    }
    Ok(())
}

async fn decode<M: Message>(codec: &Codec, record: &TopicRecord) -> Result<Value, DecodeError> {
    let message: M = codec.decode(&record.value).await?;
    serde_json::to_value(message).map_err(|error| DecodeError::Unreadable(error.to_string()))
}
