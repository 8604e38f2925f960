//! Candles by time: partitions or a hypertable, whichever the server has.

use std::sync::Arc;
use std::time::Duration;

use tokio_postgres::Client;
use velox_kernel::{Symbol, Timeframe, Timestamp};
use velox_market::{Candle, CandleOrder, CandleQuery, MarketStore, Tidied};
use velox_postgres::{ConnectError, PostgresOptions, PostgresStore};
use velox_testkit::market::sample_candle;

use crate::database::Database;

fn at(day: &str) -> Timestamp {
    format!("{day}T00:00:00Z").parse().unwrap()
}

fn symbol() -> Symbol {
    "BTC-PERP".parse().unwrap()
}

/// Daily candles, so many from a day on.
fn days(from: &str, count: i32) -> Vec<Candle> {
    let candle = |index| sample_candle(symbol(), Timeframe::D1, index, 10 + index);
    let first = candle(0).open_time;
    let from = at(from);
    (0..count)
        .map(|index| Candle { open_time: from.plus(candle(index).open_time.since(first)), ..candle(index) })
        .collect()
}

async fn kept(store: &PostgresStore) -> Vec<Candle> {
    let order = CandleOrder::OldestFirst;
    let query = CandleQuery { symbol: symbol(), timeframe: Timeframe::D1, from: None, to: None, order, limit: 100_000 };
    store.candles(&query).await.unwrap()
}

/// The tables behind `candles`; `None` when it is a hypertable, which has its own ways.
async fn partitions(client: &Client) -> Option<Vec<String>> {
    let kind =
        client.query_one("SELECT relkind::text FROM pg_class WHERE oid = 'candles'::regclass", &[]).await.unwrap();
    if kind.get::<_, String>(0) != "p" {
        let chunks = "SELECT count(*) FROM timescaledb_information.hypertables WHERE hypertable_name = 'candles'";
        assert_eq!(client.query_one(chunks, &[]).await.unwrap().get::<_, i64>(0), 1, "it is one or the other");
        return None;
    }
    let query = "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'candles'::regclass ORDER BY 1";
    Some(client.query(query, &[]).await.unwrap().iter().map(|row| row.get(0)).collect())
}

/// The schema as it was before candles were kept by time, with candles in it.
async fn before_the_change(client: &Client, rows: &str) {
    client
        .batch_execute(
            "CREATE TABLE __diesel_schema_migrations (version varchar(50) PRIMARY KEY, run_on timestamp DEFAULT now())",
        )
        .await
        .unwrap();
    for step in velox_sql::MIGRATIONS_POSTGRES.iter().take_while(|step| step.version < "0006") {
        client.batch_execute(step.sql).await.unwrap();
        client.execute("INSERT INTO __diesel_schema_migrations (version) VALUES ($1)", &[&step.version]).await.unwrap();
    }
    client.batch_execute(rows).await.unwrap();
}

/// Without TimescaleDB loaded a hypertable is an ordinary table, which lacks what is compressed.
#[tokio::test]
async fn a_hypertable_without_timescaledb_is_not_read() {
    let database = Database::migrated().await;
    let client = database.client().await;
    let options = PostgresOptions::default();
    PostgresStore::connect_read_only(&database.url, &options).await.unwrap();
    client
        .batch_execute("ALTER TABLE candles RENAME TO kept; CREATE TABLE candles (LIKE kept INCLUDING ALL)")
        .await
        .unwrap();
    let asked = "SELECT current_setting('timescaledb.disable_load', true) IS NOT NULL";
    let loaded: bool = client.query_one(asked, &[]).await.unwrap().get(0);
    let replica = PostgresStore::replica(&database.url, &options).unwrap();
    for refused in [
        PostgresStore::connect(&database.url, &options).await.map(drop),
        PostgresStore::connect_read_only(&database.url, &options).await.map(drop),
        replica.check_schema().await,
    ] {
        assert_eq!(matches!(refused, Err(ConnectError::NotLoaded)), !loaded, "{refused:?}");
    }
    database.drop().await;
}

#[tokio::test]
async fn a_table_with_rows_is_changed_without_losing_one() {
    let database = Database::empty().await;
    let client = database.client().await;
    let rows = "INSERT INTO candles SELECT 'BTC-PERP', '1d', '2023-11-05T00:00:00Z'::timestamptz + n * interval '1 day', \
                n, n, n, n, n, n, true, false, false FROM generate_series(1, 400) n";
    before_the_change(&client, rows).await;
    let whole = "SELECT md5(string_agg(c::text, ',' ORDER BY open_time)), count(*) FROM candles c";
    let checksum = async || {
        let row = client.query_one(whole, &[]).await.unwrap();
        (row.get::<_, String>(0), row.get::<_, i64>(1))
    };
    let before = checksum().await;
    let store = database.store().await;
    assert_eq!(checksum().await, before);
    if let Some(tables) = partitions(&client).await {
        assert_eq!(tables, ["candles_before"]);
    }
    // Within its time, before it and after it.
    let around = days("2023-10-25", 450);
    store.save_candles(&around).await.unwrap();
    assert_eq!(kept(&store).await, around, "upserts and new ones");
    if let Some(tables) = partitions(&client).await {
        // What is after it is a month or, when that is long ago, a year.
        assert_eq!(tables.len(), 3, "{tables:?}");
        assert!(
            ["candles_2023_10", "candles_before"].iter().all(|name| tables.contains(&(*name).to_owned())),
            "{tables:?}"
        );
    }
    database.drop().await;
}

#[tokio::test]
async fn a_table_without_rows_is_changed_too() {
    let database = Database::empty().await;
    let client = database.client().await;
    before_the_change(&client, "").await;
    let store = database.store().await;
    assert!(partitions(&client).await.is_none_or(|tables| tables.is_empty()));
    assert_eq!(store.tidy_candles(at("2026-11-26"), None).await, Ok(Tidied::All));
    if let Some(tables) = partitions(&client).await {
        assert_eq!(tables.len(), 4, "this month and three ahead: {tables:?}");
    }
    database.drop().await;
}

/// A backfill of decades, in small batches and a large one, and the newest page out of all of it.
#[tokio::test]
async fn a_backfill_of_decades_makes_what_it_needs() {
    let database = Database::migrated().await;
    let store = database.store().await;
    let all = days("1985-01-01", 15_000);
    for batch in all.chunks(5_000).rev() {
        store.save_candles(batch).await.unwrap();
    }
    assert_eq!(kept(&store).await, all);
    let client = database.client().await;
    if let Some(tables) = partitions(&client).await {
        assert!(tables.len() < 70, "years where it is long ago: {tables:?}");
    }
    let query = CandleQuery {
        symbol: symbol(),
        timeframe: Timeframe::D1,
        from: None,
        to: None,
        order: CandleOrder::NewestFirst,
        limit: 3,
    };
    let newest: Vec<Candle> = all.iter().rev().take(3).copied().collect();
    assert_eq!(store.candles(&query).await.unwrap(), newest);
    database.drop().await;
}

#[tokio::test]
async fn a_batch_that_would_need_too_many_partitions_is_refused_whole() {
    let database = Database::migrated().await;
    let client = database.client().await;
    if partitions(&client).await.is_some() {
        let store = database.store().await;
        let scattered: Vec<Candle> = (1..200)
            .map(|year| Candle { open_time: at(&format!("{:04}-06-01", 1_000 + year)), ..days("2026-01-01", 1)[0] })
            .collect();
        let refused = store.save_candles(&scattered).await.unwrap_err().to_string();
        assert!(refused.contains("199 new partitions; 128 are the most"), "{refused}");
        assert_eq!(kept(&store).await, []);
    }
    database.drop().await;
}

/// Several servers begin a month, or a backfill, at the same moment.
#[tokio::test(flavor = "multi_thread")]
async fn servers_that_need_the_same_partitions_make_them_once() {
    let database = Database::migrated().await;
    let stores: Vec<Arc<PostgresStore>> = vec![Arc::new(database.store().await), Arc::new(database.store().await)];
    let all = days("2019-11-01", 700);
    let saves = (0..8).map(|part: usize| {
        let (store, batch) = (Arc::clone(&stores[part % 2]), all.clone());
        tokio::spawn(async move { store.save_candles(&batch).await })
    });
    for saved in futures_util::future::join_all(saves).await {
        saved.unwrap().unwrap();
    }
    assert_eq!(kept(&stores[0]).await, all);
    database.drop().await;
}

/// What one server has dropped by its age, another one may load again: it finds that the partition is gone.
#[tokio::test]
async fn what_another_server_dropped_is_made_again() {
    let database = Database::migrated().await;
    let (one, two) = (database.store().await, database.store().await);
    let old = days("2020-03-01", 10);
    one.save_candles(&old).await.unwrap();
    while two.tidy_candles(at("2026-11-26"), Some(at("2026-01-01"))).await.unwrap() == Tidied::Some {}
    assert_eq!(kept(&one).await, []);
    one.save_candles(&old).await.unwrap();
    assert_eq!(kept(&one).await, old);
    database.drop().await;
}

/// Whoever reads for long keeps nobody else from reading while a partition is to be dropped, and loses nothing.
#[tokio::test]
async fn a_long_read_delays_retention_and_nothing_else() {
    let database = Database::migrated().await;
    let store = database.store().await;
    store.save_candles(&days("2020-03-01", 10)).await.unwrap();
    let reader = database.client().await;
    reader.batch_execute("BEGIN; SELECT count(*) FROM candles").await.unwrap();
    let tidied =
        tokio::time::timeout(Duration::from_secs(5), store.tidy_candles(at("2026-11-26"), Some(at("2026-01-01"))));
    assert!(tidied.await.unwrap().is_err(), "it gives up after a second");
    assert_eq!(kept(&store).await.len(), 10);
    reader.batch_execute("COMMIT").await.unwrap();
    while store.tidy_candles(at("2026-11-26"), Some(at("2026-01-01"))).await.unwrap() == Tidied::Some {}
    assert_eq!(kept(&store).await, []);
    database.drop().await;
}

/// Upserts into what TimescaleDB has compressed.
#[tokio::test]
async fn compressed_candles_can_be_replaced() {
    let database = Database::migrated().await;
    let store = database.store().await;
    let client = database.client().await;
    if partitions(&client).await.is_none() {
        store.save_candles(&days("2020-03-01", 700)).await.unwrap();
        client.batch_execute("SELECT compress_chunk(c) FROM show_chunks('candles') c").await.unwrap();
        let again: Vec<Candle> =
            days("2020-03-05", 700).into_iter().map(|candle| Candle { trades: 77, ..candle }).collect();
        store.save_candles(&again).await.unwrap();
        assert_eq!(kept(&store).await, [&days("2020-03-01", 4)[..], &again].concat());
        let jobs = "SELECT count(*) FROM timescaledb_information.jobs WHERE proc_name = 'policy_compression'";
        assert_eq!(client.query_one(jobs, &[]).await.unwrap().get::<_, i64>(0), 1);
    }
    database.drop().await;
}
