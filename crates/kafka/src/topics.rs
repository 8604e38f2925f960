//! Topics, made and checked.

use std::time::Duration;

use std::collections::HashMap;

use rdkafka::admin::{AdminOptions, ConfigResource, NewTopic, ResourceSpecifier, TopicReplication};
use rdkafka::error::RDKafkaErrorCode;
use rdkafka::metadata::{Metadata, MetadataTopic};
use tokio::time::Instant;

use crate::KafkaCluster;

/// How long the cluster may take to tell topics' settings, which nobody needs to know at once.
const SETTINGS: Duration = Duration::from_secs(2);
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

impl TopicSpec {
    /// What is said to the cluster about it beside its size; the rest is the cluster's own.
    fn settings(&self) -> Vec<(&'static str, String)> {
        let cleanup = match self.cleanup {
            Cleanup::Delete => "delete",
            Cleanup::Compact => "compact",
        };
        let retention = self.retention.map_or("-1".to_owned(), |retention| retention.as_millis().to_string());
        let in_sync = (self.min_in_sync > 0).then(|| ("min.insync.replicas", self.min_in_sync.to_string()));
        [("cleanup.policy", cleanup.to_owned()), ("retention.ms", retention)].into_iter().chain(in_sync).collect()
    }
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
    /// Of each topic that is there, in the order in which they were asked for, how many partitions it has.
    pub partitions: Vec<u32>,
    /// Those that were made now.
    pub made: Vec<String>,
    /// What is there and not as it should be, in words. It is left as it is: whoever set it up may have had a reason.
    pub differing: Vec<String>,
    /// Those that the cluster does not make, and why. The others are there.
    pub refused: Vec<(String, String)>,
}

/// The cluster does not answer, and nothing is known of the topics.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("Kafka is away: {0}")]
pub struct TopicsAway(pub String);

impl KafkaCluster {
    /// Makes the topics that are not there, waits until all are that are not refused, and says what is.
    ///
    /// # Errors
    /// [`TopicsAway`]; some may have been made.
    pub async fn prepare(&self, specs: &[TopicSpec]) -> Result<TopicsLook, TopicsAway> {
        let mut look = TopicsLook::default();
        let metadata = self.metadata().await.map_err(TopicsAway)?;
        let missing: Vec<&TopicSpec> = specs.iter().filter(|spec| find(&metadata, &spec.name).is_none()).collect();
        (look.made, look.refused) = self.make(&missing).await?;
        let is_refused = |spec: &TopicSpec| look.refused.iter().any(|(name, _)| *name == spec.name);
        let mut specs: Vec<&TopicSpec> = specs.iter().filter(|spec| !is_refused(spec)).collect();
        let is_new = |spec: &TopicSpec| missing.iter().any(|made| made.name == spec.name);
        let deadline = Instant::now() + self.options.deadline;
        // What was made a moment ago may not be known everywhere yet.
        let metadata = loop {
            let metadata = self.metadata().await.map_err(TopicsAway)?;
            let shows =
                |spec: &&TopicSpec| find(&metadata, &spec.name).is_some_and(|topic| !is_new(spec) || is_led(topic));
            if specs.iter().all(shows) {
                break metadata;
            }
            if Instant::now() >= deadline {
                // Such as one that this user may not see.
                let hidden = specs.extract_if(.., |spec| !shows(spec));
                look.refused.extend(hidden.map(|spec| (spec.name.clone(), "it is made and does not show".to_owned())));
                break metadata;
            }
            tokio::time::sleep(AGAIN).await;
        };
        let names: Vec<&str> = specs.iter().map(|spec| spec.name.as_str()).collect();
        let settings = self.settings(&names).await;
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
            let Some(settings) = settings.get(&spec.name) else { continue };
            for (setting, wanted) in spec.settings() {
                if let Some(is) = settings.get(setting).filter(|is| **is != wanted) {
                    look.differing.push(format!("{} has {setting}={is} instead of {wanted}", spec.name));
                }
            }
        }
        Ok(look)
    }

    /// The settings of topics, where the cluster tells them: it may not tell everybody.
    async fn settings(&self, topics: &[&str]) -> HashMap<String, HashMap<String, String>> {
        let asked: Vec<ResourceSpecifier<'_>> = topics.iter().map(|name| ResourceSpecifier::Topic(name)).collect();
        let options = AdminOptions::new().request_timeout(Some(self.options.deadline.min(SETTINGS)));
        let told = match self.admin.describe_configs(&asked, &options).await {
            Ok(told) => told,
            Err(error) => {
                tracing::debug!(%error, "the topics' settings are not told");
                return HashMap::new();
            }
        };
        let of_topic = |(name, told): (&&str, Result<ConfigResource, _>)| {
            let entries = told.ok()?.entries.into_iter();
            Some(((*name).to_owned(), entries.filter_map(|entry| Some((entry.name, entry.value?))).collect()))
        };
        topics.iter().zip(told).filter_map(of_topic).collect()
    }

    /// Makes topics; gives those that were made, and those that are refused with the reason.
    async fn make(&self, specs: &[&TopicSpec]) -> Result<(Vec<String>, Vec<(String, String)>), TopicsAway> {
        if specs.is_empty() {
            return Ok(Default::default());
        }
        let settings: Vec<Vec<(&str, String)>> = specs.iter().map(|spec| spec.settings()).collect();
        let topics: Vec<NewTopic<'_>> = specs
            .iter()
            .zip(&settings)
            .map(|(spec, settings)| {
                let replication = match i32::try_from(spec.replication) {
                    Ok(replication) if replication > 0 => TopicReplication::Fixed(replication),
                    // The cluster's own default (KIP-464).
                    _ => TopicReplication::Fixed(-1),
                };
                let partitions = i32::try_from(spec.partitions).unwrap_or(i32::MAX);
                let topic = NewTopic::new(&spec.name, partitions, replication);
                settings.iter().fold(topic, |topic, (setting, value)| topic.set(setting, value))
            })
            .collect();
        let options = AdminOptions::new()
            .request_timeout(Some(self.options.deadline))
            .operation_timeout(Some(self.options.deadline));
        let made = self.admin.create_topics(&topics, &options).await;
        let (mut names, mut refused) = (Vec::new(), Vec::new());
        for result in made.map_err(|error| TopicsAway(error.to_string()))? {
            match result {
                Ok(name) => names.push(name),
                // Another process was quicker.
                Err((_, RDKafkaErrorCode::TopicAlreadyExists)) => {}
                Err((name, code)) => refused.push((name, code.to_string())),
            }
        }
        Ok((names, refused))
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
