//! No report is lost, and none holds up what it need not.

use std::sync::atomic::Ordering;
use std::time::Duration;

use velox::accounts::LaneSettings;
use velox_kernel::{AccountId, OrderId};
use velox_trading::{Command, OrderStatus, Report, ReportKind};

use super::executor::replace;
use super::fake_broker::{Role, seconds};
use crate::accounts::faulty_store::Fault;
use crate::accounts::ledger::{SETTINGS, fill_report};

impl Role {
    fn say(&self, account: AccountId, order: OrderId, kind: ReportKind) {
        self.broker.say(Report { account, order, kind, at: velox_kernel::Clock::now(&*self.ledger.clock) });
    }

    fn say_filled(&self, account: AccountId, order: OrderId, fill: &str) {
        self.say(account, order, ReportKind::Filled(fill_report(fill, "0.25")));
    }
}

#[tokio::test(start_paused = true)]
async fn reports_that_the_store_does_not_take_are_brought_again_in_order() {
    let mut role = Role::new().await;
    let order = role.ledger.work(&role.process, role.account).await;
    role.ledger.store.fail_next([Fault::Unavailable, Fault::LostCommitted, Fault::Full, Fault::LostUncommitted]);
    role.listen();
    for fill in ["a", "b"] {
        role.say_filled(role.account, order, fill);
    }
    role.pass(Duration::from_millis(40)).await;
    role.say_filled(role.account, order, "c");
    role.say(role.account, order, ReportKind::Canceled { text: String::new() });
    role.pass(seconds(3)).await;
    let stored = role.stored(order).await;
    assert_eq!((stored.status, stored.filled), (OrderStatus::Canceled, "0.75".parse().unwrap()));
    let fills = velox_trading::TradingQueries::fills_of_account(&*role.ledger.store.inner, role.account, 0, 10).await;
    let names: Vec<String> = fills.unwrap().iter().map(|recorded| recorded.fill.id.to_string()).collect();
    assert_eq!(names, ["a", "b", "c"]);
    role.ledger.verify().await;
}

#[tokio::test(start_paused = true)]
async fn a_fill_that_comes_before_its_order_waits_for_it() {
    let mut role = Role::new().await;
    let order = role.ledger.work(&role.process, role.account).await;
    let (command, replacement) = replace(&role, order);
    role.process.run(role.account, command).await.unwrap();
    role.listen();
    role.say_filled(role.account, replacement, "early");
    role.pass(seconds(3)).await;
    role.say(role.account, order, ReportKind::Replaced { broker_order_id: "broker-2".parse().unwrap() });
    role.pass(seconds(3)).await;
    assert_eq!(role.stored(replacement).await.filled, "0.25".parse().unwrap());
}

#[tokio::test(start_paused = true)]
async fn no_report_overtakes_one_that_the_store_did_not_take() {
    let mut role = Role::new().await;
    // Each command has a round of its own: the store fails at the first report and not at the second.
    role.process = role.ledger.process_with(LaneSettings { batch: 1, ..SETTINGS });
    let order = role.ledger.work(&role.process, role.account).await;
    let (command, replacement) = replace(&role, order);
    role.process.run(role.account, command).await.unwrap();
    role.say_filled(role.account, order, "before");
    role.say(role.account, order, ReportKind::Replaced { broker_order_id: "broker-2".parse().unwrap() });
    role.ledger.store.fail_next([Fault::Unavailable]);
    role.listen();
    role.pass(seconds(3)).await;
    assert_eq!(role.stored(order).await.filled, "0.25".parse().unwrap());
    // What had filled before is not filled again.
    assert_eq!(role.stored(replacement).await.terms.quantity, "1.25".parse().unwrap());
    role.ledger.verify().await;
}

#[tokio::test(start_paused = true)]
async fn a_report_that_had_to_wait_for_the_store_is_not_given_up_for_that() {
    let mut role = Role::new().await;
    let order = role.ledger.work(&role.process, role.account).await;
    let (command, replacement) = replace(&role, order);
    role.process.run(role.account, command).await.unwrap();
    // A process that has to read the log first.
    role.process = role.ledger.process();
    role.ledger.store.away.store(true, Ordering::SeqCst);
    role.listen();
    role.say_filled(role.account, replacement, "early");
    role.pass(seconds(15)).await;
    role.ledger.store.away.store(false, Ordering::SeqCst);
    role.pass(seconds(3)).await;
    role.say(role.account, order, ReportKind::Replaced { broker_order_id: "broker-2".parse().unwrap() });
    role.pass(seconds(3)).await;
    assert_eq!(role.stored(replacement).await.filled, "0.25".parse().unwrap());
}

#[tokio::test(start_paused = true)]
async fn a_report_about_nothing_is_given_up_and_holds_up_nothing() {
    let mut role = Role::new().await;
    let order = role.ledger.work(&role.process, role.account).await;
    role.listen();
    let stray = role.ledger.order().order;
    role.say_filled(role.account, stray, "stray");
    role.say_filled(role.account, order, "good");
    role.pass(Duration::from_millis(200)).await;
    assert_eq!(role.stored(order).await.filled, "0.25".parse().unwrap());
    role.pass(seconds(13)).await;
    let reads = role.ledger.store.reads.load(Ordering::SeqCst);
    role.pass(seconds(10)).await;
    assert_eq!(role.ledger.store.reads.load(Ordering::SeqCst), reads, "it is not brought for ever");
}

#[tokio::test(start_paused = true)]
async fn a_damaged_account_holds_up_no_other() {
    let mut role = Role::new().await;
    let order = role.ledger.work(&role.process, role.account).await;
    let damaged = role.ledger.open(&role.process).await;
    let hurt = role.ledger.work(&role.process, damaged).await;
    // A process that has to read both logs, and cannot read one.
    role.process = role.ledger.process();
    *role.ledger.store.damaged.lock() = Some(damaged);
    role.listen();
    role.say_filled(damaged, hurt, "hurt");
    role.say_filled(role.account, order, "good");
    role.pass(Duration::from_millis(100)).await;
    assert_eq!(role.stored(order).await.filled, "0.25".parse().unwrap());
    role.say_filled(role.account, order, "better");
    role.pass(Duration::from_millis(100)).await;
    assert_eq!(role.stored(order).await.filled, "0.5".parse().unwrap());
    // Mended in time, the account has its fill too.
    *role.ledger.store.damaged.lock() = None;
    role.pass(seconds(3)).await;
    assert_eq!(role.ledger.stored(damaged, hurt).await.filled, "0.25".parse().unwrap());
}

#[tokio::test(start_paused = true)]
async fn it_ends_while_the_store_is_away() {
    let mut role = Role::new().await;
    let order = role.ledger.work(&role.process, role.account).await;
    role.execute();
    role.listen();
    role.ledger.store.away.store(true, Ordering::SeqCst);
    role.say_filled(role.account, order, "a");
    role.process.run(role.account, Command::Cancel { order }).await.unwrap_err();
    role.pass(seconds(1)).await;
    role.shutdown.begin();
    let ended = async { while role.tasks.join_next().await.is_some() {} };
    tokio::time::timeout(seconds(10), ended).await.expect("nobody waits for a store that is away");
}
