//! The plans of the statements that the store issues, on tables of a realistic size: an index for each.

mod filtered;
mod judge;
mod rows;

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::sync::Arc;

use diesel::connection::{Instrumentation, InstrumentationEvent, set_default_instrumentation};
use tokio_postgres::Client;
use uuid::Uuid;
use velox_brokers::BrokerStore;
use velox_identity::{EndSessions, IdentityStore};
use velox_kernel::{
    AccountId, ConnectionId, Cursor, Fence, MemberId, OrderId, OrgId, PageRequest, SessionId, ShardStore, StrategyId,
    Timeframe, Timestamp, UserId,
};
use velox_market::{CandleOrder, CandleQuery, InstrumentFilter, MarketStore};
use velox_postgres::PostgresStore;
use velox_testkit::market::sample_candle;
use velox_trading::{
    AccountFilter, Append, FillFilter, OrderFilter, OrderStatus, RelayStore, Side, TradingLists, TradingLog,
    TradingQueries,
};

use self::judge::Parameter;
use crate::database::Database;
use crate::faults::{desk, order};

thread_local! {
    /// The statements of this thread's test while it listens.
    static HEARD: RefCell<Option<BTreeSet<String>>> = const { RefCell::new(None) };
}

/// Writes statements down, of whoever listens.
struct Listener;

impl Instrumentation for Listener {
    fn on_connection_event(&mut self, event: InstrumentationEvent<'_>) {
        if let InstrumentationEvent::StartQuery { query, .. } = event {
            HEARD.with_borrow_mut(|heard| {
                let Some(heard) = heard else { return };
                let text = query.to_string();
                heard.insert(text.split(" -- binds: ").next().unwrap_or_default().to_owned());
            });
        }
    }
}

/// The statements of some work on this thread.
async fn heard(work: impl Future<Output = ()>) -> Vec<String> {
    HEARD.set(Some(BTreeSet::new()));
    work.await;
    let verbs = ["SELECT", "WITH", "INSERT", "UPDATE", "DELETE"];
    let statements = HEARD.take().unwrap();
    let begins = |text: &str, verb: &&str| text.trim_start_matches('(').starts_with(*verb);
    statements.into_iter().filter(|text| verbs.iter().any(|verb| begins(text, verb))).collect()
}

fn id(number: u128) -> Uuid {
    Uuid::from_u128(number)
}

const ORG: u128 = 1;
const ACCOUNT: u128 = 1_000;
const PAGE: u16 = 50;

/// As many accounts as a list may name.
fn several() -> AccountFilter {
    let most = u128::try_from(AccountFilter::MOST).unwrap();
    AccountFilter::of((0..most).map(|number| AccountId::new(id(ACCOUNT + number)))).unwrap()
}

fn pages() -> [Option<Uuid>; 2] {
    [None, Some(id(5))]
}

/// Asks. Whether the store can read the rows that stand here for real ones does not matter: the statement was sent.
async fn ask<T, E>(question: impl Future<Output = Result<T, E>>) {
    let _ = question.await;
}

async fn ask_for_orders(store: &PostgresStore) {
    let (org, account) = (OrgId::new(id(ORG)), AccountId::new(id(ACCOUNT)));
    let several = several();
    let plain = OrderFilter::default;
    let filters = [
        plain(),
        OrderFilter { accounts: account.into(), ..plain() },
        OrderFilter { accounts: several.clone(), ..plain() },
        OrderFilter { accounts: several, statuses: vec![OrderStatus::Filled], side: Some(Side::Buy), ..plain() },
        OrderFilter { statuses: vec![OrderStatus::Filled], ..plain() },
        OrderFilter { statuses: OrderStatus::ALL.to_vec(), ..plain() },
        OrderFilter { statuses: vec![OrderStatus::New], ..plain() },
        OrderFilter { accounts: account.into(), statuses: vec![OrderStatus::New], ..plain() },
        OrderFilter { accounts: account.into(), statuses: vec![OrderStatus::New, OrderStatus::Filled], ..plain() },
        OrderFilter { symbol: Some("BTC-PERP".parse().unwrap()), ..plain() },
        OrderFilter { side: Some(Side::Buy), ..plain() },
        OrderFilter { strategy: Some(StrategyId::new(id(7))), ..plain() },
    ];
    for filter in &filters {
        for after in pages() {
            let after = after.map(|id| Cursor::new(OrderId::new(id)));
            ask(store.orders(org, filter, &PageRequest::new(50, after).unwrap())).await;
        }
    }
    for after in pages() {
        let after = after.map(OrderId::new);
        let waiting = [OrderStatus::PendingNew, OrderStatus::Routed, OrderStatus::Unknown];
        for statuses in [&waiting[..], &[OrderStatus::New, OrderStatus::PartiallyFilled]] {
            ask(store.orders_in(statuses, after, 500)).await;
        }
        ask(store.orders_of_account(account, after, 500)).await;
    }
    ask(store.order(org, OrderId::new(id(9)))).await;
    ask(store.order_of_account(account, OrderId::new(id(9)))).await;
    ask(store.order_by_client_id(account, "name".parse().unwrap())).await;
}

async fn ask_for_orders_of_several(store: &PostgresStore) {
    let filter = OrderFilter { accounts: several(), ..OrderFilter::default() };
    ask(store.orders(OrgId::new(id(ORG)), &filter, &PageRequest::new(PAGE, None).unwrap())).await;
}

async fn ask_for_fills_of_several(store: &PostgresStore) {
    let filter = FillFilter { accounts: several(), ..FillFilter::default() };
    ask(store.fills(OrgId::new(id(ORG)), &filter, &PageRequest::new(PAGE, None).unwrap())).await;
}

/// What those two are asked with, for each account: the tenant, the account three times, and how many rows.
fn named(parameter: Parameter<'_>) -> String {
    match parameter.column {
        "org_id" => format!("'{}'", id(ORG)),
        "account_id" => format!("'{}'", id(ACCOUNT + u128::try_from(parameter.place).unwrap() / 5)),
        "" => (PAGE + 1).to_string(),
        other => panic!("a parameter for {other}"),
    }
}

async fn ask_for_the_rest_of_trading(store: &PostgresStore) {
    let (org, account) = (OrgId::new(id(ORG)), AccountId::new(id(ACCOUNT)));
    let plain = FillFilter::default;
    let time = Some(Timestamp::from_seconds(1_750_000_000));
    let filters = [
        plain(),
        FillFilter { accounts: account.into(), ..plain() },
        FillFilter { accounts: several(), ..plain() },
        FillFilter { accounts: several(), from: time, to: time, ..plain() },
        FillFilter { order: Some(OrderId::new(id(9))), ..plain() },
        FillFilter { symbol: Some("BTC-PERP".parse().unwrap()), ..plain() },
        FillFilter { strategy: Some(StrategyId::new(id(7))), ..plain() },
        FillFilter { from: time, to: time, ..plain() },
    ];
    for filter in &filters {
        for after in [None, Some(Cursor::new(format!("1750000000000000|5|{account}")))] {
            ask(store.fills(org, filter, &PageRequest::new(50, after).unwrap())).await;
        }
    }
    ask(store.fills_of_account(account, 5, 500)).await;
    ask(store.has_fill(account, "f-1".parse().unwrap())).await;
    ask(store.positions(account)).await;
    ask(store.balances(account)).await;
    for after in pages() {
        let cursor = after.map(|id| Cursor::new(AccountId::new(id)));
        ask(store.accounts(org, &PageRequest::new(50, cursor).unwrap())).await;
        ask(store.all_accounts(after.map(AccountId::new), 500)).await;
        ask(store.loss_limited_accounts(after.map(AccountId::new), 500)).await;
    }
    ask(store.account(org, account)).await;
    ask(store.accounts_of_connection(ConnectionId::new(id(3)))).await;
    ask(store.events(account, 5, 500)).await;
    ask(store.snapshot(account)).await;
}

async fn write_to_the_log(store: &PostgresStore) {
    let mut desk = desk();
    store.append(vec![desk.open()]).await.unwrap();
    store.append(vec![order(&mut desk)]).await.unwrap();
}

/// Writes under a right, and with how far the topic of its shard is worked off.
async fn write_under_a_right(store: &PostgresStore) {
    let mut desk = desk();
    store.append(vec![desk.open()]).await.unwrap();
    let member = MemberId::new(id(1));
    let look = store.beat("risk", member, 12, &[]).await.unwrap();
    let taken = store.take("risk", member, &look.shards[..1]).await.unwrap();
    let fence = Some(Fence { role: "risk", shard: 0, epoch: taken[0].epoch });
    store.append(vec![Append { fence, ..order(&mut desk) }]).await.unwrap();
    store.append(vec![Append { fence, position: Some(7), ..order(&mut desk) }]).await.unwrap();
}

async fn publish_the_log(store: &PostgresStore) {
    let member = MemberId::new(id(1));
    let look = store.beat("relay", member, 12, &[MemberId::new(id(2))]).await.unwrap();
    let taken = store.take("relay", member, &look.shards).await.unwrap();
    for after in pages() {
        store.unpublished(after.map(AccountId::new), 200).await.unwrap();
    }
    let fence = Fence { role: "relay", shard: 0, epoch: taken[0].epoch };
    store.mark_published(fence, &[(AccountId::new(id(ACCOUNT)), 5)]).await.unwrap();
    store.release("relay", member, &[0], true).await.unwrap();
}

async fn ask_for_people(store: &PostgresStore) {
    let (org, user, session) = (OrgId::new(id(ORG)), UserId::new(id(4)), SessionId::new(id(5)));
    let now = Timestamp::from_seconds(1_750_000_000);
    ask(IdentityStore::is_empty(store)).await;
    ask(store.host()).await;
    ask(store.user_by_email(&"somebody@example.org".parse().unwrap())).await;
    ask(store.user(org, user)).await;
    ask(store.session_standing(session)).await;
    ask(store.live_sessions(org, user, now, 50)).await;
    for only in [None, Some(session)] {
        ask(store.end_sessions(&EndSessions { org, user, only, now })).await;
    }
    ask(store.prune(now)).await;
}

async fn ask_for_brokers(store: &PostgresStore) {
    let org = OrgId::new(id(ORG));
    for after in pages() {
        let cursor = after.map(|id| Cursor::new(ConnectionId::new(id)));
        ask(store.list(org, &PageRequest::new(50, cursor).unwrap())).await;
        ask(store.openings(after.map(ConnectionId::new), 50)).await;
    }
    ask(store.get(org, ConnectionId::new(id(3)))).await;
    ask(store.credentials(org, ConnectionId::new(id(3)))).await;
    ask(store.prune_keys(Timestamp::from_seconds(1_750_000_000))).await;
}

async fn ask_for_market_data(store: &PostgresStore) {
    let symbol = "BTC-PERP".parse().unwrap();
    let time = Some(Timestamp::from_seconds(1_750_000_000));
    for order in [CandleOrder::NewestFirst, CandleOrder::OldestFirst] {
        for (from, to) in [(None, None), (time, None), (None, time), (time, time)] {
            let query = CandleQuery { symbol, timeframe: Timeframe::M1, from, to, order, limit: 500 };
            store.candles(&query).await.unwrap();
        }
    }
    store.save_candles(&[sample_candle(symbol, Timeframe::M1, 0, 10)]).await.unwrap();
    store.instrument(symbol).await.unwrap();
    for after in [None, Some(symbol)] {
        let filter = InstrumentFilter { search: Some("btc".to_owned()), after, ..InstrumentFilter::default() };
        store.instruments(&filter, 50).await.unwrap();
    }
    store.tickers().await.unwrap();
    store.feed_position("demo").await.unwrap();
}

#[tokio::test]
async fn every_statement_is_answered_by_an_index() {
    set_default_instrumentation(|| Some(Box::new(Listener))).unwrap();
    let database = Database::migrated().await;
    let store = Arc::new(database.store().await);
    rows::make(&store, &database.client().await).await;
    store.prepare_relay().await.unwrap();
    let client: Client = database.client().await;
    client.batch_execute(judge::AS_THE_POOL).await.unwrap();
    let mut faults = Vec::new();
    let mut judged = 0;
    for statements in [
        heard(ask_for_orders(&store)).await,
        heard(ask_for_the_rest_of_trading(&store)).await,
        heard(write_to_the_log(&store)).await,
        heard(write_under_a_right(&store)).await,
        heard(publish_the_log(&store)).await,
        heard(ask_for_people(&store)).await,
        heard(ask_for_brokers(&store)).await,
        heard(ask_for_market_data(&store)).await,
    ] {
        assert!(!statements.is_empty());
        for statement in statements {
            judged += 1;
            let plan = judge::plan_of(&client, &statement).await;
            faults.extend(judge::faults(&plan).into_iter().map(|fault| format!("{fault}\n    {statement}")));
        }
    }
    assert!(judged > 70, "only {judged} statements were heard");
    for (statements, index) in [
        (heard(ask_for_orders_of_several(&store)).await, "orders_by_account"),
        (heard(ask_for_fills_of_several(&store)).await, "fills_by_account_and_time"),
    ] {
        // Beside it a session may have begun.
        let page = statements.iter().find(|text| text.contains(" UNION ALL ")).expect("one page is one statement");
        let (rows, indexes) = judge::reads(&client, page, named).await;
        // A row of each account waits to be merged, and PostgreSQL 15 sorts what is of one time 32 rows at a time.
        let most = usize::from(PAGE) + 1 + AccountFilter::MOST + 2 * 32;
        assert!(rows >= u64::from(PAGE) && rows <= u64::try_from(most).unwrap(), "{rows} rows are read for {PAGE}");
        assert_eq!(indexes.into_iter().collect::<Vec<_>>(), [index]);
    }
    assert!(faults.is_empty(), "{} of {judged}:\n{}", faults.len(), faults.join("\n"));
    database.drop().await;
}

/// Of a new installation the server knows nothing, and takes one index for as good as another: a name must be looked up by
/// its own all the same, and not among all that the account has.
#[tokio::test]
async fn names_are_looked_up_by_their_own_index_before_anything_is_known_of_a_table() {
    set_default_instrumentation(|| Some(Box::new(Listener))).unwrap();
    let database = Database::migrated().await;
    let store = Arc::new(database.store().await);
    let client = database.client().await;
    client.batch_execute(judge::AS_THE_POOL).await.unwrap();
    let mut used = BTreeSet::new();
    let statements = heard(write_to_the_log(&store)).await;
    for statement in &statements {
        used.extend(judge::indexes(&judge::plan_of(&client, statement).await, &["orders", "fills", "events"]));
    }
    // The one of orders alone, and the one of everything.
    assert_eq!(statements.len(), 2, "{statements:#?}");
    assert_eq!(used, BTreeSet::from(["fills_pkey".to_owned(), "orders_by_client_id".to_owned()]));
    database.drop().await;
}

/// A test that cannot see a missing index shows nothing.
#[tokio::test]
async fn a_missing_index_is_seen() {
    let database = Database::migrated().await;
    let client = database.client().await;
    client.batch_execute(judge::AS_THE_POOL).await.unwrap();
    let page = "SELECT * FROM fills WHERE org_id = $1 ORDER BY at DESC, seq DESC, account_id DESC LIMIT $2";
    let faults = async || judge::faults(&judge::plan_of(&client, page).await);
    assert_eq!(faults().await, Vec::<String>::new());
    client.batch_execute("DROP INDEX fills_by_time, fills_by_symbol, fills_by_strategy").await.unwrap();
    assert_eq!(faults().await.len(), 2, "it reads everything and sorts it: {:?}", faults().await);
    let all = "SELECT * FROM events WHERE recorded_at > $1 LIMIT $2";
    assert_eq!(judge::faults(&judge::plan_of(&client, all).await).len(), 1);
    database.drop().await;
}
