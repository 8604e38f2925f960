//! Filtered lists: however many rows a tenant has, a page of what is rare reads little more than it shows.

use super::*;

const SYMBOL: &str = "RARE-PERP";
const STRATEGY: u128 = 77;
/// An order that has a fill.
const ORDER: u128 = 101_000;
/// Where a later page begins: in the middle of the orders, and of the fills.
const AFTER: u128 = 250_000;
const MINUTE: &str = "2025-05-31T23:10:00Z";
const SEQ: u64 = 50;

/// All states that an order ends in.
fn ends() -> Vec<OrderStatus> {
    OrderStatus::ALL.into_iter().filter(|status| !status.is_open()).collect()
}

/// What is asked of orders, and the indexes that answer.
fn of_orders() -> Vec<(OrderFilter, Vec<&'static str>)> {
    use OrderStatus::{Filled, New, PartiallyFilled, Rejected};
    let (plain, account) = (OrderFilter::default, AccountFilter::from(AccountId::new(id(ACCOUNT))));
    let (symbol, strategy) = (Some(SYMBOL.parse().unwrap()), Some(StrategyId::new(id(STRATEGY))));
    let side = Some(Side::Sell);
    let open = "orders_open_by_org";
    let (by_state, by_symbol, by_strategy) =
        ("orders_closed_by_status", "orders_closed_by_symbol", "orders_closed_by_strategy");
    vec![
        (OrderFilter { statuses: vec![New], ..plain() }, vec![open]),
        (OrderFilter { statuses: vec![New, PartiallyFilled], side, ..plain() }, vec![open]),
        (OrderFilter { statuses: vec![New], symbol, strategy, ..plain() }, vec![open]),
        (OrderFilter { statuses: vec![New], accounts: account.clone(), ..plain() }, vec!["orders_open_by_account"]),
        (OrderFilter { statuses: vec![New], accounts: several(), ..plain() }, vec!["orders_open_by_account"]),
        (OrderFilter { statuses: vec![Rejected], ..plain() }, vec![by_state]),
        (OrderFilter { statuses: vec![Filled], ..plain() }, vec![by_state]),
        (OrderFilter { symbol, ..plain() }, vec![by_symbol, open]),
        (OrderFilter { statuses: vec![Filled], symbol, ..plain() }, vec![by_symbol]),
        (OrderFilter { strategy, ..plain() }, vec![by_strategy, open]),
        (OrderFilter { statuses: vec![Rejected], symbol, strategy, ..plain() }, vec![by_strategy]),
        (OrderFilter { side, ..plain() }, vec!["orders_by_org"]),
        (OrderFilter { statuses: ends(), ..plain() }, vec!["orders_by_org"]),
        (OrderFilter { accounts: account, ..plain() }, vec!["orders_by_account"]),
    ]
}

/// What is asked of fills, and the index that answers.
fn of_fills() -> Vec<(FillFilter, &'static str)> {
    let (plain, accounts) = (FillFilter::default, AccountFilter::from(AccountId::new(id(ACCOUNT))));
    let (symbol, strategy) = (Some(SYMBOL.parse().unwrap()), Some(StrategyId::new(id(STRATEGY))));
    let order = Some(OrderId::new(id(ORDER)));
    vec![
        (FillFilter { symbol, ..plain() }, "fills_by_symbol"),
        (FillFilter { strategy, ..plain() }, "fills_by_strategy"),
        (FillFilter { symbol, strategy, ..plain() }, "fills_by_strategy"),
        (FillFilter { order, ..plain() }, "fills_by_order"),
        (FillFilter { order, accounts, ..plain() }, "fills_by_order"),
    ]
}

/// The server believes that there is one of each, as where all but a few orders are of one account in one symbol.
const FEW_OF_ALL: &str = "ALTER TABLE orders ALTER org_id SET (n_distinct = 1), ALTER account_id SET (n_distinct = 1),
    ALTER symbol SET (n_distinct = 1), ALTER strategy_id SET (n_distinct = 1), ALTER status SET (n_distinct = 1);
ALTER TABLE fills ALTER org_id SET (n_distinct = 1), ALTER account_id SET (n_distinct = 1),
    ALTER symbol SET (n_distinct = 1), ALTER strategy_id SET (n_distinct = 1);
ANALYZE orders, fills";

/// What a column is compared with.
fn value(parameter: Parameter<'_>, status: Option<&OrderStatus>) -> String {
    let value = match parameter.column {
        "org_id" => id(ORG).to_string(),
        "account_id" => id(ACCOUNT).to_string(),
        "strategy_id" => id(STRATEGY).to_string(),
        "order_id" => id(ORDER).to_string(),
        "id" => id(AFTER).to_string(),
        "symbol" => SYMBOL.to_owned(),
        "side" => Side::Sell.as_str().to_owned(),
        "status" => status.unwrap().as_str().to_owned(),
        "at" => MINUTE.to_owned(),
        "seq" => SEQ.to_string(),
        "" => (PAGE + 1).to_string(),
        other => panic!("a parameter for {other}"),
    };
    if parameter.kind.ends_with("[]") { format!("'{{{value}}}'") } else { format!("'{value}'") }
}

/// What is wrong with how a page is read.
async fn fault(
    client: &Client,
    ask: impl Future<Output = ()>,
    status: Option<&OrderStatus>,
    expected: &[&str],
) -> Option<String> {
    // Beside it a session may have begun.
    let is_list = |text: &String| text.contains("FROM \"orders\"") || text.contains("FROM \"fills\"");
    let statement = heard(ask).await.into_iter().find(is_list).unwrap();
    let (rows, indexes) = judge::reads(client, &statement, |parameter| value(parameter, status)).await;
    // A page of each of two lists, or the few open orders of the tenant beside one.
    let is_few = rows <= 2 * u64::from(PAGE + 1);
    let is_by_them = indexes.iter().eq(BTreeSet::from_iter(expected));
    (!is_few || !is_by_them).then(|| format!("{rows} rows are read by {indexes:?}\n    {statement}"))
}

async fn faults(store: &PostgresStore, client: &Client) -> Vec<String> {
    let org = OrgId::new(id(ORG));
    let mut found = Vec::new();
    for (filter, indexes) in of_orders() {
        for after in [None, Some(Cursor::new(OrderId::new(id(AFTER))))] {
            let page = PageRequest::new(PAGE, after).unwrap();
            let asked = ask(store.orders(org, &filter, &page));
            found.extend(fault(client, asked, filter.statuses.first(), &indexes).await);
        }
    }
    for (filter, index) in of_fills() {
        for after in [None, Some(Cursor::new(format!("0|{SEQ}|{}", AccountId::new(id(ACCOUNT)))))] {
            let page = PageRequest::new(PAGE, after).unwrap();
            found.extend(fault(client, ask(store.fills(org, &filter, &page)), None, &[index]).await);
        }
    }
    found
}

#[tokio::test]
async fn a_page_of_what_is_rare_reads_little_more_than_it_shows() {
    set_default_instrumentation(|| Some(Box::new(Listener))).unwrap();
    let database = Database::migrated().await;
    let (store, client) = (database.store().await, database.client().await);
    rows::make(&store, &client).await;
    client.batch_execute(judge::AS_THE_POOL).await.unwrap();
    let found = faults(&store, &client).await;
    assert!(found.is_empty(), "{}:\n{}", found.len(), found.join("\n"));
    client.batch_execute(FEW_OF_ALL).await.unwrap();
    let found = faults(&store, &client).await;
    assert!(found.is_empty(), "{} where all are believed to be the same:\n{}", found.len(), found.join("\n"));
    // A test that cannot see a missing index shows nothing.
    client.batch_execute("DROP INDEX orders_closed_by_symbol, fills_by_strategy").await.unwrap();
    assert_eq!(faults(&store, &client).await.len(), 8, "four lists, and two pages of each");
    database.drop().await;
}
