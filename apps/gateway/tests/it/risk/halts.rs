//! Who is halted, when, and how often.

use std::time::Duration;

use tokio::time::Instant;
use velox::accounts::Touched;
use velox::risk::{RiskSettings, RiskShare};
use velox::shards::{ShardKeeper, ShardTimes, shard_of};
use velox::shutdown::Shutdown;
use velox_kernel::{AccountId, Ids, MemberId, ShardStore};
use velox_testkit::trading::FreshIds;
use velox_trading::{Command, HaltMode};

use super::watch::{Desk, SETTINGS, some_looks, until};

#[tokio::test(start_paused = true)]
async fn whoever_loses_what_is_allowed_is_halted_once_and_nobody_else() {
    let desk = Desk::new();
    let (careful, bold, free) = (desk.holder(Some("10")).await, desk.holder(Some("20")).await, desk.holder(None).await);
    let running = desk.watch(RiskShare::All, SETTINGS);
    some_looks().await;
    desk.price("80.000001");
    some_looks().await;
    assert_eq!(desk.halts(careful).await, 0, "9.999999 are lost");
    desk.price("80");
    desk.until_halted(careful).await;
    for price in ["79", "75", "80", "71"] {
        desk.price(price);
        some_looks().await;
    }
    assert_eq!([desk.halts(careful).await, desk.halts(bold).await, desk.halts(free).await], [1, 0, 0]);
    desk.price("70");
    desk.until_halted(bold).await;
    running.shutdown.begin();
    running.task.await.unwrap();
    desk.ledger.verify().await;
}

#[tokio::test(start_paused = true)]
async fn limits_positions_and_resumes_count_from_when_they_come() {
    let desk = Desk::new();
    let _running = desk.watch(RiskShare::All, SETTINGS);
    some_looks().await;
    // All of it comes after the first look.
    let account = desk.holder(None).await;
    desk.price("80");
    some_looks().await;
    assert_eq!(desk.halts(account).await, 0);
    desk.limit(account, Some("15")).await;
    some_looks().await;
    assert_eq!(desk.halts(account).await, 0);
    desk.buy(account).await;
    desk.until_halted(account).await;
    desk.process.run(account, Command::Resume).await.unwrap();
    desk.until_halted(account).await;
    assert_eq!(desk.halts(account).await, 2, "nothing has changed that would let it trade");
    desk.limit(account, Some("25")).await;
    desk.process.run(account, Command::Resume).await.unwrap();
    some_looks().await;
    assert_eq!(desk.row(account).await.halt, None);
}

#[tokio::test(start_paused = true)]
async fn what_was_not_told_is_found_in_the_store() {
    let desk = Desk::new();
    let other = desk.ledger.process();
    let often = RiskSettings { list_every: Duration::from_secs(2), ..SETTINGS };
    let _running = desk.watch(RiskShare::All, often);
    some_looks().await;
    let elsewhere = Desk { ledger: desk.ledger.beside(), process: other };
    let account = elsewhere.holder(Some("10")).await;
    desk.price("70");
    desk.until_halted(account).await;

    // What is told is found at once: a position of another process, and a limit.
    let told = elsewhere.holder(Some("1000")).await;
    desk.process.lanes.tell_elsewhere(told, 5, Touched::Rights, false);
    some_looks().await;
    elsewhere.limit(told, Some("10")).await;
    desk.process.hub.tell_missed();
    desk.until_halted(told).await;
}

#[tokio::test(start_paused = true)]
async fn a_store_that_was_away_is_asked_again() {
    let desk = Desk::new();
    let account = desk.holder(Some("10")).await;
    let _running = desk.watch(RiskShare::All, SETTINGS);
    some_looks().await;
    desk.ledger.store.away.store(true, std::sync::atomic::Ordering::SeqCst);
    desk.price("70");
    some_looks().await;
    assert_eq!(desk.halts(account).await, 0);
    desk.ledger.store.away.store(false, std::sync::atomic::Ordering::SeqCst);
    desk.until_halted(account).await;
    assert_eq!(desk.halts(account).await, 1);
}

#[tokio::test(start_paused = true)]
async fn a_writer_that_does_not_answer_is_in_no_others_way() {
    let desk = Desk::new();
    let lane = |account: &AccountId| account.uuid().as_u128() % 2;
    let mut accounts = vec![desk.holder(Some("10")).await];
    // Accounts of one lane share a commit.
    while accounts.iter().all(|account| lane(account) == lane(&accounts[0])) {
        accounts.push(desk.holder(Some("10")).await);
    }
    let _running = desk.watch(RiskShare::All, SETTINGS);
    some_looks().await;
    let (never, answer) = tokio::sync::oneshot::channel::<()>();
    desk.ledger.store.before_append.lock().push_back(Box::new(|| {
        Box::pin(async {
            let _ = answer.await;
        })
    }));
    let halts = async || {
        let mut halts = 0;
        for account in &accounts {
            halts += desk.halts(*account).await;
        }
        halts
    };
    let began = Instant::now();
    desk.price("70");
    until("another's halt", async || halts().await > 0).await;
    assert!(began.elapsed() < Duration::from_secs(1), "it waited for the one that does not answer");
    drop(never);
    until("all halts", async || halts().await == accounts.len()).await;
    some_looks().await;
    assert_eq!(halts().await, accounts.len());
}

#[tokio::test(start_paused = true)]
async fn processes_share_the_accounts_and_whoever_lost_its_share_halts_nobody() {
    let desk = Desk::new();
    let account = desk.holder(Some("10")).await;
    let store = &desk.ledger.store.inner;
    let member = || MemberId::new(FreshIds.next());
    let (me, times) = (member(), ShardTimes::default());
    let (keeper, held) = ShardKeeper::new(store.clone(), "risk", me, 4, times);
    let keeping = Shutdown::default();
    let _keeping = tokio::spawn(keeper.run(keeping.clone()));
    let _running = desk.watch(RiskShare::Shards(held.clone()), SETTINGS);
    until("its share", async || held.now().len() == 4).await;
    some_looks().await;

    // Another one takes the account's shard; the keeper hears of that with its next beat, and the price falls before.
    let other = member();
    let look = store.beat("risk", other, 4, &[]).await.unwrap();
    let shard = look.shards[usize::try_from(shard_of(account, 4)).unwrap()];
    assert_eq!(store.take("risk", other, &[shard]).await.unwrap().len(), 1);
    desk.price("70");
    tokio::time::sleep(SETTINGS.look_every * 2).await;
    assert_eq!(desk.halts(account).await, 0, "the right was lost");
    until("the loss of its shard", async || !held.now().contains_key(&shard.number)).await;
    some_looks().await;
    assert_eq!(desk.halts(account).await, 0);

    // That one goes, and the shard comes back.
    store.release("risk", other, &[shard.number], true).await.unwrap();
    desk.until_halted(account).await;
    assert_eq!(desk.row(account).await.halt, Some(HaltMode::ReduceOnly));
}
