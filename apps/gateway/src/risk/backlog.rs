//! [`Backlog`]: records that came and are not worked off, each partition's by itself.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use tokio::time::Instant;
use velox_kafka::TopicRecord;
use velox_kernel::Fence;

use super::records::NotNow;

/// Records that may wait in all partitions together; beyond that none is taken any more, of whatever partition.
const MOST: usize = 16_384;
/// Records of a partition that may wait before the group is asked for no more of it.
const MANY: usize = 1_024;
/// How long to wait before a record that could not be read is read again; longer each time, up to the longest.
const AGAIN: Duration = Duration::from_millis(250);
const LONGEST: Duration = Duration::from_secs(8);

/// Records that came and are not worked off, each partition's in the order in which they came. A partition whose first
/// record cannot be read yet keeps no other one waiting.
#[derive(Default)]
pub(super) struct Backlog {
    queues: BTreeMap<u32, Queue>,
    /// How many records that is.
    count: usize,
}

/// The records of one partition.
struct Queue {
    /// The right under which they were read.
    fence: Fence,
    records: VecDeque<TopicRecord>,
    /// When the first may be tried, where it could not be read, and how long it waits the next time.
    put_off: Option<(Instant, Duration)>,
}

impl Queue {
    fn is_held_back(&self) -> bool {
        self.put_off.is_some() || self.records.len() >= MANY
    }
}

impl Backlog {
    /// Whether there is no room for another record.
    pub(super) const fn is_full(&self) -> bool {
        self.count >= MOST
    }

    /// Takes a record that came under a right.
    pub(super) fn push(&mut self, fence: Fence, record: TopicRecord) {
        let new = || Queue { fence, records: VecDeque::new(), put_off: None };
        self.queues.entry(fence.shard).or_insert_with(new).records.push_back(record);
        self.count += 1;
    }

    /// Forgets what came under rights that are gone: whoever has those partitions now reads it.
    pub(super) fn keep(&mut self, is_held: impl Fn(&Fence) -> bool) {
        self.queues.retain(|_, queue| is_held(&queue.fence));
        self.count = self.queues.values().map(|queue| queue.records.len()).sum();
    }

    /// The partitions whose first record may be tried now.
    pub(super) fn due(&self) -> Vec<u32> {
        let now = Instant::now();
        let is_due = |queue: &Queue| queue.put_off.is_none_or(|(at, _)| at <= now);
        self.queues.iter().filter(|(_, queue)| is_due(queue)).map(|(partition, _)| *partition).collect()
    }

    /// The first record of a partition, and the right under which it was read.
    pub(super) fn first(&self, partition: u32) -> Option<(Fence, &TopicRecord)> {
        let queue = self.queues.get(&partition)?;
        Some((queue.fence, queue.records.front()?))
    }

    /// Takes the first record of a partition out: it was read. One that waited is told to go on.
    pub(super) fn read(&mut self, partition: u32) -> Option<TopicRecord> {
        let queue = self.queues.get_mut(&partition)?;
        let record = queue.records.pop_front()?;
        self.count -= 1;
        if queue.put_off.take().is_some() {
            tracing::info!(partition, offset = record.offset, "the records of a partition are read again");
        }
        if queue.records.is_empty() {
            self.queues.remove(&partition);
        }
        Some(record)
    }

    /// Leaves the first record of a partition for later; it is said once why.
    pub(super) fn put_off(&mut self, partition: u32, reason: &NotNow) {
        let Some(queue) = self.queues.get_mut(&partition) else { return };
        let pause = match queue.put_off {
            Some((_, pause)) => pause,
            None => {
                let offset = queue.records.front().map(|record| record.offset);
                tracing::warn!(partition, offset, %reason, "the records of a partition wait; the others go on");
                AGAIN
            }
        };
        queue.put_off = Some((Instant::now() + pause, (pause * 2).min(LONGEST)));
    }

    /// The partitions of which no more records are wanted for now, as the rights to them.
    pub(super) fn held_back(&self) -> Vec<Fence> {
        self.queues.values().filter(|queue| queue.is_held_back()).map(|queue| queue.fence).collect()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use velox_kernel::Timestamp;

    use super::*;

    fn fence(shard: u32, epoch: u64) -> Fence {
        Fence { role: "risk", shard, epoch }
    }

    fn record(partition: u32, offset: u64) -> TopicRecord {
        TopicRecord { partition, offset, at: Timestamp::EPOCH, key: None, value: vec![], headers: vec![] }
    }

    fn away() -> NotNow {
        NotNow::RegistryAway("as the test wants it".to_owned())
    }

    #[tokio::test(start_paused = true)]
    async fn a_partition_that_waits_is_tried_again_ever_more_seldom_and_the_others_at_once() {
        let mut backlog = Backlog::default();
        for offset in [4, 5] {
            backlog.push(fence(0, 1), record(0, offset));
            backlog.push(fence(1, 1), record(1, offset));
        }
        backlog.put_off(0, &away());
        assert_eq!((backlog.due(), backlog.held_back()), (vec![1], vec![fence(0, 1)]));
        let mut tries = 0;
        for _ in 0..600 {
            tokio::time::advance(Duration::from_millis(100)).await;
            if backlog.due().contains(&0) {
                tries += 1;
                backlog.put_off(0, &away());
            }
        }
        assert!((8..=13).contains(&tries), "{tries} times in a minute");
        tokio::time::advance(LONGEST).await;
        assert_eq!(backlog.due(), [0, 1]);
        assert_eq!([backlog.read(0).unwrap().offset, backlog.read(0).unwrap().offset], [4, 5]);
        assert_eq!((backlog.held_back(), backlog.due(), backlog.count), (vec![], vec![1], 2));
    }

    #[tokio::test(start_paused = true)]
    async fn it_has_a_bound_and_forgets_what_is_of_a_right_that_is_gone() {
        let mut backlog = Backlog::default();
        for offset in 0..u64::try_from(MOST).unwrap() {
            assert!(!backlog.is_full());
            let partition = u32::from(offset % 2 == 0);
            backlog.push(fence(partition, 1), record(partition, offset));
        }
        assert!(backlog.is_full());
        assert_eq!(backlog.held_back(), [fence(0, 1), fence(1, 1)], "of whom so many wait, no more is wanted");
        backlog.keep(|fence| fence.shard == 1);
        assert_eq!((backlog.count, backlog.due()), (MOST / 2, vec![1]));
        backlog.keep(|held| *held == fence(1, 2));
        assert_eq!((backlog.count, backlog.first(1).is_none()), (0, true));
    }
}
