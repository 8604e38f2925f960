//! Kafka and the schema registry, where they are configured: whether they answer, and how the topics are.

use std::sync::Arc;
use std::time::Duration;

use velox_crypto::SystemClock;
use velox_kafka::{ClusterLook, KafkaCluster, KafkaOptions};
use velox_messages::{RegistryError, SchemaId, Topic, TopicNames};

use super::finding::Finding;
use crate::config::{Config, KafkaConfig};
use crate::wiring::{InvalidKafka, kafka_options, schema_registry, topic_codec};

const CHECK: &str = "kafka";
const REGISTRY: &str = "registry";
/// How long the cluster may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// Asks both.
pub(super) async fn check(config: &Config) -> Vec<Finding> {
    let config = &config.kafka;
    if config.brokers.is_empty() {
        return Vec::new();
    }
    vec![cluster(config).await, registry(config).await]
}

async fn cluster(config: &KafkaConfig) -> Finding {
    let cluster = kafka_options(config).and_then(|options| {
        let options = KafkaOptions { deadline: PATIENCE, ..options };
        KafkaCluster::new(&options).map_err(InvalidKafka::Client)
    });
    let cluster = match cluster {
        Ok(cluster) => cluster,
        Err(error) => return Finding::fail(CHECK, error.to_string(), "mend the key that it names (docs/config.md)"),
    };
    match cluster.look(&names(&config.topic_prefix)).await {
        Ok(look) => say(&look),
        Err(reason) => Finding::warn(
            CHECK,
            format!("it does not answer ({reason}); what is to be published waits in the log"),
            "start Kafka, and check kafka.brokers, kafka.tls and kafka.sasl",
        ),
    }
}

fn names(names: &TopicNames) -> Vec<String> {
    Topic::ALL.into_iter().flat_map(|topic| [names.topic(topic), names.dead_letters(topic)]).collect()
}

fn say(look: &ClusterLook) -> Finding {
    let ClusterLook { brokers, partitions, under_replicated, leaderless, .. } = look;
    if *leaderless > 0 || *under_replicated > 0 {
        return Finding::warn(
            CHECK,
            format!(
                "{brokers} brokers; of {partitions} partitions {leaderless} have no leader, {under_replicated} miss a replica"
            ),
            "start the brokers that are missing",
        );
    }
    if look.missing.is_empty() {
        return Finding::ok(CHECK, format!("{brokers} brokers, {partitions} partitions"));
    }
    let missing = look.missing.len();
    Finding::ok(CHECK, format!("{brokers} brokers; {missing} topics are not there yet: the server makes them"))
}

async fn registry(config: &KafkaConfig) -> Finding {
    let registry = topic_codec(config, Arc::new(SystemClock)).and_then(|_| schema_registry(config));
    let registry = match registry {
        Ok(Some(registry)) => registry,
        Ok(None) => return Finding::ok(REGISTRY, "none is needed: every topic is JSON"),
        Err(error) => {
            return Finding::fail(REGISTRY, error.to_string(), "mend kafka.registry_url or kafka.json_topics");
        }
    };
    // It knows the schema or does not: it answers.
    match registry.schema(SchemaId(1)).await {
        Ok(_) | Err(RegistryError::Unknown | RegistryError::Unusable(_)) => Finding::ok(REGISTRY, "it answers"),
        Err(error) => Finding::warn(
            REGISTRY,
            format!("{error}; topics in Avro wait for it"),
            "start the registry, and check kafka.registry_url (Apicurio's ends in /apis/ccompat/v7)",
        ),
    }
}
