//! Any interleaving of clients, processes and failures: what was acknowledged is there, once.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use velox::accounts::{LaneSettings, Touched};
use velox_kernel::{AccountId, OrderId};
use velox_trading::{
    AccountWriter, Command, ExecuteError, OrderStatus, PlaceOrder, Refused, ReportKind, StoreError, TradingLog,
    TradingQueries,
};

use super::faulty_store::Fault;
use super::ledger::{Ledger, Process, SETTINGS, cause, fill_report};

/// SplitMix64, by Steele, Lea and Flood.
#[derive(Clone)]
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % sides
    }
}

fn fault(dice: &mut Dice) -> Fault {
    match dice.roll(20) {
        0 => Fault::Unavailable,
        1 => Fault::LostCommitted,
        2 => Fault::LostUncommitted,
        _ => Fault::None,
    }
}

/// What a client knows in the end.
#[derive(Default)]
struct Journal {
    orders: Vec<(AccountId, OrderId)>,
    fills: BTreeMap<OrderId, u64>,
}

/// Sends a command until its outcome is known, to either process.
async fn settle(
    processes: &[Arc<Process>; 2],
    account: AccountId,
    command: impl Fn() -> Command,
    dice: &mut Dice,
) -> Result<(), Refused> {
    loop {
        let process = &processes[usize::from(dice.roll(2) == 1)];
        // What others are said to have written may be true, old or made up, or never be told.
        if dice.roll(2) == 0 {
            process.lanes.tell_elsewhere(account, dice.roll(200), Touched::Orders, false);
        }
        match process.lanes.execute(account, command(), cause()).await {
            Ok(_) => return Ok(()),
            Err(ExecuteError::Refused(refused)) => return Err(refused),
            Err(
                ExecuteError::Overloaded
                | ExecuteError::Contended
                | ExecuteError::Store(StoreError::Unavailable(_) | StoreError::OutcomeUnknown(_)),
            ) => tokio::task::yield_now().await,
            Err(error) => panic!("{error}"),
        }
    }
}

async fn client(
    ledger: Arc<Ledger>,
    processes: [Arc<Process>; 2],
    accounts: Vec<AccountId>,
    mut dice: Dice,
    steps: u64,
) -> Journal {
    let mut journal = Journal::default();
    for _ in 0..steps {
        let account = accounts[usize::try_from(dice.roll(u64::try_from(accounts.len()).unwrap())).unwrap()];
        let order = ledger.order();
        // As the edge does it, each request brings an order id of its own; the answer names the one that counts.
        let place = || Command::Place(PlaceOrder { order: ledger.order().order, ..order.clone() });
        match settle(&processes, account, place, &mut dice).await {
            Ok(()) | Err(Refused::Repeated { .. }) => {}
            Err(refused) => panic!("placing was refused: {refused}"),
        }
        let id = match settle(&processes, account, place, &mut dice).await {
            Err(Refused::Repeated { order, .. }) => order,
            other => panic!("placing again was answered {other:?}"),
        };
        journal.orders.push((account, id));
        if dice.roll(2) == 0 {
            continue;
        }
        match settle(&processes, account, || Command::Route { order: id }, &mut dice).await {
            Ok(()) | Err(Refused::NotRoutable) => {}
            Err(refused) => panic!("routing was refused: {refused}"),
        }
        for number in 0..dice.roll(4) {
            let fill = ReportKind::Filled(fill_report(&format!("fill-{id}-{number}"), "0.25"));
            let fill = ledger.report(account, id, fill);
            for _ in 0..=dice.roll(2) {
                settle(&processes, account, || fill.clone(), &mut dice)
                    .await
                    .expect("a fill is taken, however often it is told");
            }
            *journal.fills.entry(id).or_default() += 1;
            if dice.roll(4) == 0 {
                match settle(&processes, account, || Command::Cancel { order: id }, &mut dice).await {
                    Ok(()) | Err(Refused::OrderNotOpen { .. }) => {}
                    Err(refused) => panic!("cancelling was refused: {refused}"),
                }
                let canceled = ledger.canceled(account, id);
                settle(&processes, account, || canceled.clone(), &mut dice).await.expect("an end is taken");
                let again = settle(&processes, account, place, &mut dice).await;
                assert!(matches!(again, Err(Refused::Repeated { order, .. }) if order == id), "{again:?}");
            }
        }
    }
    journal
}

async fn campaign(seed: u64, clients: u64, steps: u64) {
    println!("seed {seed}, {clients} clients, {steps} steps");
    let ledger = Arc::new(Ledger::new());
    let settings = LaneSettings { queue: 8, batch: 5, accounts: 2, snapshot_every: 7, ..SETTINGS };
    let processes = [0, 1].map(|_| Arc::new(ledger.process_with(settings)));
    let mut accounts = vec![];
    for _ in 0..3 {
        accounts.push(ledger.open(&processes[0]).await);
    }
    let mut chance = Dice(seed ^ 1);
    *ledger.store.chance.lock() = Some(Box::new(move || fault(&mut chance)));
    let mut tasks = tokio::task::JoinSet::new();
    for number in 0..clients {
        let dice = Dice(seed.wrapping_mul(1_000).wrapping_add(number));
        tasks.spawn(client(Arc::clone(&ledger), processes.clone(), accounts.clone(), dice, steps));
    }
    let mut journals = vec![];
    while let Some(journal) = tasks.join_next().await {
        journals.push(journal.unwrap());
    }
    check(&ledger, &accounts, &journals, seed).await;
    for process in &processes {
        process.lanes.close();
    }
}

async fn check(ledger: &Ledger, accounts: &[AccountId], journals: &[Journal], seed: u64) {
    ledger.verify().await;
    let store = &ledger.store.inner;
    let mut stored = BTreeMap::new();
    for account in accounts {
        let events = store.events(*account, 0, 1_000_000).await.unwrap();
        assert!(events.iter().map(|event| event.seq).eq(1..=u64::try_from(events.len()).unwrap()), "seed {seed}: gaps");
        for order in store.orders_of_account(*account, None, 1_000_000).await.unwrap() {
            assert!(stored.insert(order.id, order).is_none(), "seed {seed}: an order twice");
        }
    }
    let known: usize = journals.iter().map(|journal| journal.orders.len()).sum();
    assert_eq!(stored.len(), known, "seed {seed}: every order that was placed, and no other");
    for journal in journals {
        for (account, id) in &journal.orders {
            let order = stored.get(id).unwrap_or_else(|| panic!("seed {seed}: {id} is lost"));
            assert_eq!(order.account, *account, "seed {seed}");
            let fills = journal.fills.get(id).copied().unwrap_or(0);
            let filled = velox_kernel::Decimal::from_units(i128::from(fills) * 250_000_000_000).unwrap();
            assert_eq!(order.filled.decimal(), filled, "seed {seed}: {id} has each fill once");
            assert_ne!(order.status, OrderStatus::Denied, "seed {seed}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn whatever_fails_every_acknowledged_order_is_there_once() {
    let full = std::env::var("VELOX_TEST_TIER").is_ok_and(|tier| tier == "full");
    let (campaigns, steps) = if full { (20, 120) } else { (4, 30) };
    let given = std::env::var("VELOX_TEST_SEED").ok().and_then(|seed| seed.parse().ok());
    #[expect(clippy::disallowed_methods, reason = "a seed that is new in every run; it is printed")]
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    for number in 0..campaigns {
        campaign(given.unwrap_or(now * 100 + number), 12, steps).await;
    }
}
