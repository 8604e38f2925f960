//! Workers that share a topic.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use parking_lot::Mutex;
use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::topic_partition_list::TopicPartitionList;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use velox_kafka::{GroupNews, GroupWorker, InstanceName, KafkaProducer, join_group};
use velox_kernel::{BusRecord, EventBus, Timestamp};

use crate::{PATIENCE, name, options, topic};

/// What the store of a group would know.
#[derive(Default)]
struct Store {
    /// Of each partition, how far it was worked off.
    positions: BTreeMap<u32, u64>,
    /// Whose each partition is.
    owners: BTreeMap<u32, u32>,
    seen: Vec<(u32, u64)>,
    /// Of each partition, how much was said to wait.
    lag: BTreeMap<u32, u64>,
    trouble: Vec<String>,
}

/// Works until it is dropped, and keeps its positions in the store.
fn worker(group: &str, topic: &str, number: u32, store: &Arc<Mutex<Store>>) -> JoinHandle<()> {
    let mut member =
        join_group(&options(), group, topic, Some(&InstanceName::new(format!("{group}-{number}")))).unwrap();
    let store = Arc::clone(store);
    tokio::spawn(async move {
        while let Some(news) = member.next().await {
            let mut kept = store.lock();
            match news {
                GroupNews::Assigned { partitions, place } => {
                    // Whoever had one, and was not heard of for too long, is fenced off by it.
                    let placed = partitions.iter().map(|partition| {
                        kept.owners.insert(*partition, number);
                        (*partition, Some(kept.positions.get(partition).copied().unwrap_or_default()))
                    });
                    let placed = placed.collect();
                    place.send(placed).unwrap();
                }
                GroupNews::Revoked { partitions, finished, .. } => {
                    kept.owners.retain(|partition, owner| *owner != number || !partitions.contains(partition));
                    finished.send(()).unwrap();
                }
                GroupNews::Record(record) => {
                    if kept.owners.get(&record.partition) != Some(&number) {
                        continue;
                    }
                    assert_eq!(kept.positions.get(&record.partition).copied().unwrap_or_default(), record.offset);
                    kept.positions.insert(record.partition, record.offset + 1);
                    kept.seen.push((record.partition, record.offset));
                    member.note(record.partition, record.offset);
                }
                GroupNews::Lag(lag) => kept.lag.extend(lag),
                // It is tried again: what counts is that everything comes.
                GroupNews::Trouble(trouble) => kept.trouble.push(format!("{number}: {trouble}")),
            }
        }
    })
}

async fn until(what: &str, store: &Mutex<Store>, reached: impl Fn(&Store) -> bool) {
    let waiting = async {
        while !reached(&store.lock()) {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    };
    if timeout(PATIENCE, waiting).await.is_err() {
        let kept = store.lock();
        panic!(
            "{what} did not come: {} seen, positions {:?}, owners {:?}, lag {:?}, trouble {:?}",
            kept.seen.len(),
            kept.positions,
            kept.owners,
            kept.lag,
            kept.trouble
        );
    }
}

async fn publish(topic: &str, from: u64) {
    let records = (from..from + 600).map(|number| BusRecord {
        topic: topic.to_owned(),
        key: number.to_string(),
        value: b"content".to_vec().into(),
        headers: vec![],
        at: Timestamp::from_seconds(1_767_614_400),
    });
    KafkaProducer::new(options()).publish(&records.collect::<Vec<_>>()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn workers_share_partitions_and_go_on_where_the_store_says() {
    let (topic, group) = (topic(6).await, name("group"));
    publish(&topic, 0).await;
    let store = Arc::<Mutex<Store>>::default();
    let _one = worker(&group, &topic, 1, &store);
    until("everything to one", &store, |store| store.seen.len() == 600).await;
    let two = worker(&group, &topic, 2, &store);
    until("half to each", &store, |store| {
        let owners = &store.owners;
        owners.len() == 6 && owners.values().filter(|owner| **owner == 2).count() == 3
    })
    .await;
    publish(&topic, 600).await;
    until("everything to both", &store, |store| store.seen.len() == 1_200).await;
    // Effects happened once, in the order of each partition.
    let distinct: BTreeSet<(u32, u64)> = store.lock().seen.iter().copied().collect();
    assert_eq!(distinct.len(), 1_200);
    until("nothing to wait", &store, |store| {
        let lag = &store.lag;
        lag.len() == 6 && lag.values().all(|behind| *behind == 0)
    })
    .await;
    let positions = store.lock().positions.clone();
    until_committed(&group, &topic, &positions).await;
    // Whoever is gone for good is missed after its session.
    two.abort();
    assert!(two.await.unwrap_err().is_cancelled());
    store.lock().owners.retain(|_, owner| *owner == 1);
    publish(&topic, 1_200).await;
    until("everything to the other", &store, |store| store.seen.len() == 1_800).await;
    assert!(store.lock().owners.values().all(|owner| *owner == 1));
}

/// Somebody may have worked everything off and died before the group was told.
#[tokio::test(flavor = "multi_thread")]
async fn whoever_begins_where_nothing_follows_is_not_behind() {
    let topic = topic(6).await;
    publish(&topic, 0).await;
    let store = Arc::<Mutex<Store>>::default();
    let before = worker(&name("group"), &topic, 1, &store);
    until("everything", &store, |store| store.seen.len() == 600).await;
    before.abort();
    assert!(before.await.unwrap_err().is_cancelled());
    store.lock().lag.clear();
    let positions = store.lock().positions.clone();
    let group = name("group");
    let _after = worker(&group, &topic, 2, &store);
    until("nothing to wait", &store, |store| {
        let lag = &store.lag;
        lag.len() == 6 && lag.values().all(|behind| *behind == 0)
    })
    .await;
    until_committed(&group, &topic, &positions).await;
    assert_eq!(store.lock().seen.len(), 600);
}

/// Returns once the usual tools see that the group is there.
async fn until_committed(group: &str, topic: &str, positions: &BTreeMap<u32, u64>) {
    let committed = async {
        while committed(group, topic).await != *positions {
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        }
    };
    timeout(PATIENCE, committed).await.unwrap();
}

/// What the group has noted.
async fn committed(group: &str, topic: &str) -> BTreeMap<u32, u64> {
    let (group, topic) = (group.to_owned(), topic.to_owned());
    let asked = tokio::task::spawn_blocking(move || {
        let consumer: BaseConsumer =
            ClientConfig::new().set("bootstrap.servers", options().brokers).set("group.id", group).create().unwrap();
        let mut list = TopicPartitionList::new();
        list.add_partition_range(&topic, 0, 5);
        let found = consumer.committed_offsets(list, PATIENCE).unwrap();
        let elements = found.elements();
        elements
            .iter()
            .filter_map(|element| {
                let offset = u64::try_from(element.offset().to_raw()?).ok()?;
                Some((u32::try_from(element.partition()).ok()?, offset))
            })
            .collect()
    });
    asked.await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_partition_that_is_held_back_waits_alone_and_goes_on_with_the_next_record() {
    let (topic, group) = (topic(2).await, name("group"));
    let mut member = join_group(&options(), &group, &topic, None).unwrap();
    let held = 0;
    let mut seen = BTreeMap::<u32, Vec<u64>>::new();
    /// Reads until there are so many of each partition, and says what came.
    async fn read_until(
        member: &mut GroupWorker,
        seen: &mut BTreeMap<u32, Vec<u64>>,
        enough: impl Fn(&BTreeMap<u32, Vec<u64>>) -> bool,
    ) {
        let reading = async {
            while !enough(seen) {
                match member.next().await.unwrap() {
                    GroupNews::Assigned { partitions, place } => {
                        place.send(partitions.into_iter().map(|partition| (partition, Some(0))).collect()).unwrap();
                    }
                    GroupNews::Record(record) => seen.entry(record.partition).or_default().push(record.offset),
                    _ => {}
                }
            }
        };
        timeout(PATIENCE, reading).await.unwrap();
    }
    let count = |seen: &BTreeMap<u32, Vec<u64>>, partition| seen.get(&partition).map_or(0, Vec::len);
    publish(&topic, 0).await;
    read_until(&mut member, &mut seen, |seen| count(seen, 0) + count(seen, 1) == 600).await;
    let others = count(&seen, 1);
    member.hold_back([held].into());
    // Whatever is read after the first of these records is read while it is held back.
    publish(&topic, 0).await;
    read_until(&mut member, &mut seen, |seen| count(seen, 1) == 2 * others).await;
    let before = count(&seen, held);
    publish(&topic, 0).await;
    read_until(&mut member, &mut seen, |seen| count(seen, 1) == 3 * others).await;
    assert_eq!(count(&seen, held), before);
    member.hold_back(BTreeSet::new());
    read_until(&mut member, &mut seen, |seen| count(seen, 0) + count(seen, 1) == 1_800).await;
    for offsets in seen.values() {
        let expected = 0..u64::try_from(offsets.len()).unwrap();
        assert!(expected.eq(offsets.iter().copied()), "each once, and in order: {offsets:?}");
    }
}
