//! How SQLite answers lists of some accounts: by an index in their order, without a sort. It plans without figures about the
//! tables, so the plans of empty ones are those of full ones.

use std::collections::BTreeSet;
use std::sync::Mutex;

use diesel::connection::{Instrumentation, InstrumentationEvent, set_default_instrumentation};
use diesel::sql_types::Text;
use diesel::{Connection, QueryableByName, RunQueryDsl, SqliteConnection};
use uuid::Uuid;
use velox_kernel::{AccountId, Cursor, OrderId, OrgId, PageRequest, Timestamp};
use velox_sqlite::{SqliteOptions, SqliteStore};
use velox_trading::{AccountFilter, FillFilter, OrderFilter, OrderStatus, TradingLists};

use crate::Folders;

/// The statements of this process, whichever thread runs them.
static HEARD: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());

struct Listener;

impl Instrumentation for Listener {
    fn on_connection_event(&mut self, event: InstrumentationEvent<'_>) {
        if let InstrumentationEvent::StartQuery { query, .. } = event {
            let text = query.to_string();
            HEARD.lock().unwrap().insert(text.split(" -- binds: ").next().unwrap_or_default().to_owned());
        }
    }
}

#[derive(QueryableByName)]
struct Step {
    #[diesel(sql_type = Text)]
    detail: String,
}

fn account(number: usize) -> AccountId {
    AccountId::new(Uuid::from_u128(number.try_into().unwrap()))
}

async fn ask(store: &SqliteStore, accounts: AccountFilter) {
    let org = OrgId::new(Uuid::from_u128(1));
    let time = Some(Timestamp::from_seconds(1_750_000_000));
    for after in [None, Some(Cursor::new(OrderId::new(Uuid::from_u128(5))))] {
        let page = PageRequest::new(50, after).unwrap();
        let filter = OrderFilter { accounts: accounts.clone(), ..OrderFilter::default() };
        store.orders(org, &filter, &page).await.unwrap();
        store.orders(org, &OrderFilter { statuses: vec![OrderStatus::New], ..filter }, &page).await.unwrap();
    }
    for after in [None, Some(Cursor::new(format_args!("1750000000000000|5|{}", account(1))))] {
        let page = PageRequest::new(50, after).unwrap();
        let filter = FillFilter { accounts: accounts.clone(), ..FillFilter::default() };
        store.fills(org, &filter, &page).await.unwrap();
        store.fills(org, &FillFilter { from: time, to: time, ..filter }, &page).await.unwrap();
    }
}

#[tokio::test]
async fn lists_of_some_accounts_are_read_in_the_order_of_an_index() {
    set_default_instrumentation(|| Some(Box::new(Listener))).unwrap();
    let folders = Folders::default();
    let path = folders.file();
    let store = SqliteStore::open(&path, &SqliteOptions::default()).unwrap();
    for number in [1, 2, AccountFilter::MOST] {
        ask(&store, AccountFilter::of((0..number).map(account)).unwrap()).await;
    }
    store.close();
    let mut connection = SqliteConnection::establish(path.to_str().unwrap()).unwrap();
    let heard = HEARD.lock().unwrap().clone();
    let mut judged = 0;
    for (table, index) in [("orders", "orders_by_account"), ("fills", "fills_by_account_and_time")] {
        let list = format!("FROM `{table}` WHERE");
        for statement in heard.iter().filter(|text| text.contains(&list) && text.contains("`account_id` = ?")) {
            if !statement.contains("DESC") {
                continue;
            }
            judged += 1;
            let lists = statement.matches(&list).count();
            let plan: Vec<Step> =
                diesel::sql_query(format!("EXPLAIN QUERY PLAN {statement}")).load(&mut connection).unwrap();
            let plan: Vec<&str> = plan.iter().map(|step| step.detail.as_str()).collect();
            let by_index = format!("SEARCH {table} USING INDEX {index} (account_id=?");
            let found = plan.iter().filter(|step| step.starts_with(&by_index)).count();
            let merged = plan.iter().filter(|step| **step == "MERGE (UNION ALL)").count();
            assert_eq!((found, merged), (lists, lists - 1), "{statement}\n{plan:#?}");
            assert!(!plan.iter().any(|step| step.contains("SCAN") || step.contains("TEMP B-TREE")), "{plan:#?}");
        }
    }
    // Three numbers of accounts, and for each table two filters on a first and on a later page.
    assert!(judged >= 24, "only {judged} statements were heard");
}
