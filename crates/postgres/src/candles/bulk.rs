//! [`Bulk`]: a session of its own for COPY, which the driver of the pool's sessions does not know.

use std::collections::HashMap;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::SinkExt;
use tokio::sync::Mutex;
use tokio::time::timeout;
use tokio_postgres::Client;
use tokio_postgres::error::SqlState;
use velox_kernel::{Symbol, Timeframe};
use velox_market::Candle;
use velox_sql::Failure;
use velox_sql::rows::{CandleRecord, copy_of_candles};

use crate::Server;
use crate::address::chain;
use crate::lease::silence;

/// Whether any candle is there of the symbols, timeframes and times of a batch.
const ANY: &str = "SELECT EXISTS (SELECT FROM unnest($1::text[], $2::text[], $3::int8[], $4::int8[]) AS b (s, t, f, l) \
     CROSS JOIN LATERAL (SELECT FROM candles c WHERE c.symbol = b.s AND c.timeframe = b.t \
       AND c.open_time >= 'epoch'::timestamptz + b.f * interval '1 microsecond' \
       AND c.open_time <= 'epoch'::timestamptz + b.l * interval '1 microsecond' LIMIT 1) AS found)";

/// A session of its own for COPY. One batch goes through it at a time; it is opened when it is first needed.
#[derive(Clone, Default)]
pub(super) struct Bulk(Arc<Mutex<Option<Client>>>);

impl Bulk {
    /// Copies a batch into the table, if nothing of it is there; `false` when something is, and then nothing was done.
    /// COPY knows no upsert, and an upsert of many rows takes the server three times as long.
    pub(super) async fn copy(&self, server: &Server, candles: &[Candle], deadline: Duration) -> Result<bool, Failure> {
        let mut held = self.0.lock().await;
        let work = async {
            // A session that has ended since is replaced.
            let client = match held.take().filter(|client| !client.is_closed()) {
                Some(client) => client,
                None => open(server).await.map_err(lost)?,
            };
            let copied = copy(&client, candles).await?;
            Ok::<_, Failure>((client, copied))
        };
        // A session that is not handed back is closed, and the server undoes what was open.
        let (client, copied) = timeout(deadline, work).await.map_err(|_| silence())??;
        *held = Some(client);
        Ok(copied)
    }

    /// Closes the session if nobody uses it.
    pub(super) fn rest(&self) {
        if let Ok(mut held) = self.0.try_lock() {
            held.take();
        }
    }
}

fn lost(error: tokio_postgres::Error) -> Failure {
    let text = chain(&error);
    match error.code() {
        // Whatever that is: candles are saved again by whoever wants them saved.
        None => Failure::Disconnected(text),
        Some(_) => Failure::of_database(&text),
    }
}

async fn open(server: &Server) -> Result<Client, tokio_postgres::Error> {
    let (client, driver) = server.connect().await?;
    tokio::spawn(async move {
        if let Err(error) = driver.await {
            tracing::debug!(error = chain(&error), "the connection for COPY was lost");
        }
    });
    Ok(client)
}

async fn copy(client: &Client, candles: &[Candle]) -> Result<bool, Failure> {
    if is_any_there(client, candles).await.map_err(lost)? {
        return Ok(false);
    }
    let bytes = copy_of_candles(candles)?;
    match send(client, bytes).await {
        Ok(()) => Ok(true),
        // Somebody else was quicker, or the batch has one twice.
        Err(error) if error.code() == Some(&SqlState::UNIQUE_VIOLATION) => Ok(false),
        Err(error) => Err(lost(error)),
    }
}

/// One statement, and so one transaction.
async fn send(client: &Client, bytes: Bytes) -> Result<(), tokio_postgres::Error> {
    let statement =
        format!("COPY candles ({}) FROM STDIN (FORMAT binary)", <CandleRecord as velox_sql::Record>::COLUMNS);
    let mut sink = pin!(client.copy_in::<_, Bytes>(&statement).await?);
    sink.send(bytes).await?;
    sink.finish().await?;
    Ok(())
}

async fn is_any_there(client: &Client, candles: &[Candle]) -> Result<bool, tokio_postgres::Error> {
    let mut ranges: HashMap<(Symbol, Timeframe), (i64, i64)> = HashMap::new();
    for candle in candles {
        let at = candle.open_time.micros();
        let (first, last) = ranges.entry((candle.symbol, candle.timeframe)).or_insert((at, at));
        (*first, *last) = ((*first).min(at), (*last).max(at));
    }
    let symbols: Vec<&str> = ranges.keys().map(|(symbol, _)| symbol.as_str()).collect();
    let timeframes: Vec<&str> = ranges.keys().map(|(_, timeframe)| timeframe.as_str()).collect();
    let firsts: Vec<i64> = ranges.values().map(|range| range.0).collect();
    let lasts: Vec<i64> = ranges.values().map(|range| range.1).collect();
    let statement = client.prepare(ANY).await?;
    client.query_one(&statement, &[&symbols, &timeframes, &firsts, &lasts]).await?.try_get(0)
}
