//! Candles into a fresh database of the server that `VELOX_TEST_POSTGRES_URL` names: through the store, batch by batch,
//! against one plain COPY of the same rows into the same table. A line a round, in rows a second: through the store when
//! nothing of them is there, plain COPY, through the store when all of them are there.
//!
//! Arguments: rows, rows of a batch, rounds.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a measurement may stop")]

use std::pin::pin;

use bytes::Bytes;
use futures_util::SinkExt;
use tokio::time::Instant;
use tokio_postgres::{Client, NoTls};
use velox_kernel::Timeframe;
use velox_market::{Candle, MarketStore};
use velox_postgres::{PostgresOptions, PostgresStore};
use velox_testkit::market::sample_candle;

async fn empty(client: &Client) {
    client.batch_execute("TRUNCATE candles; CHECKPOINT").await.unwrap();
}

async fn save(store: &PostgresStore, candles: &[Candle], batch: usize) {
    for part in candles.chunks(batch) {
        store.save_candles(part).await.unwrap();
    }
}

async fn copy(client: &Client, bytes: Bytes) {
    let mut sink = pin!(client.copy_in::<_, Bytes>("COPY candles FROM STDIN (FORMAT binary)").await.unwrap());
    sink.send(bytes).await.unwrap();
    sink.finish().await.unwrap();
}

/// Rows a second of some work.
async fn rate(rows: usize, work: impl Future<Output = ()>) -> u128 {
    let began = Instant::now();
    work.await;
    u128::try_from(rows).unwrap() * 1_000_000 / began.elapsed().as_micros().max(1)
}

#[tokio::main]
async fn main() {
    let numbers: Vec<usize> = std::env::args().skip(1).map(|text| text.parse().expect("a number")).collect();
    let [rows, batch, rounds] = numbers[..] else { panic!("rows, rows of a batch, rounds") };
    let url = std::env::var("VELOX_TEST_POSTGRES_URL").expect("VELOX_TEST_POSTGRES_URL names a database");
    let store = PostgresStore::connect(&url, &PostgresOptions::default()).await.unwrap();
    let (client, driver) = tokio_postgres::connect(&url, NoTls).await.unwrap();
    tokio::spawn(driver);
    let symbol = "BTC-PERP".parse().unwrap();
    let candles: Vec<Candle> = (0..i32::try_from(rows).unwrap())
        .map(|index| sample_candle(symbol, Timeframe::M1, index - 300_000, 40_000 + index % 1_000))
        .collect();
    let bytes = velox_sql::rows::copy_of_candles(&candles).unwrap();
    // Partitions and files are made once.
    save(&store, &candles, batch).await;
    for round in 0..rounds {
        let (mut saved, mut copied) = (0, 0);
        for turn in 0..2 {
            empty(&client).await;
            if (round + turn) % 2 == 0 {
                saved = rate(rows, save(&store, &candles, batch)).await;
            } else {
                copied = rate(rows, copy(&client, bytes.clone())).await;
            }
        }
        let replaced = rate(rows, save(&store, &candles, batch)).await;
        println!("{saved} {copied} {replaced}");
    }
}
