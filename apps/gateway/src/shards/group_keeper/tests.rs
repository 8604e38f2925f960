//! A member whose group says what it is told to say.

#![allow(clippy::unwrap_used, reason = "tests")]
use std::sync::mpsc as blocking;

use uuid::Uuid;
use velox_testkit::peers::MemoryShards;

use super::*;

struct Told(Arc<tokio::sync::Mutex<mpsc::UnboundedReceiver<GroupNews>>>, Arc<Mutex<BTreeSet<u32>>>);

#[async_trait]
impl Group for Told {
    async fn next(&mut self) -> Option<GroupNews> {
        self.0.lock().await.recv().await
    }

    fn note(&self, _: u32, _: u64) {}

    fn hold_back(&self, partitions: BTreeSet<u32>) {
        *self.1.lock() = partitions;
    }
}

#[tokio::test(start_paused = true)]
async fn what_the_store_does_not_give_is_not_had_and_the_group_is_joined_anew() {
    let store = Arc::<MemoryShards>::default();
    let (state, shutdown) = (GroupState::default(), Shutdown::default());
    let (keeper, share) = GroupKeeper::new(store.clone(), "test", MemberId::new(Uuid::nil()), 2, state.clone());
    let (told, news) = mpsc::unbounded_channel();
    let (news, joins) = (Arc::new(tokio::sync::Mutex::new(news)), Arc::new(Mutex::new(0)));
    let counted = Arc::clone(&joins);
    let join = Box::new(move || {
        let mut joins = counted.lock();
        *joins += 1;
        let group: Box<dyn Group> = Box::new(Told(Arc::clone(&news), Arc::default()));
        if *joins == 1 { Err("not now".to_owned()) } else { Ok(group) }
    });
    let running = tokio::spawn(keeper.run(join, shutdown.clone()));
    let assign = || {
        let (place, placed) = blocking::sync_channel(1);
        told.send(GroupNews::Assigned { partitions: vec![0, 1], place }).unwrap();
        placed
    };
    store.set_away(true);
    let placed = assign();
    sleep(REJOIN * 5 / 2 + PATIENCE).await;
    assert_eq!(placed.try_recv(), Err(blocking::TryRecvError::Disconnected), "nothing may come from them");
    assert!(share.held.now().is_empty() && !state.look().is_member);
    assert_eq!(*joins.lock(), 3);

    store.set_away(false);
    // One more than there are partitions is a member, too.
    told.send(GroupNews::Lag(vec![])).unwrap();
    sleep(AGAIN).await;
    assert!(share.held.now().is_empty() && state.look().is_member);
    let placed = assign();
    sleep(AGAIN).await;
    assert_eq!(placed.try_recv(), Ok(vec![(0, None), (1, None)]));
    let fences = share.held.now();
    assert!(fences.len() == 2 && fences.values().all(|fence| store.holds(*fence)));
    shutdown.begin();
    running.await.unwrap();
    assert!(share.held.now().is_empty());
}

/// A member whose group says what it is told to say; and how often it has joined.
struct TestMember {
    told: mpsc::UnboundedSender<GroupNews>,
    joins: Arc<Mutex<u32>>,
    share: GroupShare,
    state: GroupState,
    /// What the group is to hold back.
    held_back: Arc<Mutex<BTreeSet<u32>>>,
    _running: tokio::task::JoinHandle<()>,
}

impl TestMember {
    fn start(store: &Arc<MemoryShards>, number: u128) -> Self {
        let (state, me) = (GroupState::default(), MemberId::new(Uuid::from_u128(number)));
        let (keeper, share) = GroupKeeper::new(store.clone(), "test", me, 2, state.clone());
        let (told, news) = mpsc::unbounded_channel();
        let (news, joins) = (Arc::new(tokio::sync::Mutex::new(news)), Arc::<Mutex<u32>>::default());
        let (counted, held_back) = (Arc::clone(&joins), Arc::<Mutex<BTreeSet<u32>>>::default());
        let kept = Arc::clone(&held_back);
        let join = Box::new(move || {
            *counted.lock() += 1;
            let group: Box<dyn Group> = Box::new(Told(Arc::clone(&news), Arc::clone(&kept)));
            Ok(group)
        });
        let _running = tokio::spawn(keeper.run(join, Shutdown::default()));
        Self { told, joins, share, state, held_back, _running }
    }

    async fn is_given(&self, partitions: &[u32]) {
        let (place, placed) = blocking::sync_channel(1);
        self.told.send(GroupNews::Assigned { partitions: partitions.to_vec(), place }).unwrap();
        sleep(AGAIN).await;
        assert_eq!(placed.try_recv().unwrap().len(), partitions.len());
    }

    fn has(&self) -> Vec<u32> {
        self.share.held.now().into_keys().collect()
    }
}

#[tokio::test(start_paused = true)]
async fn what_a_silent_group_gives_to_nobody_is_shared_by_the_store() {
    let store = Arc::<MemoryShards>::default();
    let one = TestMember::start(&store, 1);
    sleep(SILENCE - Duration::from_secs(1)).await;
    assert!(one.has().is_empty(), "it may be given something yet");
    sleep(Duration::from_secs(2)).await;
    assert_eq!((one.has(), one.state.look().orphans), (vec![0, 1], 2));
    // As soon as the group speaks, it is as that says.
    let two = TestMember::start(&store, 2);
    two.is_given(&[1]).await;
    sleep(Duration::from_secs(1)).await;
    assert_eq!((one.has(), two.has()), (vec![0], vec![1]));
    one.is_given(&[0]).await;
    assert_eq!((one.has(), one.state.look().orphans, two.state.look().orphans), (vec![0], 0, 0));
    // One is killed, and nobody gives its part to anybody.
    one._running.abort();
    sleep(ShardTimes::default().patience * 2 + SILENCE).await;
    assert_eq!((two.has(), two.state.look().orphans), (vec![0, 1], 1));
    assert_eq!(*two.joins.lock(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_group_that_speaks_is_waited_for() {
    let store = Arc::<MemoryShards>::default();
    let one = TestMember::start(&store, 1);
    one.is_given(&[0]).await;
    for _ in 0..9 {
        one.told.send(GroupNews::Lag(vec![])).unwrap();
        sleep(Duration::from_secs(2)).await;
    }
    assert_eq!(one.has(), [0]);
    for _ in 0..3 {
        one.told.send(GroupNews::Lag(vec![])).unwrap();
        sleep(Duration::from_secs(2)).await;
    }
    assert_eq!((one.has(), one.state.look().orphans), (vec![0, 1], 1), "it has forgotten one");
    // Others have what the group says is this one's: it asks anew.
    let shards = store.beat("test", MemberId::new(Uuid::from_u128(2)), 2, &[]).await.unwrap().shards;
    store.take("test", MemberId::new(Uuid::from_u128(2)), &shards[..1]).await.unwrap();
    one.told.send(GroupNews::Lag(vec![])).unwrap();
    sleep(Duration::from_secs(1)).await;
    assert!(one.has().is_empty());
    sleep(REJOIN).await;
    assert_eq!(*one.joins.lock(), 2);
}

#[tokio::test(start_paused = true)]
async fn what_is_held_back_is_fetched_on_when_it_comes_again() {
    let store = Arc::<MemoryShards>::default();
    let one = TestMember::start(&store, 1);
    one.is_given(&[0, 1]).await;
    let held_back = || (one.held_back.lock().clone(), one.state.look().held_back);
    let unwanted = one.share.held.now()[&1];
    one.share.held_back.send_replace(vec![unwanted]);
    sleep(AGAIN).await;
    assert_eq!(held_back(), ([1].into(), [1].into()));
    // Another one has it for a moment; what is said of the right that is gone says nothing of the new one.
    let (finished, over) = blocking::sync_channel(1);
    one.told.send(GroupNews::Revoked { partitions: vec![1], lost: false, finished }).unwrap();
    sleep(AGAIN).await;
    assert_eq!((over.try_recv(), held_back()), (Ok(()), Default::default()));
    one.is_given(&[1]).await;
    assert_ne!(one.share.held.now()[&1], unwanted);
    assert_eq!(held_back(), Default::default());
}
