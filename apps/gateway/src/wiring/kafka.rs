//! [`Topics`]: what the configuration offers for publishing what happens.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use metrics::gauge;
use parking_lot::Mutex;
use tokio::sync::watch;
use velox_kafka::{
    Cleanup, ClusterLook, Compression, InstanceName, KafkaCluster, KafkaOptions, KafkaProducer, KafkaSecurity, Sasl,
    SaslMechanism, TopicSpec, TopicsAway, TopicsLook, join_group,
};
use velox_kernel::{Clock, EventBus};
use velox_messages::{Codec, CodecError, SchemaRegistry, Topic, TopicNames};
use velox_schema_registry::{HttpRegistry, InvalidRegistryUrl, RegistryDeadlines};

use super::feeds::TopicMarket;
use crate::bridges::{BusTrouble, KafkaSource, TopicParts, TopicSource, WatchedBus};
use crate::config::{KafkaCompression, KafkaConfig, KafkaSasl};
use crate::dead_letters::DeadLetters;
use crate::http::health::{Health, HealthCheck};
use crate::shards::{Group, JoinGroup};
use crate::shutdown::Shutdown;

/// How long to wait before a cluster that does not answer is asked again.
const AGAIN: Duration = Duration::from_secs(1);
/// How long the cluster may take to say how it is.
const LOOK: Duration = Duration::from_millis(1_500);
/// How often it is asked for the gauges.
const WATCH: Duration = Duration::from_secs(10);

/// Why nothing can be published as it is configured.
#[derive(Debug, thiserror::Error)]
pub enum InvalidKafka {
    /// Avro needs a registry.
    #[error("kafka.registry_url: {0}; name one, or write topics in JSON (kafka.json_topics = all)")]
    Codec(#[from] CodecError),
    /// The registry's address.
    #[error("kafka.registry_url: {0}")]
    Registry(#[from] InvalidRegistryUrl),
    /// Something that the client refuses.
    #[error("kafka: {0}")]
    Client(String),
    /// A name without a way to show it, or the reverse.
    #[error("kafka.sasl: a mechanism and kafka.sasl_user go together")]
    Sasl,
}

/// Makes topics that are missing.
#[async_trait]
trait MakeTopics: Send + Sync {
    /// As [`KafkaCluster::prepare`].
    async fn make(&self, specs: &[TopicSpec]) -> Result<TopicsLook, TopicsAway>;
}

#[async_trait]
impl MakeTopics for KafkaCluster {
    async fn make(&self, specs: &[TopicSpec]) -> Result<TopicsLook, TopicsAway> {
        self.prepare(specs).await
    }
}

/// The topics, and the way to them.
pub(super) struct Topics {
    pub(super) codec: Arc<Codec>,
    options: KafkaOptions,
    cluster: KafkaCluster,
    looked: KafkaCluster,
    maker: Box<dyn MakeTopics>,
    specs: Vec<TopicSpec>,
    /// The topics that are there and can be written.
    ready: watch::Sender<BTreeSet<Topic>>,
    /// Why the others are not.
    unready: Mutex<Option<String>>,
    /// Of each producer.
    troubles: Mutex<Vec<Arc<BusTrouble>>>,
}

impl Topics {
    /// What is configured; `None` without Kafka. Nothing is connected yet.
    ///
    /// # Errors
    /// [`InvalidKafka`].
    pub(super) fn new(config: &KafkaConfig, clock: Arc<dyn Clock>) -> Result<Option<Arc<Self>>, InvalidKafka> {
        if config.brokers.is_empty() {
            return Ok(None);
        }
        let options = kafka_options(config)?;
        let codec = topic_codec(config, clock)?;
        let specs = specs(config, codec.names());
        let looked = KafkaOptions { deadline: LOOK, ..options.clone() };
        let cluster = KafkaCluster::new(&options).map_err(InvalidKafka::Client)?;
        Ok(Some(Arc::new(Self {
            maker: Box::new(cluster.clone()),
            cluster,
            looked: KafkaCluster::new(&looked).map_err(InvalidKafka::Client)?,
            options,
            codec: Arc::new(codec),
            specs,
            ready: watch::Sender::default(),
            unready: Mutex::default(),
            troubles: Mutex::default(),
        })))
    }

    /// Makes the topics that are missing and registers their schemas, and tries until both is done for each. Then it waits
    /// for the end of the process.
    pub(super) async fn prepare(self: Arc<Self>, shutdown: Shutdown) {
        let leaving = shutdown.begun();
        tokio::pin!(leaving);
        let mut unmade = self.specs.clone();
        loop {
            let prepared = tokio::select! {
                () = &mut leaving => return,
                prepared = self.prepare_some(&mut unmade) => prepared,
            };
            let Err(reason) = prepared else { break };
            let said = self.unready.lock().replace(reason.clone());
            if said.as_ref() != Some(&reason) {
                tracing::warn!(
                    reason,
                    "topics cannot be prepared: what is to be published to them waits, and it is tried again"
                );
            }
            tokio::select! {
                () = &mut leaving => return,
                () = tokio::time::sleep(AGAIN) => {}
            }
        }
        if self.unready.lock().take().is_some() {
            tracing::info!("all topics are prepared");
        }
        leaving.await;
    }

    /// Prepares what can be; one topic is in no other's way, and its dead letters are not in its own. Why some are left,
    /// unless none is.
    async fn prepare_some(&self, unmade: &mut Vec<TopicSpec>) -> Result<(), String> {
        let mut reasons = Vec::new();
        if !unmade.is_empty() {
            match self.make_topics(unmade).await {
                Ok(refused) => reasons.extend(refused),
                Err(away) => reasons.push(away.to_string()),
            }
        }
        let registered = self.codec.register(&Topic::ALL).await;
        reasons.extend(registered.err().map(|error| error.to_string()));
        let is_there = |topic: Topic| {
            let name = self.codec.names().topic(topic);
            unmade.iter().all(|spec| spec.name != name)
        };
        let is_ready = |topic: &Topic| is_there(*topic) && self.codec.can_write(*topic);
        self.ready.send_replace(Topic::ALL.into_iter().filter(is_ready).collect());
        if reasons.is_empty() { Ok(()) } else { Err(reasons.join("; ")) }
    }

    /// The market as another processor publishes it.
    pub(super) fn market(&self, dead_letters: DeadLetters, clock: Arc<dyn Clock>) -> TopicMarket {
        let (options, topic) = (self.options.clone(), self.codec.names().topic(Topic::MarketData));
        let of_source = Arc::clone(&clock);
        let open = move || -> Box<dyn TopicSource> {
            Box::new(KafkaSource::new(options.clone(), topic.clone(), Arc::clone(&of_source)))
        };
        let (parts, codec) = (TopicParts::new(Box::new(open)), Arc::clone(&self.codec));
        TopicMarket { parts, codec, dead_letters, clock }
    }

    /// Returns once these topics are there and can be written.
    async fn are_ready(&self, topics: &[Topic]) {
        // The sender lives in `self`; the guard that this gives must not live on.
        let _ = self.ready.subscribe().wait_for(|ready| topics.iter().all(|topic| ready.contains(topic))).await;
    }

    /// Into how many partitions a topic is cut; asked until there is an answer, once the topics are there.
    pub(super) async fn partitions(&self, topic: Topic) -> u32 {
        self.are_ready(&[topic]).await;
        let name = self.codec.names().topic(topic);
        loop {
            match self.cluster.partitions(&name).await {
                Ok(Some(partitions)) => return partitions,
                Ok(None) => tracing::debug!(name, "the topic is not there yet"),
                Err(error) => tracing::debug!(name, %error, "the topic's partitions are asked for again"),
            }
            tokio::time::sleep(AGAIN).await;
        }
    }

    /// How to join a group of those who read a topic.
    pub(super) fn group(&self, role: &str, topic: Topic, instance: &str) -> JoinGroup {
        let (options, names) = (self.options.clone(), self.codec.names());
        let (group, topic) = (names.group(role), names.topic(topic));
        let instance = (!instance.is_empty()).then(|| InstanceName::new(instance));
        Box::new(move || {
            let worker: Box<dyn Group> = Box::new(join_group(&options, &group, &topic, instance.as_ref())?);
            Ok(worker)
        })
    }

    /// Makes those of these topics that are missing; leaves those that the cluster refuses, and says why.
    async fn make_topics(&self, unmade: &mut Vec<TopicSpec>) -> Result<Vec<String>, TopicsAway> {
        let look = self.maker.make(unmade).await?;
        if !look.made.is_empty() {
            tracing::info!(topics = look.made.join(", "), "topics were made");
        }
        for differs in look.differing {
            tracing::warn!(differs, "a topic is not as it is configured; it is left as it is");
        }
        unmade.retain(|spec| look.refused.iter().any(|(name, _)| *name == spec.name));
        let refused =
            look.refused.into_iter().map(|(name, reason)| format!("Kafka refuses the topic {name}: {reason}"));
        Ok(refused.collect())
    }

    /// A producer of its own for whoever publishes: one that breaks takes no other's records along. `name` is what people
    /// call it.
    pub(super) fn producer(&self, name: &'static str) -> Arc<dyn EventBus> {
        let bus = WatchedBus::new(Arc::new(KafkaProducer::new(self.options.clone())), name);
        self.troubles.lock().push(bus.trouble());
        Arc::new(bus)
    }

    /// How the cluster stands with regard to the topics, for people and for the gauges.
    async fn look(&self) -> Result<ClusterLook, String> {
        let names: Vec<String> = self.specs.iter().map(|spec| spec.name.clone()).collect();
        let looked = self.looked.look(&names).await;
        let seen = looked.clone().unwrap_or_default();
        for (name, count) in [
            ("velox_kafka_brokers", seen.brokers),
            ("velox_kafka_partitions", seen.partitions),
            ("velox_kafka_partitions_under_replicated", seen.under_replicated),
            ("velox_kafka_partitions_leaderless", seen.leaderless),
        ] {
            gauge!(name).set(f64::from(u32::try_from(count).unwrap_or(u32::MAX)));
        }
        looked
    }

    /// Keeps the gauges of the cluster until the shutdown begins.
    pub(super) async fn watch(self: Arc<Self>, shutdown: Shutdown) {
        let looking = async {
            loop {
                if let Err(error) = self.look().await {
                    tracing::debug!(%error, "Kafka does not say how it is");
                }
                tokio::time::sleep(WATCH).await;
            }
        };
        tokio::select! {
            () = shutdown.begun() => {}
            () = looking => {}
        }
    }

    /// Does a task once these topics are there and can be written; nothing when the process ends before.
    pub(super) async fn then(
        self: Arc<Self>,
        topics: &'static [Topic],
        task: impl Future<Output = ()>,
        shutdown: Shutdown,
    ) {
        tokio::select! {
            () = shutdown.begun() => return,
            () = self.are_ready(topics) => {}
        }
        task.await;
    }

    /// Which topics are not ready, in words.
    fn unready(&self) -> Option<String> {
        self.unready.lock().as_ref()?;
        let ready = self.ready.borrow();
        let unready: Vec<&str> =
            Topic::ALL.iter().filter(|topic| !ready.contains(topic)).map(|topic| topic.as_str()).collect();
        if unready.is_empty() {
            return Some("dead letters of a topic cannot be kept yet, the log says why".to_owned());
        }
        Some(format!(
            "{} cannot be written yet, the log says why: what is to be published there waits",
            unready.join(", ")
        ))
    }
}

/// How topics are written and read.
///
/// # Errors
/// [`InvalidKafka`].
pub(crate) fn topic_codec(config: &KafkaConfig, clock: Arc<dyn Clock>) -> Result<Codec, InvalidKafka> {
    let registry = schema_registry(config)?;
    Ok(Codec::new(config.topic_prefix.clone(), config.json_topics.formats(), registry, clock)?)
}

/// The registry, if one is configured.
///
/// # Errors
/// [`InvalidKafka`].
pub(crate) fn schema_registry(config: &KafkaConfig) -> Result<Option<Arc<dyn SchemaRegistry>>, InvalidKafka> {
    let Some(url) = &config.registry_url else { return Ok(None) };
    let registry = HttpRegistry::new(url.secret(), RegistryDeadlines::default())?;
    Ok(Some(Arc::new(registry)))
}

/// How to speak to the cluster.
///
/// # Errors
/// [`InvalidKafka`].
pub(crate) fn kafka_options(config: &KafkaConfig) -> Result<KafkaOptions, InvalidKafka> {
    let mechanism = match config.sasl {
        KafkaSasl::None => None,
        KafkaSasl::Plain => Some(SaslMechanism::Plain),
        KafkaSasl::ScramSha256 => Some(SaslMechanism::ScramSha256),
        KafkaSasl::ScramSha512 => Some(SaslMechanism::ScramSha512),
    };
    if mechanism.is_some() == config.sasl_user.is_empty() {
        return Err(InvalidKafka::Sasl);
    }
    let sasl = mechanism.map(|mechanism| Sasl {
        mechanism,
        user: config.sasl_user.clone(),
        password: config.sasl_password.secret().clone(),
    });
    let compression = match config.compression {
        KafkaCompression::None => Compression::None,
        KafkaCompression::Lz4 => Compression::Lz4,
        KafkaCompression::Zstd => Compression::Zstd,
        KafkaCompression::Snappy => Compression::Snappy,
        KafkaCompression::Gzip => Compression::Gzip,
    };
    Ok(KafkaOptions {
        deadline: Duration::from_millis(config.timeout_ms),
        security: KafkaSecurity { tls: config.tls, ca: config.ca_file.clone(), sasl },
        compression,
        linger: Duration::from_millis(config.linger_ms),
        batch_bytes: config.batch_bytes,
        ..KafkaOptions::new(&config.brokers.join(","))
    })
}

/// The topics as they should be: each message's, and where what cannot be read goes.
fn specs(config: &KafkaConfig, names: &TopicNames) -> Vec<TopicSpec> {
    let days = u64::from(config.retention_days);
    let retention = (days > 0).then(|| Duration::from_secs(days * 24 * 60 * 60));
    let spec = |name: String, partitions: u32, cleanup: Cleanup| TopicSpec {
        name,
        partitions,
        replication: config.replication,
        min_in_sync: config.min_in_sync,
        retention,
        cleanup,
    };
    let both = |topic: Topic| {
        let is_compacted = config.compacted_topics.has(topic);
        let cleanup = if is_compacted { Cleanup::Compact } else { Cleanup::Delete };
        // Dead letters are few, and nobody needs them in any order but that in which they came.
        let letters = spec(names.dead_letters(topic), 1, Cleanup::Delete);
        [spec(names.topic(topic), config.partitions, cleanup), letters]
    };
    Topic::ALL.into_iter().flat_map(both).collect()
}

/// How Kafka is. It is only missed: what is to be published waits in the log.
pub(super) struct KafkaHealth(pub(super) Arc<Topics>);

#[async_trait]
impl HealthCheck for KafkaHealth {
    fn name(&self) -> &'static str {
        "kafka"
    }

    fn required(&self) -> bool {
        false
    }

    async fn check(&self) -> Health {
        let troubles = || self.0.troubles.lock().iter().find_map(|trouble| trouble.now());
        match self.0.look().await {
            Err(_) => Health::down("it does not answer; what is to be published waits in the log"),
            Ok(_) if let Some(unready) = self.0.unready() => Health::degraded(unready),
            Ok(look) if !look.missing.is_empty() => {
                Health::degraded(format!("{} topics are not there", look.missing.len()))
            }
            Ok(look) if look.leaderless > 0 => {
                Health::degraded(format!("{} of {} partitions have no leader", look.leaderless, look.partitions))
            }
            Ok(look) if look.under_replicated > 0 => {
                Health::degraded(format!("{} of {} partitions miss a replica", look.under_replicated, look.partitions))
            }
            Ok(_) => troubles().map_or_else(Health::up, Health::degraded),
        }
    }
}

#[cfg(test)]
mod tests;
