//! Topics that are prepared, one by one.
#![allow(clippy::unwrap_used, reason = "tests")]

use tokio::task::JoinHandle;
use velox_testkit::TestClock;

use super::*;
use crate::config::{Sources, load};

/// A cluster that refuses topics as it is told, and never answers when it is told so.
#[derive(Default)]
struct Told {
    refused: Mutex<BTreeSet<String>>,
    is_silent: bool,
    /// The topics of each question.
    asked: Mutex<Vec<Vec<String>>>,
}

#[async_trait]
impl MakeTopics for Arc<Told> {
    async fn make(&self, specs: &[TopicSpec]) -> Result<TopicsLook, TopicsAway> {
        self.asked.lock().push(specs.iter().map(|spec| spec.name.clone()).collect());
        if self.is_silent {
            std::future::pending::<()>().await;
        }
        let reason = || "it is made and does not show".to_owned();
        let refused = self.refused.lock().iter().map(|name| (name.clone(), reason())).collect();
        let differing = vec!["velox.orders.v1 has 3 partitions instead of 12".to_owned()];
        Ok(TopicsLook { differing, refused, ..TopicsLook::default() })
    }
}

/// Prepares the topics at such a cluster.
fn prepare(cluster: &Arc<Told>) -> (Arc<Topics>, Shutdown, JoinHandle<()>) {
    let flags = [("kafka.brokers", "127.0.0.1:1"), ("kafka.json_topics", "all")];
    let flags = flags.map(|(key, text)| (key.to_owned(), key.to_owned(), text.to_owned())).into();
    let config = load(&Sources { flags, ..Sources::default() }).unwrap().config;
    let topics = Topics::new(&config.kafka, Arc::new(TestClock::default())).unwrap().unwrap();
    let mut topics = Arc::into_inner(topics).unwrap();
    topics.maker = Box::new(Arc::clone(cluster));
    let (topics, shutdown) = (Arc::new(topics), Shutdown::default());
    let running = tokio::spawn(Arc::clone(&topics).prepare(shutdown.clone()));
    (topics, shutdown, running)
}

fn ready(topics: &Topics) -> BTreeSet<Topic> {
    topics.ready.borrow().clone()
}

#[tokio::test(start_paused = true)]
async fn a_topic_that_does_not_show_is_in_no_others_way_and_asked_for_alone() {
    let cluster = Arc::<Told>::default();
    let name = TopicNames::default().topic(Topic::Alerts);
    cluster.refused.lock().insert(name.clone());
    let (topics, shutdown, running) = prepare(&cluster);
    tokio::time::sleep(AGAIN * 5 / 2).await;
    let others: BTreeSet<Topic> = Topic::ALL.into_iter().filter(|topic| *topic != Topic::Alerts).collect();
    assert_eq!(ready(&topics), others);
    assert!(topics.unready().is_some_and(|said| said.starts_with("alerts cannot be written yet")));
    let asked = cluster.asked.lock().clone();
    assert_eq!(asked[0].len(), 2 * Topic::ALL.len());
    // So how another one differs is said once.
    assert_eq!(asked[1..], [[name.clone()], [name]]);
    let task = Arc::clone(&topics).then(&[Topic::Alerts], std::future::ready(()), shutdown.clone());
    tokio::pin!(task);
    assert!(futures_util::poll!(&mut task).is_pending());
    cluster.refused.lock().clear();
    tokio::time::sleep(AGAIN * 2).await;
    assert!(futures_util::poll!(&mut task).is_ready());
    assert_eq!((ready(&topics).len(), topics.unready()), (Topic::ALL.len(), None));
    shutdown.begin();
    running.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn dead_letters_that_are_refused_are_in_no_way_of_their_topic() {
    let cluster = Arc::<Told>::default();
    cluster.refused.lock().insert(TopicNames::default().dead_letters(Topic::Orders));
    let (topics, shutdown, running) = prepare(&cluster);
    tokio::time::sleep(AGAIN * 5).await;
    assert_eq!(ready(&topics).len(), Topic::ALL.len());
    assert!(topics.unready().is_some_and(|said| said.starts_with("dead letters of a topic cannot be kept yet")));
    cluster.refused.lock().clear();
    tokio::time::sleep(AGAIN * 2).await;
    assert_eq!(topics.unready(), None);
    shutdown.begin();
    running.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn the_end_of_the_process_waits_for_no_topic() {
    let cluster = Arc::new(Told { is_silent: true, ..Told::default() });
    let (topics, shutdown, running) = prepare(&cluster);
    let publishes = async { panic!("its topic is not there") };
    let then = tokio::spawn(Arc::clone(&topics).then(&[Topic::Orders], publishes, shutdown.clone()));
    tokio::time::sleep(AGAIN).await;
    assert!(!running.is_finished() && !then.is_finished() && ready(&topics).is_empty());
    shutdown.begin();
    for task in [running, then] {
        tokio::time::timeout(AGAIN, task).await.unwrap().unwrap();
    }
}
