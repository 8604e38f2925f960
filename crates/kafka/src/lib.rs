//! Kafka behind the ports: records to topics, and workers that share a topic's partitions.
//!
//! What is here only carries: it knows no message's meaning, and nothing that a client waits for may wait for it.
//! `librdkafka` does the work ([ADR 8](https://github.com/velox-trading/velox/blob/main/docs/adr/0008-kafka.md)).

mod client;
mod cluster;
mod group;
mod options;
mod partition;
mod producer;
mod reader;
mod record;
mod topics;

pub use cluster::{ClusterLook, KafkaCluster};
pub use group::{GroupNews, GroupWorker, InstanceName, Placed, join_group};
pub use options::{Compression, KafkaOptions, KafkaSecurity, Sasl, SaslMechanism};
pub use partition::partition_of;
pub use producer::KafkaProducer;
pub use reader::{Begin, ReadError, TopicReader, read_topic};
pub use record::TopicRecord;
pub use topics::{Cleanup, TopicSpec, TopicsAway, TopicsLook};
