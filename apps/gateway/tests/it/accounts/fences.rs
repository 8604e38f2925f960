//! Commands that need a right, and what becomes of them once another process has it.

use futures_util::future::join_all;
use velox::execution::{EXECUTION_SHARDS, execution_shard};
use velox_kernel::{AccountId, Fence, Ids, MemberId, ShardStore};
use velox_testkit::trading::FreshIds;
use velox_trading::{Command, ExecuteError, Executed, OrderStatus};

use super::ledger::{Ledger, Process, cause, lost};

const ROLE: &str = "execution";

/// Takes the shard of an account's execution for somebody new, from whoever had it.
pub(crate) async fn take(ledger: &Ledger, account: AccountId) -> Fence {
    let (store, member) = (&ledger.store.inner, MemberId::new(FreshIds.next()));
    let look = store.beat(ROLE, member, EXECUTION_SHARDS, &[]).await.unwrap();
    let wanted = look.shards.iter().find(|shard| shard.number == execution_shard(account)).unwrap();
    let taken = store.take(ROLE, member, &[*wanted]).await.unwrap();
    Fence { role: ROLE, shard: wanted.number, epoch: taken[0].epoch }
}

/// Runs commands that share a commit, each under its right.
async fn together(
    process: &Process,
    account: AccountId,
    commands: impl IntoIterator<Item = (Command, Option<Fence>)>,
) -> Vec<Result<Executed, ExecuteError>> {
    let commands = commands.into_iter().map(|(command, fence)| (command, cause(), fence, tracing::Span::none()));
    let answers = process.lanes.enqueue_together(account, commands.collect()).await.unwrap();
    join_all(answers.into_iter().map(async |answer| answer.await.unwrap_or_else(|_| Err(lost())))).await
}

#[tokio::test]
async fn what_needs_a_right_that_was_lost_is_not_written_and_the_rest_of_its_commit_is() {
    let ledger = Ledger::new();
    let process = ledger.process();
    let account = ledger.open(&process).await;
    let first = ledger.place(&process, account).await;
    let right = take(&ledger, account).await;
    let routed = together(&process, account, [(Command::Route { order: first }, Some(right))]).await;
    assert_eq!(routed[0].as_ref().unwrap().events.len(), 1);

    let second = ledger.place(&process, account).await;
    let newer = take(&ledger, account).await;
    let third = ledger.order();
    let (third_id, third) = (third.order, Command::Place(third));
    let commands = [
        (Command::Route { order: second }, Some(right)),
        (third, None),
        (ledger.acknowledged(account, first), Some(right)),
    ];
    let answers = together(&process, account, commands).await;
    assert!(matches!(answers[0], Err(ExecuteError::Fenced)), "{answers:?}");
    assert_eq!(answers[1].as_ref().unwrap().events.len(), 1);
    assert!(matches!(answers[2], Err(ExecuteError::Fenced)), "{answers:?}");
    assert_eq!(ledger.stored(account, first).await.status, OrderStatus::Routed);
    assert_eq!(ledger.stored(account, second).await.status, OrderStatus::PendingNew);
    assert_eq!(ledger.stored(account, third_id).await.status, OrderStatus::PendingNew);

    // Of two rights the newer one counts, also when the older one's command comes with it.
    let commands = [(Command::Route { order: second }, Some(newer)), (Command::Route { order: third_id }, Some(right))];
    let answers = together(&process, account, commands).await;
    assert_eq!(answers[0].as_ref().unwrap().events.len(), 1);
    assert!(matches!(answers[1], Err(ExecuteError::Fenced)), "{answers:?}");
    assert_eq!(ledger.stored(account, third_id).await.status, OrderStatus::PendingNew);
    ledger.verify().await;
}

#[tokio::test]
async fn a_right_that_was_lost_counts_under_the_lock_as_well() {
    let ledger = Ledger::new();
    let (process, other) = (ledger.process(), ledger.process());
    let account = ledger.open(&process).await;
    let order = ledger.place(&process, account).await;
    let right = take(&ledger, account).await;
    take(&ledger, account).await;
    // A name that is there already is found out by the store: such a group is decided under the lock.
    let name = ledger.order();
    other.run(account, Command::Place(name.clone())).await.unwrap();
    let again = velox_trading::PlaceOrder { order: ledger.order().order, ..name };
    let commands =
        [(Command::Route { order }, Some(right)), (Command::Place(again), None), (Command::Cancel { order }, None)];
    let answers = together(&process, account, commands).await;
    assert!(matches!(answers[0], Err(ExecuteError::Fenced)), "{answers:?}");
    assert!(matches!(answers[1], Err(ExecuteError::Refused(_))), "{answers:?}");
    assert!(answers[2].is_ok(), "{answers:?}");
    assert_eq!(ledger.stored(account, order).await.status, OrderStatus::Canceled);
    ledger.verify().await;
}
