//! Records to topics.

use std::time::Duration;

use tokio::time::Instant;
use velox_kafka::{Compression, KafkaCluster, KafkaOptions, KafkaProducer, partition_of};
use velox_kernel::{BusRecord, EventBus, PublishError, Timestamp};
use velox_testkit::topics::event_bus_contract;

use crate::reading::everything;
use crate::{name, options, topic};

fn record(topic: &str, key: &str, value: Vec<u8>) -> BusRecord {
    BusRecord {
        topic: topic.to_owned(),
        key: key.to_owned(),
        value: value.into(),
        headers: vec![],
        at: Timestamp::from_seconds(1_767_614_400),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn keeps_the_contract_of_buses() {
    let producer = KafkaProducer::new(KafkaOptions { deadline: Duration::from_secs(5), ..options() });
    event_bus_contract(&producer, &topic(12).await, &name("unknown"), async |topic| {
        everything(topic).await.into_iter().map(|(_, record)| record).collect()
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_go_where_javas_clients_put_them_however_batches_are_compressed() {
    for compression in [Compression::None, Compression::Lz4, Compression::Zstd, Compression::Snappy, Compression::Gzip]
    {
        let producer = KafkaProducer::new(KafkaOptions { compression, ..options() });
        let topic = topic(12).await;
        let records = (0..200).map(|number| record(&topic, &format!("key-{number}"), vec![b'x'; 100]));
        producer.publish(&records.collect::<Vec<_>>()).await.unwrap();
        let found = everything(&topic).await;
        assert_eq!(found.len(), 200);
        for (partition, record) in found {
            assert_eq!(partition, partition_of(record.key.as_bytes(), 12), "{compression:?} {}", record.key);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_too_large_is_refused_and_nothing_comes_after_it() {
    let producer = KafkaProducer::new(options());
    let topic = topic(1).await;
    let batch = vec![
        record(&topic, "key", b"first".to_vec()),
        record(&topic, "key", vec![0; 4_000_000]),
        record(&topic, "key", b"third".to_vec()),
    ];
    let refused = producer.publish(&batch).await;
    assert!(matches!(&refused, Err(PublishError::TooLarge { topic: of, .. }) if *of == topic), "{refused:?}");
    let values: Vec<_> = everything(&topic).await.into_iter().map(|(_, record)| record.value).collect();
    assert_eq!(values, [b"first".as_slice()]);
    producer.publish(&[record(&topic, "key", b"fourth".to_vec())]).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_that_is_not_there_is_given_up_in_time() {
    let deadline = Duration::from_secs(1);
    // Nobody listens at a port of this machine that was free a moment ago.
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let away = KafkaOptions { deadline, ..KafkaOptions::new(&format!("127.0.0.1:{port}")) };
    let producer = KafkaProducer::new(away.clone());
    let began = Instant::now();
    for _ in 0..2 {
        let published = producer.publish(&[record("any", "key", vec![])]).await;
        assert!(matches!(published, Err(PublishError::Away(_))), "{published:?}");
    }
    let cluster = KafkaCluster::new(&away).unwrap();
    cluster.look(&["any".to_owned()]).await.unwrap_err();
    assert!(began.elapsed() < deadline * 6, "{:?}", began.elapsed());
}
