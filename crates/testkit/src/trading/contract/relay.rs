//! What was published of the log.

use velox_kernel::{AccountId, Fence, Ids, MemberId, ShardStore};
use velox_trading::{Append, Appended, Command, Marked, RelayStore, TradingLog, Unpublished};

use crate::trading::{FreshIds, money};

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
    store.prepare_relay().await.expect("the store answers");
    store.prepare_relay().await.expect("it may be there");
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
