//! The script of one order: what becomes of it, each step a statement and a commit of its own.

use super::super::sql::psql;
use super::statements::Statements;
use crate::postgres::Cluster;
use anyhow::{Context, ensure};
use serde_json::{Map, Value};

/// The role whose right the fenced steps name, and the epoch of all its shards in the yardstick's database.
pub(super) const ROLE: &str = "execution";
pub(super) const EPOCH: u32 = 1;

/// One step of a resting order.
struct Step {
    /// The event that it is.
    event: &'static str,
    /// What the order's row says then.
    status: &'static str,
    /// Whether it is written under the right to execute the account's orders. Accepting is the client's; the executor
    /// claims an order under its right, and brings what the broker says under it.
    is_fenced: bool,
}

const STEPS: [Step; 3] = [
    Step { event: "order_accepted", status: "pending_new", is_fenced: false },
    Step { event: "order_routed", status: "routed", is_fenced: true },
    Step { event: "order_acknowledged", status: "new", is_fenced: true },
];

/// The script, with rows such as Velox has written into this cluster. Each client has accounts of its own and goes around
/// them, so that no two meet; accounts spread over the `shards` as those of Velox do.
pub(super) fn of_one_order(cluster: &Cluster, statements: &Statements, shards: u32) -> anyhow::Result<String> {
    let row = |table: &str, condition: &str| -> anyhow::Result<Map<String, Value>> {
        let query = format!(
            "SELECT json_object_agg(key, quote_nullable(value)) FROM \
             (SELECT * FROM {table} WHERE {condition} LIMIT 1) r, json_each_text(row_to_json(r))"
        );
        serde_json::from_str(&psql(cluster, "postgres", &query)?).with_context(|| format!("no {condition} in {table}"))
    };
    let mut script = "\\set n :n + 1\n\\set a :client_id * :each + :n % :each\n\\set s 1 + 3 * (:n / :each)\n\
                      \\set o :round * 1000000 + :n\n"
        .to_owned();
    for (number, Step { event, status, is_fenced }) in STEPS.into_iter().enumerate() {
        let event = row("events", &format!("kind = '{event}'"))?;
        let mut order = row("orders", "status = 'new'")?;
        order.insert("status".to_owned(), format!("'{status}'").into());
        if status != "new" {
            order.insert("broker_order_id".to_owned(), "NULL".into());
        }
        let statement = if is_fenced { &statements.fenced } else { &statements.plain };
        script.push_str(&fill_in(statement, &Rows { event, order, step: number, shards })?);
        script.push_str(";\n");
    }
    Ok(script)
}

/// What one step writes.
struct Rows {
    event: Map<String, Value>,
    order: Map<String, Value>,
    /// The step's number, from 0.
    step: usize,
    shards: u32,
}

/// The statement with arrays of one element for its parameters. They stand in groups, `unnest($1::uuid[], …) AS t (…)`.
fn fill_in(statement: &str, rows: &Rows) -> anyhow::Result<String> {
    let (mut text, mut rest) = (String::new(), statement);
    while let Some((before, group)) = rest.split_once("unnest(") {
        ensure!(!before.contains('$'), "a parameter outside of unnest: {before}");
        let (arguments, after) = group.split_once(") AS ").context("no alias")?;
        let (alias, after) = after.split_once('(').context("no columns")?;
        let (columns, after) = after.split_once(')').context("no end of columns")?;
        let row = if columns.contains("payload") { &rows.event } else { &rows.order };
        let mut arrays = Vec::new();
        for (argument, column) in arguments.split(',').zip(columns.split(',').map(str::trim)) {
            let kind = argument.split_once("::").context("no type")?.1.trim().trim_end_matches("[]");
            arrays.push(if alias.trim() == "o" && rows.step > 0 {
                // Names are looked for when an order begins.
                format!("'{{}}'::{kind}[]")
            } else {
                format!("ARRAY[{}::{kind}]", value(column, kind, row, rows))
            });
        }
        text += &format!("{before}unnest({}) AS {alias}({columns})", arrays.join(", "));
        rest = after;
    }
    ensure!(!rest.contains('$'), "a parameter outside of unnest: {rest}");
    Ok(text + rest)
}

/// What stands for a column: ids, names and numbers of this order's own, the right that the yardstick's database knows,
/// everything else as Velox wrote it.
fn value(column: &str, kind: &str, row: &Map<String, Value>, rows: &Rows) -> String {
    let uuid = |first: &str, last: &str| {
        format!(
            "(lpad(to_hex({first}::bigint), 8, '0') || '-0000-7000-8000-' || lpad(to_hex({last}::bigint), 12, '0'))"
        )
    };
    let Rows { step, shards, .. } = rows;
    match column {
        "account_id" => uuid(":round", ":a"),
        "org_id" => "'00000000-0000-7000-8000-000000000000'".to_owned(),
        "id" => uuid(":o", ":client_id"),
        "client_order_id" | "name" => "(:o::text || '-' || :client_id::text)".to_owned(),
        "expected_seq" => format!("(:s::bigint + {step})"),
        "seq" | "last_seq" => format!("(:s::bigint + {step} + 1)"),
        "first_seq" => "(:s::bigint + 1)".to_owned(),
        "hash" | "prev_hash" => "decode(repeat('5a', 32), 'hex')".to_owned(),
        "role" => format!("'{ROLE}'"),
        "shard" => format!("(:a::bigint % {shards})"),
        "epoch" => EPOCH.to_string(),
        _ => match row.get(column).and_then(Value::as_str) {
            // pgbench takes a colon for the start of a variable.
            Some(text) if kind == "timestamptz" && text != "NULL" => "now()".to_owned(),
            Some(text) => text.to_owned(),
            None => "NULL".to_owned(),
        },
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn rows(step: usize) -> Rows {
        let order = Map::from_iter([("side".to_owned(), "'buy'".into()), ("placed_at".to_owned(), "'12:00'".into())]);
        let event =
            Map::from_iter([("side".to_owned(), "'not an order'".into()), ("payload".to_owned(), "'x'".into())]);
        Rows { event, order, step, shards: 32 }
    }

    #[test]
    fn a_fenced_step_names_a_right_that_is_there() {
        let statement = "WITH f AS (SELECT * FROM unnest($1::uuid[], $2::text[], $3::int4[], $4::int8[]) AS t \
                         (account_id, role, shard, epoch)) SELECT 1";
        let filled = fill_in(statement, &rows(1)).unwrap();
        let right = "ARRAY['execution'::text], ARRAY[(:a::bigint % 32)::int4], ARRAY[1::int8]) AS t (account_id, role";
        assert!(filled.contains(right), "{filled}");
    }

    #[test]
    fn columns_are_those_of_the_order_or_of_the_event() {
        let orders = "SELECT * FROM unnest($1::text[], $2::timestamptz[], $3::text[]) AS t (side, placed_at, detail)";
        let filled = fill_in(orders, &rows(0)).unwrap();
        assert!(filled.contains("ARRAY['buy'::text], ARRAY[now()::timestamptz], ARRAY[NULL::text]"), "{filled}");
        let events = "SELECT * FROM unnest($1::int8[], $2::bytea[]) AS t (seq, payload)";
        let filled = fill_in(events, &rows(2)).unwrap();
        assert!(filled.contains("ARRAY[(:s::bigint + 2 + 1)::int8], ARRAY['x'::bytea]"), "{filled}");
    }

    #[test]
    fn a_name_is_looked_for_only_when_its_order_begins() {
        let statement = "SELECT FROM unnest($1::uuid[], $2::text[]) AS o (account_id, name)";
        assert!(fill_in(statement, &rows(0)).unwrap().contains("(:o::text || '-' || :client_id::text)"));
        assert!(fill_in(statement, &rows(1)).unwrap().contains("unnest('{}'::uuid[], '{}'::text[])"));
    }

    #[test]
    fn a_parameter_that_cannot_be_filled_in_is_an_error() {
        for statement in ["SELECT $1", "SELECT $1 FROM unnest($2::text[]) AS t (side)"] {
            assert!(fill_in(statement, &rows(0)).is_err(), "{statement}");
        }
    }
}
