//! Topics, made and checked.

use std::time::Duration;

use rdkafka::admin::{AdminOptions, NewTopic, TopicReplication};
use rdkafka::error::RDKafkaErrorCode;
use rdkafka::metadata::{Metadata, MetadataTopic};
use tokio::time::Instant;

use crate::KafkaCluster;

/// Between two looks whether a topic that was made is known.
const AGAIN: Duration = Duration::from_millis(50);

/// A topic as it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopicSpec {
    /// Its whole name.
    pub name: String,
    /// Into how many partitions it is cut.
    pub partitions: u32,
    /// On how many brokers each of them is kept; 0 leaves it to the cluster.
    pub replication: u32,
    /// How many of these must have a record before it is acknowledged; 0 leaves it to the cluster.
    pub min_in_sync: u32,
    /// How long a record is kept; `None` for ever.
    pub retention: Option<Duration>,
    /// What becomes of older ones.
    pub cleanup: Cleanup,
}

/// What becomes of old records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cleanup {
    /// They are deleted by age.
    Delete,
    /// The newest of each key is kept.
    Compact,
}

/// What is there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TopicsLook {
    /// Of each topic that was asked for, in their order, how many partitions it has.
    pub partitions: Vec<u32>,
    /// Those that were made now.
    pub made: Vec<String>,
    /// What is there and not as it should be, in words. It is left as it is: whoever set it up may have had a reason.
    pub differing: Vec<String>,
}

/// Why topics are not known to be there.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TopicsError {
    /// The cluster did not answer.
    #[error("Kafka is away: {0}")]
    Away(String),
    /// It refused to make one.
    #[error("Kafka refuses the topic {name}: {reason}")]
    Refused {
        /// Which.
        name: String,
        /// Why.
        reason: String,
    },
}

impl KafkaCluster {
    /// Makes the topics that are not there, waits until all are, and says what is.
    ///
    /// # Errors
    /// [`TopicsError`]; some may have been made.
    pub async fn prepare(&self, specs: &[TopicSpec]) -> Result<TopicsLook, TopicsError> {
        let mut look = TopicsLook::default();
        let metadata = self.metadata().await.map_err(TopicsError::Away)?;
        let missing: Vec<&TopicSpec> = specs.iter().filter(|spec| find(&metadata, &spec.name).is_none()).collect();
        look.made = self.make(&missing).await?;
        let is_new = |spec: &TopicSpec| missing.iter().any(|made| made.name == spec.name);
        let deadline = Instant::now() + self.options.deadline;
        // What was made a moment ago may not be known everywhere yet.
        let metadata = loop {
            let metadata = self.metadata().await.map_err(TopicsError::Away)?;
            let shows =
                |spec: &TopicSpec| find(&metadata, &spec.name).is_some_and(|topic| !is_new(spec) || is_led(topic));
            if specs.iter().all(shows) {
                break metadata;
            }
            if Instant::now() >= deadline {
                return Err(TopicsError::Away("topics that were made do not show".to_owned()));
            }
            tokio::time::sleep(AGAIN).await;
        };
        for spec in specs {
            let Some(topic) = find(&metadata, &spec.name) else { continue };
            let partitions = u32::try_from(topic.partitions().len()).unwrap_or(u32::MAX);
            look.partitions.push(partitions);
            if partitions != spec.partitions {
                let wanted = spec.partitions;
                look.differing.push(format!("{} has {partitions} partitions instead of {wanted}", spec.name));
            }
            let replicas = topic.partitions().iter().map(|partition| partition.replicas().len()).min().unwrap_or(0);
            let replicas = u32::try_from(replicas).unwrap_or(u32::MAX);
            if spec.replication > 0 && replicas != spec.replication {
                let wanted = spec.replication;
                look.differing.push(format!("{} is kept on {replicas} brokers instead of {wanted}", spec.name));
            }
        }
        Ok(look)
    }

    async fn make(&self, specs: &[&TopicSpec]) -> Result<Vec<String>, TopicsError> {
        if specs.is_empty() {
            return Ok(Vec::new());
        }
        let settings: Vec<(String, String)> = specs
            .iter()
            .map(|spec| {
                let retention = spec.retention.map_or("-1".to_owned(), |retention| retention.as_millis().to_string());
                (retention, spec.min_in_sync.to_string())
            })
            .collect();
        let topics: Vec<NewTopic<'_>> = specs
            .iter()
            .zip(&settings)
            .map(|(spec, (retention, in_sync))| {
                let replication = match i32::try_from(spec.replication) {
                    Ok(replication) if replication > 0 => TopicReplication::Fixed(replication),
                    // The cluster's own default (KIP-464).
                    _ => TopicReplication::Fixed(-1),
                };
                let cleanup = match spec.cleanup {
                    Cleanup::Delete => "delete",
                    Cleanup::Compact => "compact",
                };
                let partitions = i32::try_from(spec.partitions).unwrap_or(i32::MAX);
                let mut topic = NewTopic::new(&spec.name, partitions, replication)
                    .set("cleanup.policy", cleanup)
                    .set("retention.ms", retention);
                if spec.min_in_sync > 0 {
                    topic = topic.set("min.insync.replicas", in_sync);
                }
                topic
            })
            .collect();
        let options = AdminOptions::new()
            .request_timeout(Some(self.options.deadline))
            .operation_timeout(Some(self.options.deadline));
        let made = self.admin.create_topics(&topics, &options).await;
        let mut names = Vec::new();
        for result in made.map_err(|error| TopicsError::Away(error.to_string()))? {
            match result {
                Ok(name) => names.push(name),
                // Another process was quicker.
                Err((_, RDKafkaErrorCode::TopicAlreadyExists)) => {}
                Err((name, code)) => return Err(TopicsError::Refused { name, reason: code.to_string() }),
            }
        }
        Ok(names)
    }
}

/// A topic that is there.
fn find<'a>(metadata: &'a Metadata, name: &str) -> Option<&'a MetadataTopic> {
    metadata.topics().iter().find(|topic| topic.name() == name && topic.error().is_none())
}

/// Whether each of its partitions has a leader.
fn is_led(topic: &MetadataTopic) -> bool {
    !topic.partitions().is_empty() && topic.partitions().iter().all(|partition| partition.leader() >= 0)
}
