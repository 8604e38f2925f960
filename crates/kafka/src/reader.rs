//! [`TopicReader`]: every record of a topic, read without a group: a gateway wants all of them, and keeps no position.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use rskafka::chrono::DateTime;
use rskafka::client::error::{Error, ProtocolError};
use rskafka::client::partition::{OffsetAt, PartitionClient, UnknownTopicHandling};
use rskafka::client::{Client, ClientBuilder, Credentials, SaslConfig};
use rskafka::record::RecordAndOffset;
use rskafka::{BackoffConfig, client};
use secrecy::ExposeSecret;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::timeout;
use velox_kernel::Timestamp;

use crate::record::TopicRecord;
use crate::{KafkaOptions, SaslMechanism};

/// Records that may wait for whoever reads.
const WAITING: usize = 1_024;
/// The most bytes that are asked for at a time, of a partition.
const BYTES: i32 = 1_048_576;
/// How long a broker waits for a record before it answers that there is none.
const WAIT: Duration = Duration::from_millis(500);
/// Between two questions of which the first one had no record.
const IDLE: Duration = Duration::from_millis(10);
/// How long to wait before a partition that could not be read is read again.
const AGAIN: Duration = Duration::from_millis(500);

/// Where reading begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Begin {
    /// With the oldest record that is kept.
    Oldest,
    /// With what comes from now on.
    Now,
    /// With the first record from this time on, by the records' own time, of each partition.
    At(Timestamp),
}

/// Why a topic cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    /// The cluster does not answer.
    #[error("Kafka is away: {0}")]
    Away(String),
    /// There is no such topic.
    #[error("there is no topic {0}")]
    NoTopic(String),
    /// The certificates for TLS.
    #[error("certificates: {0}")]
    Certificates(String),
}

/// Reads every partition of a topic. Records of a partition come in order.
pub struct TopicReader {
    records: mpsc::Receiver<TopicRecord>,
    partitions: u32,
    _tasks: JoinSet<()>,
}

impl TopicReader {
    /// The next record. Dropping the future before it is ready loses none. While a broker is away there are none of its
    /// partitions; afterwards they go on where they were.
    pub async fn next(&mut self) -> Option<TopicRecord> {
        self.records.recv().await
    }

    /// How many partitions the topic has.
    #[must_use]
    pub const fn partitions(&self) -> u32 {
        self.partitions
    }
}

/// Begins to read a topic.
///
/// # Errors
/// [`ReadError`], within the deadline of the options.
pub async fn read_topic(options: &KafkaOptions, topic: &str, begin: Begin) -> Result<TopicReader, ReadError> {
    let client = connect(options)?;
    let opened = timeout(options.deadline, open(client, topic, begin)).await;
    let partitions = opened.map_err(|_| ReadError::Away("it did not answer in time".to_owned()))??;
    let (sender, records) = mpsc::channel(WAITING);
    let mut tasks = JoinSet::new();
    let count = u32::try_from(partitions.len()).unwrap_or(u32::MAX);
    for (client, offset) in partitions {
        let follower = Follower { options: options.clone(), topic: topic.to_owned(), client, offset };
        tasks.spawn(follower.run(sender.clone()));
    }
    Ok(TopicReader { records, partitions: count, _tasks: tasks })
}

/// The client, not connected yet.
fn connect(options: &KafkaOptions) -> Result<ClientBuilder, ReadError> {
    let brokers = options.brokers.split(',').map(|broker| broker.trim().to_owned()).collect();
    let backoff = BackoffConfig { max_backoff: AGAIN, deadline: Some(options.deadline), ..BackoffConfig::default() };
    let mut builder = ClientBuilder::new(brokers).client_id(options.client.as_str()).backoff_config(backoff);
    if options.security.tls {
        builder = builder.tls_config(certificates(options)?);
    }
    if let Some(sasl) = &options.security.sasl {
        let credentials = Credentials::new(sasl.user.clone(), sasl.password.expose_secret().to_owned());
        builder = builder.sasl_config(match sasl.mechanism {
            SaslMechanism::Plain => SaslConfig::Plain(credentials),
            SaslMechanism::ScramSha256 => SaslConfig::ScramSha256(credentials),
            SaslMechanism::ScramSha512 => SaslConfig::ScramSha512(credentials),
        });
    }
    Ok(builder)
}

fn certificates(options: &KafkaOptions) -> Result<Arc<rustls::ClientConfig>, ReadError> {
    let wrong = |error: &dyn std::fmt::Display| ReadError::Certificates(error.to_string());
    let mut roots = rustls::RootCertStore::empty();
    match &options.security.ca {
        Some(path) => {
            use rustls::pki_types::CertificateDer;
            use rustls::pki_types::pem::PemObject;
            let certificates = CertificateDer::pem_file_iter(path).map_err(|error| wrong(&error))?;
            for certificate in certificates {
                let certificate = certificate.map_err(|error| wrong(&error))?;
                roots.add(certificate).map_err(|error| wrong(&error))?;
            }
        }
        None => {
            let found = rustls_native_certs::load_native_certs();
            roots.add_parsable_certificates(found.certs);
        }
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| wrong(&error))?;
    Ok(Arc::new(config.with_root_certificates(roots).with_no_client_auth()))
}

/// Opens every partition, each where it begins.
async fn open(builder: ClientBuilder, topic: &str, begin: Begin) -> Result<Vec<(PartitionClient, i64)>, ReadError> {
    let away = |error: client::error::Error| ReadError::Away(error.to_string());
    let client: Client = builder.build().await.map_err(away)?;
    let topics = client.list_topics().await.map_err(away)?;
    let found = topics.into_iter().find(|found| found.name == topic);
    let numbers: BTreeSet<i32> = found.map(|found| found.partitions.into_iter().collect()).unwrap_or_default();
    if numbers.is_empty() {
        return Err(ReadError::NoTopic(topic.to_owned()));
    }
    let mut partitions = Vec::with_capacity(numbers.len());
    for number in numbers {
        let partition = client.partition_client(topic, number, UnknownTopicHandling::Retry).await.map_err(away)?;
        let offset = begin_of(&partition, begin).await.map_err(away)?;
        partitions.push((partition, offset));
    }
    Ok(partitions)
}

/// The offset at which a partition begins.
async fn begin_of(partition: &PartitionClient, begin: Begin) -> Result<i64, Error> {
    if begin == Begin::Oldest {
        return partition.get_offset(OffsetAt::Earliest).await;
    }
    // Asked first: what comes meanwhile is read.
    let next = partition.get_offset(OffsetAt::Latest).await?;
    let Begin::At(from) = begin else { return Ok(next) };
    let Some(from) = DateTime::from_timestamp_micros(from.micros()) else { return Ok(next) };
    let found = partition.get_offset(OffsetAt::Timestamp(from)).await?;
    // There is no such record (ListOffsets answers -1).
    Ok(if found < 0 { next } else { found.min(next) })
}

/// Reads a partition.
struct Follower {
    options: KafkaOptions,
    topic: String,
    client: PartitionClient,
    /// The next record.
    offset: i64,
}

/// Why a partition has no records now.
#[derive(Debug, thiserror::Error)]
enum FollowError {
    #[error("no answer came in time")]
    Silent,
    #[error(transparent)]
    Client(#[from] Error),
}

impl Follower {
    /// Reads on and on, until nobody listens.
    async fn run(mut self, records: mpsc::Sender<TopicRecord>) {
        let number = u32::try_from(self.client.partition()).unwrap_or_default();
        while !records.is_closed() {
            match self.fetch().await {
                Ok(batch) => {
                    if batch.is_empty() {
                        // What a transaction leaves at the end is no record, and comes without a wait.
                        tokio::time::sleep(IDLE).await;
                    }
                    for found in batch {
                        self.offset = found.offset + 1;
                        if records.send(record(number, found)).await.is_err() {
                            return;
                        }
                    }
                }
                Err(error) => {
                    tracing::debug!(%error, partition = number, "a partition is read again in a while");
                    if let Err(error) = self.mend(error).await {
                        tracing::debug!(%error, partition = number, "it is not to be read yet");
                    }
                    tokio::time::sleep(AGAIN).await;
                }
            }
        }
    }

    /// The next records, if any have come.
    async fn fetch(&self) -> Result<Vec<RecordAndOffset>, FollowError> {
        let wait_ms = i32::try_from(WAIT.as_millis()).unwrap_or(i32::MAX);
        let (batch, _) =
            in_time(WAIT + self.options.deadline, self.client.fetch_records(self.offset, 1..BYTES, wait_ms)).await?;
        Ok(batch)
    }

    /// Does what helps against a failure, if anything but time does.
    async fn mend(&mut self, error: FollowError) -> Result<(), FollowError> {
        match error {
            // The client waits for its answer for ever, and for all that it is asked on the same connection.
            FollowError::Silent => {
                let Ok(builder) = connect(&self.options) else { return Err(error) };
                let partition = self.client.partition();
                self.client = in_time(self.options.deadline, async {
                    builder.build().await?.partition_client(&self.topic, partition, UnknownTopicHandling::Retry).await
                })
                .await?;
            }
            FollowError::Client(error) if is_gone(&error) => {
                let oldest = in_time(self.options.deadline, self.client.get_offset(OffsetAt::Earliest)).await?;
                let (partition, offset) = (self.client.partition(), self.offset);
                tracing::warn!(partition, offset, oldest, "records were deleted before they were read");
                self.offset = oldest;
            }
            FollowError::Client(_) => {}
        }
        Ok(())
    }
}

/// What the client says, unless it is silent for so long.
async fn in_time<T>(bound: Duration, asked: impl Future<Output = Result<T, Error>>) -> Result<T, FollowError> {
    Ok(timeout(bound, asked).await.map_err(|_| FollowError::Silent)??)
}

/// Whether what is asked for is not kept any more.
const fn is_gone(error: &Error) -> bool {
    matches!(error, Error::ServerError { protocol_error: ProtocolError::OffsetOutOfRange, .. })
}

fn record(partition: u32, found: RecordAndOffset) -> TopicRecord {
    let RecordAndOffset { record, offset } = found;
    let headers = record.headers.into_iter().filter_map(|(name, value)| Some((name, String::from_utf8(value).ok()?)));
    TopicRecord {
        partition,
        offset: u64::try_from(offset).unwrap_or_default(),
        at: Timestamp::from_micros(record.timestamp.timestamp_micros()),
        key: record.key,
        value: record.value.unwrap_or_default(),
        headers: headers.collect(),
    }
}
