//! Topics, made and checked.

use std::time::Duration;

use std::collections::HashMap;

use rdkafka::admin::{AdminOptions, ConfigResource, NewTopic, ResourceSpecifier, TopicReplication};
use rdkafka::error::RDKafkaErrorCode;
use rdkafka::metadata::{Metadata, MetadataPartition};
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
        let known = self.known().await?;
        let missing: Vec<&TopicSpec> = specs.iter().filter(|spec| !known.contains_key(&spec.name)).collect();
        (look.made, look.refused) = self.make(&missing).await?;
        let is_refused = |spec: &TopicSpec| look.refused.iter().any(|(name, _)| *name == spec.name);
        let mut specs: Vec<&TopicSpec> = specs.iter().filter(|spec| !is_refused(spec)).collect();
        let wanted: Vec<(&str, bool)> =
            specs.iter().map(|spec| (spec.name.as_str(), missing.iter().any(|made| made.name == spec.name))).collect();
        let deadline = Instant::now() + self.options.deadline;
        let (known, hidden) = until_shown(&wanted, deadline, || self.known()).await?;
        specs.retain(|spec| !hidden.contains(&spec.name));
        look.refused.extend(hidden.into_iter().map(|name| (name, "it is made and does not show".to_owned())));
        let names: Vec<&str> = specs.iter().map(|spec| spec.name.as_str()).collect();
        let settings = self.settings(&names).await;
        for spec in specs {
            let Some(topic) = known.get(&spec.name) else { continue };
            let partitions = u32::try_from(topic.len()).unwrap_or(u32::MAX);
            look.partitions.push(partitions);
            if partitions != spec.partitions {
                let wanted = spec.partitions;
                look.differing.push(format!("{} has {partitions} partitions instead of {wanted}", spec.name));
            }
            let replicas = topic.iter().map(|partition| partition.replicas).min().unwrap_or(0);
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

    async fn known(&self) -> Result<Known, TopicsAway> {
        self.metadata().await.map(|metadata| known(&metadata)).map_err(TopicsAway)
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

/// A partition of a topic that is there.
#[derive(Clone, Copy, Debug)]
struct Partition {
    is_led: bool,
    replicas: usize,
}

/// The topics that are there.
type Known = HashMap<String, Vec<Partition>>;

fn known(metadata: &Metadata) -> Known {
    let partition = |partition: &MetadataPartition| Partition {
        is_led: partition.leader() >= 0,
        replicas: partition.replicas().len(),
    };
    let topics = metadata.topics().iter().filter(|topic| topic.error().is_none());
    topics.map(|topic| (topic.name().to_owned(), topic.partitions().iter().map(partition).collect())).collect()
}

/// Asks until all of these topics show, and those that are new have leaders: what was made a moment ago may not be known
/// everywhere yet. What is known then, and those that do not show by the deadline, such as one that this user may not see.
async fn until_shown<F: Future<Output = Result<Known, TopicsAway>>>(
    wanted: &[(&str, bool)],
    deadline: Instant,
    ask: impl Fn() -> F,
) -> Result<(Known, Vec<String>), TopicsAway> {
    loop {
        let known = ask().await?;
        let is_led = |topic: &[Partition]| !topic.is_empty() && topic.iter().all(|partition| partition.is_led);
        let shows = |name: &str, is_new: bool| known.get(name).is_some_and(|topic| !is_new || is_led(topic));
        let hidden = wanted.iter().filter(|(name, is_new)| !shows(name, *is_new));
        let hidden: Vec<String> = hidden.map(|(name, _)| (*name).to_owned()).collect();
        if hidden.is_empty() || Instant::now() >= deadline {
            return Ok((known, hidden));
        }
        tokio::time::sleep(AGAIN).await;
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use std::cell::Cell;

    use super::*;

    const DEADLINE: Duration = Duration::from_secs(5);

    /// Asks a cluster that answers the first time with the first of these, and so on; the last stays.
    async fn shown(wanted: &[(&str, bool)], answers: &[&[(&str, bool)]]) -> (Vec<String>, Duration) {
        let (begun, asked) = (Instant::now(), Cell::new(0));
        let ask = async || {
            let answer = answers[asked.get().min(answers.len() - 1)];
            asked.set(asked.get() + 1);
            let topic = |(name, is_led): &(&str, bool)| {
                (
                    (*name).to_owned(),
                    vec![Partition { is_led: true, replicas: 1 }, Partition { is_led: *is_led, replicas: 1 }],
                )
            };
            Ok(answer.iter().map(topic).collect())
        };
        let (_, hidden) = until_shown(wanted, begun + DEADLINE, ask).await.unwrap();
        (hidden, begun.elapsed())
    }

    #[tokio::test(start_paused = true)]
    async fn a_topic_that_is_made_and_does_not_show_is_left_after_a_while_and_the_others_are_there() {
        let all: &[(&str, bool)] = &[("old", false), ("new", true)];
        let wanted = [("old", false), ("new", true)];
        assert_eq!(shown(&wanted, &[all]).await, (vec![], Duration::ZERO), "an old one may have lost its leaders");
        let slow: &[&[(&str, bool)]] = &[&[("old", true)], &[("old", true), ("new", false)], all];
        assert_eq!(shown(&wanted, slow).await, (vec![], AGAIN * 2));
        assert_eq!(shown(&wanted, &[&[("old", true)]]).await, (vec!["new".to_owned()], DEADLINE));
        let leaderless: &[(&str, bool)] = &[("old", true), ("new", false)];
        assert_eq!(shown(&wanted, &[leaderless]).await, (vec!["new".to_owned()], DEADLINE));
    }
}
