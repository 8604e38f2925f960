//! The relay: everything that the logs say comes to the topics, in order, once or more often, whatever breaks.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;
use tokio::task::JoinHandle;
use uuid::Uuid;
use velox::relay::{Relay, RelayPorts, RelaySettings};
use velox::shards::{ShardKeeper, ShardTimes};
use velox::shutdown::Shutdown;
use velox_kernel::{AccountId, BusRecord, FillId, MemberId, Symbol, TraceContext};
use velox_messages::{Alert, Codec, Format, Formats, Message, OrderEvent, PositionEvent, Topic, TopicNames, headers};
use velox_testkit::TestClock;
use velox_testkit::topics::MemoryTopics;
use velox_testkit::trading::{AccountScenario, FreshIds, MemoryTradingStore, money, price, quantity, symbol};
use velox_trading::{Append, Command, HaltMode, OrderStatus, RelayStore, ReportKind, Side, TradingLog};

/// Longer than anybody may take.
const PATIENCE: Duration = Duration::from_secs(120);

struct House {
    store: Arc<MemoryTradingStore>,
    topics: Arc<MemoryTopics>,
    codec: Arc<Codec>,
    committed: Arc<Notify>,
}

impl House {
    fn new() -> Self {
        let names = TopicNames::new("test").unwrap();
        let codec = Codec::new(names, Formats::all(Format::Json), None, Arc::new(TestClock::default())).unwrap();
        Self { store: Arc::default(), topics: Arc::default(), codec: Arc::new(codec), committed: Arc::default() }
    }

    /// Starts a relay, as a process of its own.
    fn relay(&self, number: u128) -> (Shutdown, JoinHandle<()>) {
        let shutdown = Shutdown::default();
        let me = MemberId::new(Uuid::from_u128(number));
        let (keeper, held) = ShardKeeper::new(self.store.clone(), "relay", me, 12, ShardTimes::default());
        let ports = RelayPorts {
            log: self.store.clone(),
            queries: self.store.clone(),
            marks: self.store.clone(),
            bus: self.topics.clone(),
            codec: self.codec.clone(),
            committed: self.committed.clone(),
        };
        let relay = Relay::new(ports, held, RelaySettings::default());
        let ending = shutdown.clone();
        let running = tokio::spawn(async move {
            tokio::join!(keeper.run(ending.clone()), relay.run(ending));
        });
        (shutdown, running)
    }

    async fn append(&self, append: Append) {
        self.store.append(vec![append]).await.unwrap();
        self.committed.notify_one();
    }

    /// Returns once nothing waits to be published.
    async fn published(&self) {
        let all = async {
            while !self.store.unpublished(None, 1).await.unwrap().is_empty() {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        tokio::time::timeout(PATIENCE, all).await.unwrap();
    }

    /// What is on a topic, by account, in order.
    async fn messages<M: Message>(&self, seq: impl Fn(&M) -> u64) -> BTreeMap<String, Vec<(u64, M)>> {
        let mut found = BTreeMap::<String, Vec<(u64, M)>>::new();
        for record in self.topics.of(&self.codec.names().topic(M::TOPIC)) {
            let message: M = self.codec.decode(&record.value).await.unwrap();
            assert_eq!(record.key, message.key());
            found.entry(record.key).or_default().push((seq(&message), message));
        }
        found
    }

    /// Each event of each log is there, and the first time in order.
    async fn holds_logs(&self, scenarios: &[AccountScenario]) {
        let found = self.messages(|event: &OrderEvent| event.seq).await;
        for scenario in scenarios {
            let seqs = found[&scenario.id().uuid().to_string()].iter().map(|(seq, _)| *seq);
            assert_eq!(first_times(seqs), (1..=u64::try_from(scenario.log().len()).unwrap()).collect::<Vec<_>>());
        }
    }
}

/// Numbers without those that were there before.
fn first_times(seqs: impl IntoIterator<Item = u64>) -> Vec<u64> {
    let mut first = Vec::new();
    for seq in seqs {
        if !first.contains(&seq) {
            first.push(seq);
        }
    }
    first
}

/// What is traded.
fn traded() -> Symbol {
    symbol("BTC-PERP")
}

fn scenario() -> AccountScenario {
    AccountScenario::new(Arc::new(FreshIds))
}

/// An account that opens, trades and moves cash, and its appends.
fn busy() -> (AccountScenario, Vec<Append>) {
    let mut scenario = scenario();
    let symbol = traded();
    let mut appends = vec![scenario.open()];
    scenario.set_price(symbol, price("100"));
    for round in 0..5 {
        let (order, placed) = scenario.place_limit(symbol, Side::Buy, "2", price("100"));
        appends.push(placed);
        appends.push(scenario.work(order));
        appends.push(scenario.fill(order, quantity("1"), price("100")));
        if round % 2 == 0 {
            appends.push(scenario.fill(order, quantity("1"), price("99")));
        }
    }
    appends.push(scenario.must(Command::MoveCash { currency: "USD".parse().unwrap(), amount: money("5") }));
    (scenario, appends)
}

#[tokio::test(start_paused = true)]
async fn every_event_comes_to_its_topics_with_what_it_made_of_the_account() {
    let house = House::new();
    let (mut scenario, appends) = busy();
    let (_shutdown, running) = house.relay(1);
    for append in appends {
        house.append(append).await;
        tokio::time::sleep(Duration::from_millis(3)).await;
    }
    // A fill that comes when its order is closed.
    let symbol = traded();
    let (order, placed) = scenario.place_limit(symbol, Side::Sell, "1", price("100"));
    house.append(placed).await;
    let worked = scenario.work(order);
    house.append(worked).await;
    let canceled = scenario.must(scenario.report(order, ReportKind::Canceled { text: "told to".to_owned() }));
    house.append(canceled).await;
    let late: FillId = "late".parse().unwrap();
    let filled = scenario.must(scenario.fill_report(order, late, quantity("1"), price("101")));
    // The relay reads the order's row when that is newer already.
    house.append(filled).await;
    house.published().await;
    house.holds_logs(std::slice::from_ref(&scenario)).await;

    let key = scenario.id().uuid().to_string();
    let orders = house.messages(|event: &OrderEvent| event.seq).await.remove(&key).unwrap();
    let events = scenario.log();
    assert_eq!(orders.len(), events.len(), "without a failure none is there twice");
    for ((_, told), event) in orders.iter().zip(events) {
        assert_eq!(told.kind, event.kind);
    }
    let statuses: Vec<String> = orders
        .iter()
        .filter_map(|(_, told)| told.order.as_ref())
        .filter(|told| told.order_id.to_string() == order.uuid().to_string())
        .map(|told| format!("{} {}", told.status, told.filled_quantity.0))
        .collect();
    assert_eq!(statuses, ["pending_new 0", "routed 0", "new 0", "canceled 0", "filled 1"]);
    assert_eq!(scenario.order(order).status, OrderStatus::Filled);

    let positions = house.messages(|event: &PositionEvent| event.seq).await.remove(&key).unwrap();
    let (_, last) = positions.iter().rfind(|(_, event)| !event.positions.is_empty()).unwrap();
    let held = scenario.account().position(symbol).unwrap();
    assert_eq!(last.positions[0].quantity.0, held.quantity.decimal());
    let carried = ["account_opened", "cash_moved", "order_filled"];
    let expected: Vec<u64> =
        (1..).zip(events).filter(|(_, event)| carried.contains(&event.kind.as_ref())).map(|(seq, _)| seq).collect();
    assert_eq!(positions.iter().map(|(seq, _)| *seq).collect::<Vec<_>>(), expected);
    assert!(house.messages(|_: &Alert| 0).await.is_empty(), "nothing of it is an alert");
    assert!(!running.is_finished());
}

#[tokio::test(start_paused = true)]
async fn records_name_the_trace_of_what_brought_them_and_no_other() {
    let house = House::new();
    let mut scenario = scenario();
    let trace = TraceContext::new(0x4bf9_2f35, 0x00f0_67aa, 1).unwrap();
    house.append(scenario.open()).await;
    scenario.trace = Some(trace);
    house.append(scenario.must(Command::MoveCash { currency: "USD".parse().unwrap(), amount: money("5") })).await;
    let halt = Command::Halt { mode: HaltMode::ReduceOnly, reason: "told to".to_owned(), cancel_open: false };
    house.append(scenario.must(halt)).await;
    let (_shutdown, _running) = house.relay(1);
    house.published().await;
    let traces = |topic: Topic| -> Vec<Option<String>> {
        let of = |record: &BusRecord| {
            let named = record.headers.iter().find(|(name, _)| *name == headers::TRACEPARENT);
            named.map(|(_, value)| value.clone())
        };
        house.topics.of(&house.codec.names().topic(topic)).iter().map(of).collect()
    };
    let named = Some(trace.to_string());
    assert_eq!(traces(Topic::Orders), [None, named.clone(), named.clone()]);
    assert_eq!(traces(Topic::Positions), [None, named.clone()]);
    assert_eq!(traces(Topic::Alerts), [named]);
}

#[tokio::test(start_paused = true)]
async fn a_bus_that_breaks_anywhere_loses_nothing_and_disorders_nothing() {
    let (scenario, appends) = busy();
    let (other, others) = busy();
    for breaks_after in [0, 1, 2, 7, 20, 31] {
        let house = House::new();
        house.topics.breaks_after(Some(breaks_after));
        for append in appends.iter().chain(&others) {
            house.append(append.clone()).await;
        }
        let (_shutdown, _running) = house.relay(1);
        tokio::time::sleep(Duration::from_secs(20)).await;
        assert_eq!(house.topics.of("test.orders.v1").is_empty(), breaks_after == 0);
        assert!(!house.store.unpublished(None, 1).await.unwrap().is_empty(), "it is not there");
        house.topics.breaks_after(None);
        house.published().await;
        house.holds_logs(&[scenario.clone(), other.clone()]).await;
    }
}

#[tokio::test(start_paused = true)]
async fn while_the_bus_is_away_no_log_is_read_again_for_each_attempt() {
    let (scenario, appends) = busy();
    let (other, others) = busy();
    let house = House::new();
    house.topics.breaks_after(Some(5));
    let (_shutdown, _running) = house.relay(1);
    for append in appends.iter().chain(&others[..2]) {
        house.append(append.clone()).await;
    }
    tokio::time::sleep(Duration::from_secs(20)).await;
    let reads = || house.store.reads.load(std::sync::atomic::Ordering::Relaxed);
    let before = reads();
    tokio::time::sleep(Duration::from_secs(600)).await;
    for append in &others[2..] {
        house.append(append.clone()).await;
    }
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(reads(), before);
    assert!(!house.store.unpublished(None, 1).await.unwrap().is_empty(), "it is not there");
    house.topics.breaks_after(None);
    house.published().await;
    house.holds_logs(&[scenario, other]).await;
}

#[tokio::test(start_paused = true)]
async fn a_record_that_is_refused_is_in_no_other_streams_way() {
    let refuse = |house: &House, refused: Option<AccountId>| {
        house.topics.refuses(refused.map(|account| account.uuid().to_string()).as_deref());
    };
    one_in_nobodys_way(refuse).await;
}

#[tokio::test(start_paused = true)]
async fn a_log_that_is_damaged_is_in_no_other_streams_way() {
    one_in_nobodys_way(|house, damaged| *house.store.damaged.lock() = damaged.into_iter().collect()).await;
}

/// `spoil` spoils the stream of an account, or none.
async fn one_in_nobodys_way(spoil: impl Fn(&House, Option<AccountId>)) {
    let accounts: Vec<(AccountScenario, Vec<Append>)> = (0..12).map(|_| busy()).collect();
    let spoiled = accounts[5].0.id();
    let house = House::new();
    spoil(&house, Some(spoiled));
    let (_shutdown, _running) = house.relay(1);
    for append in accounts.iter().flat_map(|(_, appends)| appends) {
        house.append(append.clone()).await;
    }
    tokio::time::sleep(Duration::from_secs(20)).await;
    let waiting: Vec<AccountId> =
        house.store.unpublished(None, 100).await.unwrap().iter().map(|stream| stream.account).collect();
    assert_eq!(waiting, [spoiled]);
    // It is tried again, and by itself.
    let others = || {
        house
            .topics
            .of(&house.codec.names().topic(Topic::Orders))
            .into_iter()
            .filter(|record| record.key != spoiled.uuid().to_string())
            .count()
    };
    let before = others();
    tokio::time::sleep(Duration::from_secs(300)).await;
    assert_eq!(others(), before, "others are published again and again");
    spoil(&house, None);
    house.published().await;
    let scenarios: Vec<AccountScenario> = accounts.into_iter().map(|(scenario, _)| scenario).collect();
    house.holds_logs(&scenarios).await;
}

#[tokio::test(start_paused = true)]
async fn relays_share_the_streams_and_take_over_from_one_that_is_killed() {
    let house = House::new();
    let accounts: Vec<(AccountScenario, Vec<Append>)> = (0..40).map(|_| busy()).collect();
    let (_one_ends, one) = house.relay(1);
    let (_two_ends, _two) = house.relay(2);
    let rounds = accounts.iter().map(|(_, appends)| appends.len()).max().unwrap();
    for round in 0..rounds {
        for append in accounts.iter().filter_map(|(_, appends)| appends.get(round)) {
            house.append(append.clone()).await;
        }
        if round == rounds / 2 {
            one.abort();
        }
        tokio::time::sleep(Duration::from_millis(700)).await;
    }
    house.published().await;
    let scenarios: Vec<AccountScenario> = accounts.into_iter().map(|(scenario, _)| scenario).collect();
    house.holds_logs(&scenarios).await;
}

#[tokio::test(start_paused = true)]
async fn a_relay_that_starts_in_the_middle_of_a_log_knows_what_was_before() {
    let house = House::new();
    let (scenario, appends) = busy();
    let half = appends.len() / 2;
    let (shutdown, running) = house.relay(1);
    for append in &appends[..half] {
        house.append(append.clone()).await;
    }
    house.published().await;
    shutdown.begin();
    running.await.unwrap();
    for append in &appends[half..] {
        house.append(append.clone()).await;
    }
    let (_shutdown, _running) = house.relay(2);
    house.published().await;
    house.holds_logs(std::slice::from_ref(&scenario)).await;
    let account: AccountId = scenario.id();
    let positions =
        house.messages(|event: &PositionEvent| event.seq).await.remove(&account.uuid().to_string()).unwrap();
    let (_, last) = positions.iter().rfind(|(_, event)| !event.positions.is_empty()).unwrap();
    let held = scenario.account().position(traded()).unwrap();
    assert_eq!(last.positions[0].quantity.0, held.quantity.decimal());
}

#[test]
fn every_topic_has_a_name_of_its_own() {
    let names = TopicNames::new("test").unwrap();
    let all: std::collections::BTreeSet<String> =
        Topic::ALL.into_iter().flat_map(|topic| [names.topic(topic), names.dead_letters(topic)]).collect();
    assert_eq!(all.len(), 2 * Topic::ALL.len());
}
