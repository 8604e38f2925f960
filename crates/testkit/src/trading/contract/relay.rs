//! What was published of the log.

use velox_kernel::{AccountId, Fence, Ids, MemberId, ShardStore};
use velox_trading::{
    Append, Appended, Command, DecideLocked, Head, Marked, RecordedEvent, RelayStore, TradingLog, Unpublished,
};

use crate::trading::{AccountScenario, FreshIds, money};

/// Every stream that is not published, however many others there are.
async fn unpublished_of(store: &dyn RelayStore, account: AccountId) -> Option<Unpublished> {
    let mut after = None;
    loop {
        let page = store.unpublished(after, 500).await.expect("the store answers");
        assert!(page.len() <= 500 && page.is_sorted_by_key(|stream| stream.account));
        if let Some(found) = page.iter().find(|stream| stream.account == account) {
            return Some(*found);
        }
        after = Some(page.last()?.account);
    }
}

/// Streams are found until all of their events are published, and marks are kept by whoever has the shard.
pub async fn marks_are_kept_by_whoever_has_the_shard<S: TradingLog + RelayStore + ShardStore>(store: &S) {
    const ROLE: &str = "relay-contract";
    for _ in 0..2 {
        assert_eq!(store.prepare_relay().await, Ok(true), "nobody else makes it");
    }
    let commit = async |append: Append| {
        assert_eq!(store.append(vec![append]).await, Ok(vec![Appended::Committed]));
    };
    let mut scenario = super::scenario();
    let opening = scenario.open();
    commit(opening).await;
    let account = scenario.id();
    let found = unpublished_of(store, account).await.expect("it is not published");
    assert_eq!((found.org, found.published), (scenario.org(), 0));
    assert!(found.head > 0);

    let (one, two) = (MemberId::new(FreshIds.next()), MemberId::new(FreshIds.next()));
    let look = store.beat(ROLE, one, 1, &[]).await.expect("the store answers");
    let taken = store.take(ROLE, one, &look.shards).await.expect("the store answers");
    let fence = Fence { role: ROLE, shard: 0, epoch: taken[0].epoch };
    assert_eq!(store.mark_published(fence, &[(account, found.head)]).await, Ok(Marked::Noted));
    assert_eq!(unpublished_of(store, account).await, None);
    assert_eq!(store.mark_published(fence, &[(account, found.head - 1)]).await, Ok(Marked::Noted));
    assert_eq!(unpublished_of(store, account).await, None, "a mark does not fall");

    // Another one takes the shard: what the first still writes is refused.
    let more = scenario.must(Command::MoveCash { currency: "USD".parse().expect("a currency"), amount: money("1") });
    commit(more).await;
    let look = store.beat(ROLE, two, 1, &[]).await.expect("the store answers");
    let taken = store.take(ROLE, two, &look.shards).await.expect("the store answers");
    let late = store.mark_published(fence, &[(account, found.head + 1)]).await;
    assert_eq!(late, Ok(Marked::Fenced));
    let waits = unpublished_of(store, account).await.expect("its mark stands");
    assert_eq!((waits.published, waits.head), (found.head, found.head + 1));
    let fence = Fence { epoch: taken[0].epoch, ..fence };
    assert_eq!(store.mark_published(fence, &[(account, waits.head)]).await, Ok(Marked::Noted));
    assert_eq!(unpublished_of(store, account).await, None);
}

/// What is written under a right is refused once another one has it, alone in a batch, beside others, and under the lock;
/// what needs no right is written all the same.
pub async fn whoever_lost_its_shard_writes_nothing<S: TradingLog + ShardStore>(store: &S) {
    const ROLE: &str = "fence-contract";
    let (one, two) = (MemberId::new(FreshIds.next()), MemberId::new(FreshIds.next()));
    let look = store.beat(ROLE, one, 2, &[]).await.expect("the store answers");
    let taken = store.take(ROLE, one, &look.shards).await.expect("the store answers");
    let fence = Fence { role: ROLE, shard: 1, epoch: taken[1].epoch };
    let kept = Fence { role: ROLE, shard: 0, epoch: taken[0].epoch };

    let mut first = super::scenario();
    let mut second = super::scenario();
    let mut third = super::scenario();
    let opened = vec![
        Append { fence: Some(fence), ..first.open() },
        Append { fence: Some(kept), ..second.open() },
        third.open(),
    ];
    assert_eq!(store.append(opened).await, Ok(vec![Appended::Committed; 3]));

    let look = store.beat(ROLE, two, 2, &[]).await.expect("the store answers");
    let taken = store.take(ROLE, two, &look.shards[1..]).await.expect("the store answers");
    let newer = Fence { epoch: taken[0].epoch, ..fence };
    let change = |scenario: &mut AccountScenario, fence| {
        let command = Command::MoveCash { currency: "USD".parse().expect("a currency"), amount: money("1") };
        Append { fence, ..scenario.must(command) }
    };
    let late = change(&mut first, Some(fence));
    let moved = vec![late.clone(), change(&mut second, Some(kept)), change(&mut third, None)];
    assert_eq!(store.append(moved).await, Ok(vec![Appended::Fenced, Appended::Committed, Appended::Committed]));
    assert_eq!(store.append(vec![late.clone()]).await, Ok(vec![Appended::Fenced]));
    let head = Head { seq: late.expected_seq, hash: late.events[0].prev_hash };
    let locked = async |append: Append| {
        let (_, outcome) =
            store.append_locked(append.account, head, Box::new(Given(Some(append)))).await.expect("it answers");
        outcome
    };
    assert_eq!(locked(late.clone()).await, Some(Appended::Fenced));
    assert_eq!(store.events(late.account, late.expected_seq, 1).await, Ok(vec![]), "nothing was written");

    // The new one goes on where the log ends. How far its topic is worked off becomes durable with that.
    let positions = async || {
        let look = store.beat(ROLE, two, 2, &[]).await.expect("the store answers");
        look.shards.iter().map(|shard| shard.position).collect::<Vec<_>>()
    };
    let refused = Append { position: Some(9), ..late.clone() };
    assert_eq!(store.append(vec![refused]).await, Ok(vec![Appended::Fenced]));
    assert_eq!(positions().await, [None, None]);
    let next = Append { fence: Some(newer), position: Some(3), ..late };
    assert_eq!(locked(next.clone()).await, Some(Appended::Committed));
    assert_eq!(positions().await, [None, Some(3)]);
    assert_eq!(store.append(vec![Append { position: Some(8), ..next }]).await, Ok(vec![Appended::Conflict]));
    assert_eq!(positions().await, [None, Some(3)], "nothing of a conflict is written");
    let next = Append { position: Some(7), ..change(&mut first, Some(newer)) };
    let beside = Append { position: Some(5), ..change(&mut second, Some(kept)) };
    assert_eq!(store.append(vec![next, beside, change(&mut third, None)]).await, Ok(vec![Appended::Committed; 3]));
    assert_eq!(positions().await, [Some(5), Some(7)]);
}

/// Appends what it was given, whatever the log says.
struct Given(Option<Append>);

impl DecideLocked for Given {
    fn decide(&mut self, _: Head, _: Vec<RecordedEvent>) -> Option<Append> {
        self.0.take()
    }
}
