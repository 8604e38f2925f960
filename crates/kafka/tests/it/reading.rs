//! What is on a topic, read without a group.

use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::{Headers, Message};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use velox_kernel::{BusRecord, Timestamp};

use crate::{PATIENCE, options};

/// Every record of a topic, each with its partition.
pub async fn everything(topic: &str) -> Vec<(u32, BusRecord)> {
    let topic = topic.to_owned();
    tokio::task::spawn_blocking(move || read(&topic)).await.unwrap()
}

fn read(topic: &str) -> Vec<(u32, BusRecord)> {
    let consumer: BaseConsumer =
        ClientConfig::new().set("bootstrap.servers", options().brokers).set("group.id", "reading").create().unwrap();
    let metadata = consumer.fetch_metadata(Some(topic), PATIENCE).unwrap();
    let mut list = TopicPartitionList::new();
    let mut left = 0;
    for partition in metadata.topics()[0].partitions() {
        let (low, high) = consumer.fetch_watermarks(topic, partition.id(), PATIENCE).unwrap();
        left += high - low;
        list.add_partition_offset(topic, partition.id(), Offset::Beginning).unwrap();
    }
    consumer.assign(&list).unwrap();
    let mut records = Vec::new();
    while left > 0 {
        let message = consumer.poll(PATIENCE).expect("there are more").unwrap();
        left -= 1;
        let headers = message.headers().into_iter().flat_map(|headers| headers.iter()).map(|header| {
            let key: &'static str = match header.key {
                "event_id" => "event_id",
                "name" => "name",
                other => panic!("no header {other} was sent"),
            };
            (key, String::from_utf8(header.value.unwrap().to_vec()).unwrap())
        });
        let at = message.timestamp().to_millis().unwrap() * 1_000;
        records.push((
            u32::try_from(message.partition()).unwrap(),
            BusRecord {
                topic: topic.to_owned(),
                key: String::from_utf8(message.key().unwrap().to_vec()).unwrap(),
                value: message.payload().unwrap().to_vec().into(),
                headers: headers.collect(),
                at: Timestamp::from_micros(at),
            },
        ));
    }
    records
}
