//! What is wrong with a plan.

use std::collections::BTreeSet;

use serde_json::Value;
use tokio_postgres::{Client, SimpleQueryMessage};

/// Tables that grow without end. Partitions of candles have names that begin with theirs.
const BIG: [&str; 12] = [
    "orders",
    "events",
    "fills",
    "accounts",
    "stream_heads",
    "positions",
    "balances",
    "users",
    "sessions",
    "refresh_tokens",
    "idempotency_keys",
    "broker_connections",
];
/// Indexes that hold a few rows of a big table, so that reading all of one is no harm.
const PARTIAL: [&str; 3] = ["orders_open", "orders_waiting", "stream_heads_unpublished"];
/// Tables of which one account, or one batch of accounts, has so few rows that they may be sorted.
const FEW: [&str; 3] = ["positions", "balances", "stream_heads"];
/// Indexes by which so few rows are found that they may be sorted: one order's fills.
const SELECTIVE: [&str; 1] = ["fills_by_order"];

/// What the pool sets for its sessions and plans depend on.
pub(super) const AS_THE_POOL: &str =
    "SET plan_cache_mode = force_generic_plan; SET enable_seqscan = off; SET enable_bitmapscan = off; SET jit = off";

/// The generic plan of a statement, as the pool's sessions make it.
pub(super) async fn plan_of(client: &Client, statement: &str) -> Value {
    let types = prepare(client, statement).await;
    let values: Vec<String> = types.iter().enumerate().map(|(place, kind)| value(place, kind)).collect();
    let values = if values.is_empty() { String::new() } else { format!("({})", values.join(", ")) };
    explain(client, &format!("EXPLAIN (FORMAT JSON) EXECUTE judged{values}")).await
}

/// A parameter of a statement.
pub(super) struct Parameter<'a> {
    /// The column that it is compared with; nothing for a limit.
    pub(super) column: &'a str,
    /// Which one of them it is, from 0.
    pub(super) place: usize,
    /// Its type.
    pub(super) kind: &'a str,
}

/// The column that a statement compares its parameter of this place with.
fn column_before(statement: &str, place: usize) -> &str {
    let name = format!("${}", place + 1);
    let is_it = |at: &usize| !statement[at + name.len()..].starts_with(|next: char| next.is_ascii_digit());
    let at = statement.match_indices(&name).map(|(at, _)| at).find(is_it).unwrap();
    let before = &statement[..at];
    if before.ends_with("LIMIT ") { "" } else { before.rsplit('"').nth(1).unwrap() }
}

/// How many rows of its tables a statement has read when it has run with these values, and which indexes it read them by.
pub(super) async fn reads(
    client: &Client,
    statement: &str,
    value: impl Fn(Parameter<'_>) -> String,
) -> (u64, BTreeSet<String>) {
    let types = prepare(client, statement).await;
    let values: Vec<String> = types
        .iter()
        .enumerate()
        .map(|(place, kind)| value(Parameter { column: column_before(statement, place), place, kind }))
        .collect();
    let plan = explain(client, &format!("EXPLAIN (ANALYZE, FORMAT JSON) EXECUTE judged({})", values.join(", "))).await;
    let mut found = (0, BTreeSet::new());
    count(&plan, &mut found);
    found
}

fn count(node: &Value, found: &mut (u64, BTreeSet<String>)) {
    if let Some(index) = node["Index Name"].as_str() {
        let rows = |key: &str| node[key].as_u64().unwrap_or_default();
        found.0 += (rows("Actual Rows") + rows("Rows Removed by Filter")) * rows("Actual Loops");
        found.1.insert(index.to_owned());
    }
    assert!(node["Node Type"] != "Seq Scan" && node["Node Type"] != "Bitmap Heap Scan", "{node}");
    children(node).for_each(|child| count(child, found));
}

async fn prepare(client: &Client, statement: &str) -> Vec<String> {
    client.batch_execute(&format!("DEALLOCATE ALL; PREPARE judged AS {statement}")).await.unwrap();
    let types = "SELECT parameter_types::text[] FROM pg_prepared_statements WHERE name = 'judged'";
    client.query_one(types, &[]).await.unwrap().get(0)
}

async fn explain(client: &Client, explain: &str) -> Value {
    let answer = client.simple_query(explain).await.unwrap();
    let text = answer.iter().find_map(|message| match message {
        SimpleQueryMessage::Row(row) => row.get(0),
        _ => None,
    });
    let plans: Value = serde_json::from_str(text.unwrap()).unwrap();
    plans[0]["Plan"].clone()
}

/// Any value of a type: the plan does not depend on it, but which partitions are read does, and so later parameters are
/// later times.
fn value(place: usize, kind: &str) -> String {
    match kind {
        "timestamp with time zone" => format!("'2025-01-01'::timestamptz + {place} * interval '1 month'"),
        "uuid" => "'00000000-0000-0000-0000-000000000001'".to_owned(),
        "bytea" => "'\\x00'".to_owned(),
        "boolean" => "true".to_owned(),
        "text" | "character varying" => "'x'".to_owned(),
        kind if kind.ends_with("[]") => format!("'{{}}'::{kind}"),
        _ => "1".to_owned(),
    }
}

fn is_big(table: &str) -> bool {
    BIG.contains(&table) || table.starts_with("candles") || table.starts_with("_hyper")
}

/// What is wrong with a plan: big tables that are read from end to end, and sorts of what is read from them.
pub(super) fn faults(plan: &Value) -> Vec<String> {
    let mut found = Vec::new();
    walk(plan, false, &mut found);
    found
}

/// The indexes by which tables are read.
pub(super) fn indexes(plan: &Value, tables: &[&str]) -> Vec<String> {
    let text = |key: &str| plan[key].as_str().unwrap_or_default();
    let read = text("Node Type").starts_with("Index") && tables.contains(&text("Relation Name"));
    let own = read.then(|| text("Index Name").to_owned());
    let below = plan["Plans"].as_array().into_iter().flatten().flat_map(|plan| indexes(plan, tables));
    own.into_iter().chain(below).collect()
}

fn walk(node: &Value, limited: bool, found: &mut Vec<String>) {
    let text = |key: &str| node[key].as_str().unwrap_or_default();
    let (kind, table, index) = (text("Node Type"), text("Relation Name"), text("Index Name"));
    let bounded = node.get("Index Cond").is_some() || PARTIAL.contains(&index);
    // The first rows in the order of an index, and no row that is read for nothing.
    let first_rows = limited && node.get("Filter").is_none();
    match kind {
        "Seq Scan" if is_big(table) => found.push(format!("reads all of {table}")),
        "Index Scan" | "Index Only Scan" if is_big(table) && !bounded && !first_rows => {
            found.push(format!("reads all of {table} by {index}"));
        }
        "Bitmap Index Scan" if !bounded => found.push(format!("reads all of {index}")),
        "Sort" | "Incremental Sort" => found.extend(big_input(node).map(|table| format!("sorts {table}"))),
        _ => {}
    }
    let limited = match kind {
        "Limit" => true,
        "Append" | "Merge Append" | "Result" | "LockRows" | "Subquery Scan" => limited,
        _ => false,
    };
    for child in children(node) {
        walk(child, limited, found);
    }
}

fn children(node: &Value) -> impl Iterator<Item = &Value> {
    node["Plans"].as_array().into_iter().flatten()
}

/// A big table below a node that has more than a few rows to give.
fn big_input(node: &Value) -> Option<String> {
    let table = node["Relation Name"].as_str().unwrap_or_default();
    let names = |node: &Value| SELECTIVE.contains(&node["Index Name"].as_str().unwrap_or_default());
    if names(node) || children(node).any(names) {
        return None;
    }
    if is_big(table) && !FEW.contains(&table) {
        return Some(table.to_owned());
    }
    // What a limit lets through is few.
    children(node).filter(|child| child["Node Type"] != "Limit").find_map(big_input)
}
