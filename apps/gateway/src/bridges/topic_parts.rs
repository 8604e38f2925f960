//! [`TopicParts`]: the topic of the market, read once by a process for all the parts that it has.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use metrics::counter;
use parking_lot::Mutex;
use tokio::sync::mpsc;
use tokio::time::Instant;
use velox_kafka::{TopicRecord, partition_of};

use super::topic_feed::TopicSource;
use crate::market_parts::MARKET_PARTS;

/// Records of a part that may wait; the others wait with it then.
const WAITING: usize = 1_024;
/// How long records of parts that this process does not have are kept, and how many: whoever takes such a part goes on where the
/// process before it ended, which is missed within a few seconds.
const RECENT: Duration = Duration::from_secs(15);
const MOST_RECENT: usize = 131_072;
/// How long to wait before a topic that could not be read is read again.
const AGAIN: Duration = Duration::from_secs(1);

type Heard = Result<TopicRecord, String>;

/// Makes a source of the whole topic.
pub type OpenTopic = Box<dyn Fn() -> Box<dyn TopicSource> + Send + Sync>;

/// Reads the topic once for all the parts of the market that this process has, for as long as there is one.
pub struct TopicParts {
    open: OpenTopic,
    reading: Arc<Mutex<Reading>>,
}

#[derive(Default)]
struct Reading {
    listeners: HashMap<u32, mpsc::Sender<Heard>>,
    /// Of parts that nobody listens to, oldest first.
    recent: HashMap<u32, VecDeque<(Instant, TopicRecord)>>,
    /// How many records that is.
    kept: usize,
    /// Parts that somebody is about to listen to, and how many are: their records are kept, however old.
    gathered: HashMap<u32, usize>,
    /// Whether somebody reads, and will until it is found here that nobody listens.
    is_read: bool,
}

impl TopicParts {
    /// Nothing is read before somebody listens.
    #[must_use]
    pub fn new(open: OpenTopic) -> Arc<Self> {
        Arc::new(Self { open, reading: Arc::default() })
    }

    /// The records of a part from now on, after those of the last seconds that nobody here has listened to; who listened to
    /// it before hears no more.
    #[must_use]
    pub fn listen(self: &Arc<Self>, part: u32) -> PartSource {
        let (sender, records) = mpsc::channel(WAITING);
        let mut reading = self.reading.lock();
        reading.listeners.insert(part, sender);
        let missed = reading.take_recent(part);
        self.read_on(&mut reading);
        PartSource { parts: Arc::clone(self), part, missed, records, gathering: None }
    }

    /// Keeps the records of a part until somebody listens to it, so that they wait for nobody who is slow to begin, and no
    /// other part waits with them. Beyond the bound the oldest are lost.
    #[must_use]
    pub fn gather(self: &Arc<Self>, part: u32) -> Gathering {
        let mut reading = self.reading.lock();
        *reading.gathered.entry(part).or_default() += 1;
        self.read_on(&mut reading);
        Gathering { parts: Arc::clone(self), part }
    }

    fn read_on(&self, reading: &mut Reading) {
        if !std::mem::replace(&mut reading.is_read, true) {
            tokio::spawn(read((self.open)(), Arc::clone(&self.reading)));
        }
    }
}

/// The records of a part are kept for as long as this lives.
pub struct Gathering {
    parts: Arc<TopicParts>,
    part: u32,
}

impl Drop for Gathering {
    fn drop(&mut self) {
        let mut reading = self.parts.reading.lock();
        if let Some(count) = reading.gathered.get_mut(&self.part) {
            *count -= 1;
            if *count == 0 {
                reading.gathered.remove(&self.part);
            }
        }
    }
}

impl Reading {
    /// Who listens to a part, and has not gone.
    fn listener(&self, part: u32) -> Option<mpsc::Sender<Heard>> {
        self.listeners.get(&part).filter(|listener| !listener.is_closed()).cloned()
    }

    /// Whether nobody listens any more; then nobody reads.
    fn is_left(&mut self) -> bool {
        self.listeners.retain(|_, listener| !listener.is_closed());
        let is_left = self.listeners.is_empty() && self.gathered.is_empty();
        if is_left {
            self.is_read = false;
            // It has a gap by the time that somebody reads again.
            self.recent.clear();
            self.kept = 0;
        }
        is_left
    }

    fn keep_recent(&mut self, part: u32, record: TopicRecord) {
        self.recent.entry(part).or_default().push_back((Instant::now(), record));
        self.kept += 1;
        self.forget_old();
        while self.kept > MOST_RECENT {
            // What is about to be listened to goes last.
            let oldest = self.recent.iter().filter_map(|(part, of)| Some((*part, of.front()?.0)));
            let oldest = oldest.min_by_key(|(part, at)| (self.gathered.contains_key(part), *at));
            let Some((part, _)) = oldest else { return };
            if self.gathered.contains_key(&part) {
                counter!("velox_topic_feed_lost_total").increment(1);
            }
            self.recent.entry(part).or_default().pop_front();
            self.kept -= 1;
        }
    }

    fn forget_old(&mut self) {
        for (part, records) in &mut self.recent {
            if !self.gathered.contains_key(part) {
                let old = records.iter().take_while(|(at, _)| at.elapsed() > RECENT).count();
                records.drain(..old);
                self.kept -= old;
            }
        }
    }

    fn take_recent(&mut self, part: u32) -> VecDeque<TopicRecord> {
        self.forget_old();
        let taken = self.recent.remove(&part).unwrap_or_default();
        self.kept -= taken.len();
        taken.into_iter().map(|(_, record)| record).collect()
    }
}

/// Reads on and on, until nobody listens.
async fn read(mut source: Box<dyn TopicSource>, reading: Arc<Mutex<Reading>>) {
    loop {
        // Opening a topic may take longer than a look at who listens: it goes on meanwhile.
        let next = source.next();
        tokio::pin!(next);
        let heard = loop {
            let heard = tokio::time::timeout(AGAIN, &mut next).await;
            if reading.lock().is_left() {
                return;
            }
            if let Ok(heard) = heard {
                break heard;
            }
        };
        match heard {
            Ok(record) => hand_over(&reading, record).await,
            Err(reason) => {
                // Whoever has records to work off hears of it later, or not.
                reading.lock().listeners.values().for_each(|listener| {
                    let _ = listener.try_send(Err(reason.clone()));
                });
                tokio::time::sleep(AGAIN).await;
            }
        }
    }
}

/// Hands a record to whoever listens to its part, and waits for room there; keeps it where nobody listens, or not any more.
async fn hand_over(reading: &Mutex<Reading>, record: TopicRecord) {
    let part = part_of(&record);
    let mut unheard = Ok(record);
    loop {
        let listener = {
            let mut reading = reading.lock();
            match (reading.listener(part), unheard) {
                (Some(listener), heard) => (listener, heard),
                (None, Ok(record)) => return reading.keep_recent(part, record),
                (None, Err(_)) => return,
            }
        };
        let (listener, heard) = listener;
        // One that has gone gives it back.
        match listener.send(heard).await {
            Ok(()) => return,
            Err(mpsc::error::SendError(back)) => unheard = back,
        }
    }
}

/// The part that a record is of: its symbol's, or any where it names none.
fn part_of(record: &TopicRecord) -> u32 {
    record.key.as_ref().map_or(record.partition % MARKET_PARTS, |key| partition_of(key, MARKET_PARTS))
}

/// The records of one part.
pub struct PartSource {
    parts: Arc<TopicParts>,
    part: u32,
    /// What comes first.
    missed: VecDeque<TopicRecord>,
    records: mpsc::Receiver<Heard>,
    /// While whoever listens cannot go on.
    gathering: Option<Gathering>,
}

#[async_trait]
impl TopicSource for PartSource {
    async fn next(&mut self) -> Result<TopicRecord, String> {
        loop {
            if let Some(record) = self.missed.pop_front() {
                return Ok(record);
            }
            if let Some(heard) = self.records.recv().await {
                return heard;
            }
            // What was gathered comes next, and then the rest.
            let was_held_up = self.gathering.is_some();
            *self = self.parts.listen(self.part);
            if !was_held_up {
                return Err("the topic's reader has ended".to_owned());
            }
        }
    }

    fn hold_up(&mut self) {
        if self.gathering.is_none() {
            self.gathering = Some(self.parts.gather(self.part));
            // What is there already is still heard.
            self.records.close();
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use velox_kernel::{Symbol, Timestamp};

    use super::*;
    use crate::market_parts::market_part;

    struct Script(VecDeque<Heard>);

    #[async_trait]
    impl TopicSource for Script {
        async fn next(&mut self) -> Result<TopicRecord, String> {
            match self.0.pop_front() {
                Some(heard) => heard,
                None => std::future::pending().await,
            }
        }
    }

    /// Symbols of two parts.
    fn of_two_parts() -> [Symbol; 2] {
        let mut names = (0..).map(|number| format!("S{number}").parse::<Symbol>().unwrap());
        let one = names.next().unwrap();
        [one, names.find(|other| market_part(*other) != market_part(one)).unwrap()]
    }

    /// A topic, and where to say what is on it.
    fn live() -> (Arc<TopicParts>, mpsc::UnboundedSender<TopicRecord>) {
        let (topic, records) = mpsc::unbounded_channel();
        let records = Mutex::new(Some(records));
        (TopicParts::new(Box::new(move || Box::new(Live(records.lock().take().unwrap())))), topic)
    }

    fn record(symbol: Symbol, offset: u64) -> TopicRecord {
        let key = Some(symbol.as_str().as_bytes().to_vec());
        TopicRecord { partition: 0, offset, at: Timestamp::EPOCH, key, value: vec![], headers: vec![] }
    }

    #[tokio::test(start_paused = true)]
    async fn each_part_hears_its_own_and_the_topic_is_read_once() {
        let [one, other] = of_two_parts();
        let opened = Arc::new(Mutex::new(0));
        let count = Arc::clone(&opened);
        let parts = TopicParts::new(Box::new(move || {
            *count.lock() += 1;
            let script = [Ok(record(one, 1)), Ok(record(other, 2)), Err("away".to_owned()), Ok(record(one, 3))];
            Box::new(Script(script.into()))
        }));
        let (mut first, mut second) = (parts.listen(market_part(one)), parts.listen(market_part(other)));
        assert_eq!(first.next().await.unwrap().offset, 1);
        assert_eq!(second.next().await.unwrap().offset, 2);
        assert_eq!(first.next().await, Err("away".to_owned()));
        assert_eq!(second.next().await, Err("away".to_owned()));
        assert_eq!(first.next().await.unwrap().offset, 3);
        // Who listens anew takes the place of who listened before.
        let mut again = parts.listen(market_part(other));
        assert_eq!(second.next().await, Err("the topic's reader has ended".to_owned()));
        assert!(tokio::time::timeout(Duration::from_secs(5), again.next()).await.is_ok_and(|heard| heard.is_err()));
        assert_eq!(*opened.lock(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn who_takes_a_part_hears_what_came_while_nobody_had_it() {
        let [one, other] = of_two_parts();
        let (parts, topic) = live();
        let mut first = parts.listen(market_part(one));
        let tell = |symbol, offset| topic.send(record(symbol, offset)).unwrap();
        tell(other, 1);
        tell(one, 2);
        assert_eq!(first.next().await.unwrap().offset, 2);
        tokio::time::advance(RECENT - Duration::from_secs(1)).await;
        tell(other, 3);
        tell(other, 4);
        tell(one, 5);
        assert_eq!(first.next().await.unwrap().offset, 5);
        tokio::time::advance(Duration::from_secs(2)).await;
        let mut second = parts.listen(market_part(other));
        tell(other, 6);
        for expected in [3, 4, 6] {
            assert_eq!(second.next().await.unwrap().offset, expected, "the first is too old");
        }
        // Once is enough.
        drop(second);
        tell(one, 7);
        assert_eq!(first.next().await.unwrap().offset, 7);
        tell(other, 8);
        let mut third = parts.listen(market_part(other));
        assert_eq!(third.next().await.unwrap().offset, 8);
    }

    #[tokio::test(start_paused = true)]
    async fn a_part_that_is_gathered_waits_and_no_other_one_with_it() {
        let [one, other] = of_two_parts();
        let (parts, topic) = live();
        let tell = |symbol, offset| topic.send(record(symbol, offset)).unwrap();
        let gathering = parts.gather(market_part(other));
        let mut first = parts.listen(market_part(one));
        let many = u64::try_from(WAITING).unwrap() * 2;
        for offset in 0..many {
            tell(other, offset);
        }
        tell(one, many);
        assert_eq!(first.next().await.unwrap().offset, many);
        tokio::time::advance(RECENT * 4).await;
        tell(one, many + 1);
        assert_eq!(first.next().await.unwrap().offset, many + 1);
        let mut second = parts.listen(market_part(other));
        drop(gathering);
        for offset in 0..many {
            assert_eq!(second.next().await.unwrap().offset, offset);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_part_that_is_held_up_keeps_its_records_and_no_other_one_waits_with_it() {
        let [one, other] = of_two_parts();
        let (parts, topic) = live();
        let tell = |symbol, offset| topic.send(record(symbol, offset)).unwrap();
        let (mut first, mut second) = (parts.listen(market_part(one)), parts.listen(market_part(other)));
        let many = u64::try_from(WAITING).unwrap() * 2;
        for offset in 0..many {
            tell(other, offset);
        }
        assert_eq!(second.next().await.unwrap().offset, 0);
        // There is no room for its records any more, and its reader waits for some.
        tokio::time::sleep(AGAIN).await;
        second.hold_up();
        tell(one, many);
        let heard = tokio::time::timeout(AGAIN, first.next()).await;
        assert_eq!(heard.unwrap().unwrap().offset, many);
        tokio::time::sleep(RECENT * 4).await;
        tell(other, many);
        tell(one, many + 1);
        assert_eq!(first.next().await.unwrap().offset, many + 1);
        second.hold_up();
        for offset in 1..=many {
            assert_eq!(second.next().await.unwrap().offset, offset, "in order, however long it waited");
        }
        tell(other, many + 1);
        assert_eq!(second.next().await.unwrap().offset, many + 1);
        assert!(parts.reading.lock().gathered.is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_gathered_is_the_last_to_go() {
        let mut reading = Reading::default();
        let one: Symbol = "S0".parse().unwrap();
        reading.gathered.insert(1, 1);
        for part in [1, 2, 3] {
            reading.keep_recent(part, record(one, 0));
        }
        tokio::time::advance(RECENT * 2).await;
        let most = u64::try_from(MOST_RECENT).unwrap();
        for offset in 1..=most + 1 {
            reading.keep_recent(2, record(one, offset));
        }
        assert_eq!(reading.kept, MOST_RECENT);
        let lengths = [1, 2, 3].map(|part| reading.recent.get(&part).map_or(0, VecDeque::len));
        assert_eq!(lengths, [1, MOST_RECENT - 1, 0], "what is old and of no use goes first");
        assert_eq!((reading.take_recent(1).len(), reading.kept), (1, MOST_RECENT - 1));
    }

    #[tokio::test(start_paused = true)]
    async fn a_topic_that_opens_slowly_is_opened() {
        let parts = TopicParts::new(Box::new(|| Box::new(Slow)));
        let one: Symbol = "S0".parse().unwrap();
        let mut source = parts.listen(market_part(one));
        let heard = tokio::time::timeout(Duration::from_secs(600), source.next()).await;
        assert_eq!(heard.unwrap().unwrap().offset, 1);
    }

    /// Takes longer for a record than it is looked whether somebody listens.
    struct Slow;

    #[async_trait]
    impl TopicSource for Slow {
        async fn next(&mut self) -> Result<TopicRecord, String> {
            tokio::time::sleep(AGAIN * 3).await;
            Ok(record("S0".parse().unwrap(), 1))
        }
    }

    struct Live(mpsc::UnboundedReceiver<TopicRecord>);

    #[async_trait]
    impl TopicSource for Live {
        async fn next(&mut self) -> Result<TopicRecord, String> {
            self.0.recv().await.ok_or_else(|| "it has ended".to_owned())
        }
    }
}
