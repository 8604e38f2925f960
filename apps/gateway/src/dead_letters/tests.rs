//! Letters that are sent, that wait, and that are given up.
#![allow(clippy::unwrap_used, reason = "tests")]

use tokio::task::JoinHandle;
use velox_testkit::TestClock;
use velox_testkit::topics::MemoryTopics;

use super::*;

const ORDERS: &str = "test.orders.v1.dead-letters";
const MARKET: &str = "test.market-data.v1.dead-letters";

struct Post {
    topics: Arc<MemoryTopics>,
    letters: DeadLetters,
    shutdown: Shutdown,
    running: JoinHandle<()>,
}

impl Post {
    fn start(arrange: impl FnOnce(&MemoryTopics)) -> Self {
        let (topics, shutdown) = (Arc::<MemoryTopics>::default(), Shutdown::default());
        arrange(&topics);
        let (letters, post) = DeadLetters::new(names(), topics.clone(), Arc::new(TestClock::default()));
        let running = tokio::spawn(post.run(shutdown.clone()));
        Self { topics, letters, shutdown, running }
    }

    fn take(&self, topic: Topic, record: &TopicRecord) -> Posting {
        self.letters.take(topic, record, "no message").unwrap()
    }

    /// The values on a topic.
    fn values(&self, topic: &str) -> Vec<Vec<u8>> {
        self.topics.of(topic).iter().map(|letter| letter.value.to_vec()).collect()
    }
}

fn names() -> TopicNames {
    TopicNames::new("test").unwrap()
}

fn record(offset: u64) -> TopicRecord {
    let at = TestClock::default().now();
    TopicRecord { partition: 3, offset, at, key: Some(b"key".to_vec()), value: b"what".to_vec(), headers: vec![] }
}

fn header<'a>(letter: &'a BusRecord, name: &str) -> Option<&'a str> {
    letter.headers.iter().find(|(known, _)| *known == name).map(|(_, value)| value.as_str())
}

/// Long enough for whatever needs no waiting.
async fn a_moment() {
    tokio::time::sleep(Duration::from_millis(1)).await;
}

#[tokio::test(start_paused = true)]
async fn a_letter_is_pending_until_it_is_sent_and_the_end_of_the_process_waits_for_it() {
    let post = Post::start(|topics| topics.breaks_after(Some(0)));
    let (first, second) = (post.take(Topic::Orders, &record(7)), post.take(Topic::Orders, &record(8)));
    tokio::time::sleep(AGAIN * 3).await;
    assert!(first.is_pending() && second.is_pending());
    post.shutdown.begin();
    tokio::time::sleep(AGAIN / 2).await;
    post.topics.breaks_after(None);
    post.running.await.unwrap();
    assert!(!first.is_pending() && !second.is_pending());
    assert_eq!(post.topics.of(ORDERS).len(), 2);
}

#[tokio::test(start_paused = true)]
async fn one_too_many_is_given_back_and_whoever_never_answers_does_not_hold_up_the_end() {
    let topics = Arc::<MemoryTopics>::default();
    topics.breaks_after(Some(0));
    let (letters, post) = DeadLetters::new(names(), topics.clone(), Arc::new(TestClock::default()));
    let take = |topic, offset| letters.take(topic, &record(offset), "no message");
    for offset in 0..WAITING {
        take(Topic::Orders, u64::try_from(offset).unwrap()).unwrap();
    }
    assert_eq!(take(Topic::Orders, 0).unwrap_err(), PostFull);
    assert!(take(Topic::MarketData, 0).is_ok(), "there is room for those of other topics");
    let shutdown = Shutdown::default();
    shutdown.begin();
    post.run(shutdown).await;
    assert_eq!(topics.of(ORDERS).len(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_letter_whose_topic_is_at_fault_keeps_its_value_and_waits_until_the_topic_is_there() {
    let post = Post::start(|topics| topics.refuses_topic(ORDERS, true));
    let posting = post.take(Topic::Orders, &record(7));
    tokio::time::sleep(PATIENCE / 2).await;
    assert!(posting.is_pending());
    post.topics.refuses_topic(ORDERS, false);
    tokio::time::sleep(LONGEST).await;
    assert!(!posting.is_pending());
    let [letter] = &post.topics.of(ORDERS)[..] else { panic!("it is there once") };
    assert_eq!((&letter.value[..], header(letter, DEAD_LETTER_VALUE)), (&b"what"[..], None));
}

#[tokio::test(start_paused = true)]
async fn a_letter_that_is_too_large_comes_at_once_without_its_value() {
    let post = Post::start(|_| {});
    let posting = post.take(Topic::Orders, &TopicRecord { value: vec![0; 4_000_000], ..record(7) });
    a_moment().await;
    assert!(!posting.is_pending());
    let [letter] = &post.topics.of(ORDERS)[..] else { panic!("it is there once") };
    assert!(letter.value.is_empty() && header(letter, DEAD_LETTER_VALUE).is_some());
    assert_eq!(header(letter, headers::DEAD_LETTER_OFFSET), Some("7"));
}

#[tokio::test(start_paused = true)]
async fn letters_that_are_refused_for_long_are_given_up_and_later_ones_are_sent() {
    let post = Post::start(|topics| topics.refuses_topic(ORDERS, true));
    let waiting = [7, 8, 9].map(|offset| post.take(Topic::Orders, &record(offset)));
    tokio::time::sleep(PATIENCE - AGAIN).await;
    assert!(waiting.iter().all(Posting::is_pending));
    tokio::time::sleep(LONGEST).await;
    assert!(!waiting.iter().any(Posting::is_pending), "those behind the first have waited as long");
    post.topics.refuses_topic(ORDERS, false);
    let later = post.take(Topic::Orders, &record(10));
    a_moment().await;
    assert!(!later.is_pending());
    assert_eq!(post.values(ORDERS).len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_cluster_that_was_away_for_long_is_no_reason_to_give_up() {
    let post = Post::start(|topics| topics.breaks_after(Some(0)));
    let posting = post.take(Topic::Orders, &record(7));
    tokio::time::sleep(PATIENCE * 2).await;
    post.topics.refuses_topic(ORDERS, true);
    post.topics.breaks_after(None);
    tokio::time::sleep(PATIENCE / 2).await;
    assert!(posting.is_pending());
}

#[tokio::test(start_paused = true)]
async fn letters_of_one_topic_that_cannot_be_sent_are_in_no_others_way() {
    let post = Post::start(|topics| topics.refuses_topic(ORDERS, true));
    let stuck = post.take(Topic::Orders, &record(7));
    let posting = post.take(Topic::MarketData, &record(8));
    a_moment().await;
    assert!(stuck.is_pending() && !posting.is_pending());
    assert_eq!(post.values(MARKET), [b"what"]);
}
