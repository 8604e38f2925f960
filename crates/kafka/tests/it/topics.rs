//! Topics, made and checked.

use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, ResourceSpecifier};
use rdkafka::client::DefaultClientContext;
use velox_kafka::{Cleanup, ClusterLook, KafkaCluster, TopicSpec};

use crate::{PATIENCE, name, options, spec};

#[tokio::test(flavor = "multi_thread")]
async fn topics_are_made_once_and_what_differs_is_said() {
    let cluster = KafkaCluster::new(&options()).unwrap();
    let (one, two) = (name("one"), name("two"));
    let look = cluster.prepare(&[spec(&one, 3)]).await.unwrap();
    assert_eq!((look.made.as_slice(), look.partitions.as_slice()), (&[one.clone()][..], &[3][..]));
    let look = cluster.prepare(&[spec(&one, 3), spec(&two, 5)]).await.unwrap();
    assert_eq!((look.made, look.partitions, look.differing), (vec![two.clone()], vec![3, 5], vec![]));
    let look = cluster.prepare(&[spec(&one, 4), TopicSpec { replication: 2, ..spec(&two, 5) }]).await.unwrap();
    assert_eq!((look.made, look.partitions), (vec![], vec![3, 5]));
    assert_eq!(
        look.differing,
        [format!("{one} has 3 partitions instead of 4"), format!("{two} is kept on 1 brokers instead of 2")]
    );
    let changed = TopicSpec { retention: Some(Duration::from_secs(60)), cleanup: Cleanup::Compact, ..spec(&one, 3) };
    let look = cluster.prepare(&[TopicSpec { min_in_sync: 2, ..changed }]).await.unwrap();
    let settings = ["cleanup.policy=delete instead of compact", "min.insync.replicas=1 instead of 2"];
    let differing: Vec<String> = settings.iter().map(|setting| format!("{one} has {setting}")).collect();
    assert!(differing.iter().all(|said| look.differing.contains(said)), "{look:?}");
    assert!(look.differing.iter().any(|said| said.ends_with("instead of 60000")), "{look:?}");
    let missing = name("missing");
    let look = cluster.look(&[one, two, missing.clone()]).await.unwrap();
    assert_eq!(
        look,
        ClusterLook {
            brokers: look.brokers,
            partitions: 8,
            under_replicated: 0,
            leaderless: 0,
            missing: vec![missing]
        }
    );
    assert!(look.brokers > 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_topic_keeps_what_its_settings_say() {
    let cluster = KafkaCluster::new(&options()).unwrap();
    let (some, all) = (name("some"), name("all"));
    let of_all = TopicSpec { min_in_sync: 2, retention: None, cleanup: Cleanup::Compact, ..spec(&all, 1) };
    cluster.prepare(&[spec(&some, 1), of_all]).await.unwrap();
    assert_eq!(settings(&some).await, ["delete", "3600000", "1"]);
    assert_eq!(settings(&all).await, ["compact", "-1", "2"]);
}

/// What the cluster says of how a topic keeps its records.
async fn settings(topic: &str) -> [String; 3] {
    let admin: AdminClient<DefaultClientContext> =
        ClientConfig::new().set("bootstrap.servers", options().brokers).create().unwrap();
    let asked = AdminOptions::new().request_timeout(Some(PATIENCE));
    let found = admin.describe_configs(&[ResourceSpecifier::Topic(topic)], &asked).await.unwrap().remove(0).unwrap();
    ["cleanup.policy", "retention.ms", "min.insync.replicas"]
        .map(|name| found.get(name).unwrap().value.clone().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn two_who_make_the_same_at_once_both_succeed() {
    let cluster = KafkaCluster::new(&options()).unwrap();
    let topic = name("both");
    let specs = [spec(&topic, 2)];
    let (first, second) = tokio::join!(cluster.prepare(&specs), cluster.prepare(&specs));
    assert_eq!(first.unwrap().partitions, second.unwrap().partitions);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_cluster_cannot_keep_is_refused_and_in_no_others_way() {
    let cluster = KafkaCluster::new(&options()).unwrap();
    let (wide, sound) = (name("wide"), name("sound"));
    let look = cluster.prepare(&[TopicSpec { replication: 31, ..spec(&wide, 1) }, spec(&sound, 2)]).await.unwrap();
    assert!(matches!(&look.refused[..], [(name, _)] if *name == wide), "{look:?}");
    assert_eq!((look.made, look.partitions), (vec![sound], vec![2]));
}
