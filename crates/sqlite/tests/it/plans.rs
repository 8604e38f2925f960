//! How SQLite answers lists: each by an index in its order, without a sort. It plans without figures about the tables, so the
//! plans of empty ones are those of full ones.

use std::collections::BTreeSet;
use std::sync::Mutex;

use diesel::connection::{Instrumentation, InstrumentationEvent, set_default_instrumentation};
use diesel::sql_types::Text;
use diesel::{Connection, QueryableByName, RunQueryDsl, SqliteConnection};
use uuid::Uuid;
use velox_kernel::{AccountId, Cursor, OrderId, OrgId, PageRequest, StrategyId, Timestamp};
use velox_sqlite::{SqliteOptions, SqliteStore};
use velox_trading::{AccountFilter, FillFilter, OrderFilter, OrderStatus, Side, TradingLists};

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

fn orders_of_all_kinds() -> Vec<OrderFilter> {
    use OrderStatus::{Canceled, New, Rejected};
    let plain = OrderFilter::default;
    let (symbol, strategy) = (Some("BTC-PERP".parse().unwrap()), Some(StrategyId::new(Uuid::from_u128(7))));
    let side = Some(Side::Buy);
    let mut filters = vec![
        plain(),
        OrderFilter { side, ..plain() },
        OrderFilter { symbol, ..plain() },
        OrderFilter { strategy, ..plain() },
        OrderFilter { statuses: vec![New], ..plain() },
        OrderFilter { statuses: vec![Rejected], ..plain() },
        OrderFilter { statuses: vec![New, Canceled, Rejected], ..plain() },
        OrderFilter { statuses: vec![Canceled], symbol, strategy, ..plain() },
    ];
    for number in [1, 2, AccountFilter::MOST] {
        let accounts = AccountFilter::of((0..number).map(account)).unwrap();
        filters.push(OrderFilter { accounts: accounts.clone(), ..plain() });
        filters.push(OrderFilter { accounts: accounts.clone(), statuses: vec![New], ..plain() });
        filters.push(OrderFilter { accounts, statuses: vec![New, Canceled], symbol, strategy, side });
    }
    filters
}

fn fills_of_all_kinds() -> Vec<FillFilter> {
    let plain = FillFilter::default;
    let (symbol, strategy) = (Some("BTC-PERP".parse().unwrap()), Some(StrategyId::new(Uuid::from_u128(7))));
    let order = Some(OrderId::new(Uuid::from_u128(9)));
    let time = Some(Timestamp::from_seconds(1_750_000_000));
    let mut filters = vec![
        plain(),
        FillFilter { from: time, to: time, ..plain() },
        FillFilter { symbol, from: time, to: time, ..plain() },
        FillFilter { strategy, symbol, ..plain() },
        FillFilter { order, ..plain() },
    ];
    for number in [1, 2, AccountFilter::MOST] {
        let accounts = AccountFilter::of((0..number).map(account)).unwrap();
        filters.push(FillFilter { accounts: accounts.clone(), ..plain() });
        filters.push(FillFilter { accounts: accounts.clone(), order, ..plain() });
        filters.push(FillFilter { accounts, from: time, to: time, symbol, strategy, order: None });
    }
    filters
}

async fn ask(store: &SqliteStore) {
    let org = OrgId::new(Uuid::from_u128(1));
    for after in [None, Some(Cursor::new(OrderId::new(Uuid::from_u128(5))))] {
        let page = PageRequest::new(50, after).unwrap();
        for filter in orders_of_all_kinds() {
            store.orders(org, &filter, &page).await.unwrap();
        }
    }
    for after in [None, Some(Cursor::new(format_args!("1750000000000000|5|{}", account(1))))] {
        let page = PageRequest::new(50, after).unwrap();
        for filter in fills_of_all_kinds() {
            store.fills(org, &filter, &page).await.unwrap();
        }
    }
}

/// What a list is known by, and how it must be read.
const LISTS: [(&str, &str); 12] = [
    (OPEN_OF_ACCOUNT, "orders USING INDEX orders_open_by_account (account_id=?"),
    ("likelihood((`orders`.`account_id` = ", "orders USING INDEX orders_by_account (account_id=?"),
    (
        "likelihood((`orders`.`strategy_id` = ",
        "orders USING INDEX orders_closed_by_strategy (org_id=? AND strategy_id=?",
    ),
    ("likelihood((`orders`.`symbol` = ", "orders USING INDEX orders_closed_by_symbol (org_id=? AND symbol=?"),
    ("likelihood((`orders`.`status` = ", "orders USING INDEX orders_closed_by_status (org_id=? AND status=?"),
    (" AND status IN (", "orders USING INDEX orders_open_by_org (org_id=?"),
    ("likelihood((`orders`.`org_id` = ", "orders USING INDEX orders_by_org (org_id=?"),
    (ORDER, "fills USING INDEX fills_by_order (order_id=?"),
    ("likelihood((`fills`.`account_id` = ", "fills USING INDEX fills_by_account_and_time (account_id=?"),
    ("likelihood((`fills`.`strategy_id` = ", "fills USING INDEX fills_by_strategy (org_id=? AND strategy_id=?"),
    ("likelihood((`fills`.`symbol` = ", "fills USING INDEX fills_by_symbol (org_id=? AND symbol=?"),
    ("`fills`.`org_id` = ", "fills USING INDEX fills_by_time (org_id=?"),
];
/// How the statement of an account's open orders goes on.
const OPEN_OF_ACCOUNT: &str = "likelihood((`orders`.`account_id` = ?), 0.000001)) AND status IN (";
/// The list that is sorted: an order has few fills.
const ORDER: &str = "likelihood((`fills`.`order_id` = ";

/// How each list of a statement must be read.
fn expected(statement: &str) -> Vec<&'static str> {
    let of_list = |list| LISTS.iter().find(|(mark, _)| str::contains(list, *mark)).unwrap().1;
    statement.split(" UNION ALL ").map(of_list).collect()
}

#[tokio::test]
async fn lists_are_read_in_the_order_of_an_index() {
    set_default_instrumentation(|| Some(Box::new(Listener))).unwrap();
    let folders = Folders::default();
    let path = folders.file();
    let store = SqliteStore::open(&path, &SqliteOptions::default()).unwrap();
    ask(&store).await;
    store.close();
    let mut connection = SqliteConnection::establish(path.to_str().unwrap()).unwrap();
    let heard = HEARD.lock().unwrap().clone();
    let is_list = |text: &&String| {
        text.contains("DESC LIMIT") && (text.contains("FROM `orders` WHERE") || text.contains("FROM `fills` WHERE"))
    };
    let mut judged = BTreeSet::new();
    for statement in heard.iter().filter(is_list) {
        let plan: Vec<Step> =
            diesel::sql_query(format!("EXPLAIN QUERY PLAN {statement}")).load(&mut connection).unwrap();
        let plan: Vec<&str> = plan.iter().map(|step| step.detail.as_str()).collect();
        let expected = expected(statement);
        let found: Vec<&str> = plan.iter().filter_map(|step| step.strip_prefix("SEARCH ")).collect();
        let is_by_them = found.iter().zip(&expected).all(|(found, expected)| found.starts_with(expected));
        assert!(is_by_them && found.len() == expected.len(), "{statement}\n{plan:#?}");
        let merged = plan.iter().filter(|step| **step == "MERGE (UNION ALL)").count();
        assert_eq!(merged, expected.len() - 1, "{statement}\n{plan:#?}");
        let is_read_through = plan.iter().any(|step| step.contains("SCAN"));
        let is_sorted = plan.iter().any(|step| step.contains("TEMP B-TREE")) && !statement.contains(ORDER);
        assert!(!is_read_through && !is_sorted, "{statement}\n{plan:#?}");
        judged.extend(expected);
    }
    assert_eq!(judged, LISTS.iter().map(|(_, index)| *index).collect(), "each of them was asked for");
}
