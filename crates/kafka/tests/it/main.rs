//! Kafka itself: records, topics and groups, on the cluster that `VELOX_TEST_KAFKA_BROKERS` names.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod groups;
mod names;
mod reading;
mod records;
mod topics;

use std::time::Duration;

use velox_kafka::{Cleanup, KafkaCluster, KafkaOptions, TopicSpec};
use velox_kernel::Ids;
use velox_testkit::trading::FreshIds;

/// Longer than anything may take.
const PATIENCE: Duration = Duration::from_secs(60);

fn options() -> KafkaOptions {
    let brokers = std::env::var("VELOX_TEST_KAFKA_BROKERS")
        .expect("VELOX_TEST_KAFKA_BROKERS names a Kafka: cargo xtask kafka -- cargo test -p velox-kafka --test it");
    KafkaOptions::new(&brokers)
}

/// A name that no other test has.
fn name(of: &str) -> String {
    format!("{of}-{}", FreshIds.next().simple())
}

fn spec(name: &str, partitions: u32) -> TopicSpec {
    TopicSpec {
        name: name.to_owned(),
        partitions,
        replication: 1,
        min_in_sync: 1,
        retention: Some(Duration::from_secs(3_600)),
        cleanup: Cleanup::Delete,
    }
}

/// Makes a topic of its own, which keeps what it is given: the tests' records are of the past, and a broker that looks for
/// old ones some time after its start would take them away.
async fn topic(partitions: u32) -> String {
    let name = name("topic");
    let cluster = KafkaCluster::new(&options()).unwrap();
    let spec = TopicSpec { retention: None, ..spec(&name, partitions) };
    let look = cluster.prepare(&[spec]).await.unwrap();
    assert_eq!((look.made, look.partitions), (vec![name.clone()], vec![partitions]));
    name
}
