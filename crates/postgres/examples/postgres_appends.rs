//! Appends of resting orders (one event, one order row) to a fresh database of the server that
//! `VELOX_TEST_POSTGRES_URL` names, over 1,000 accounts. The processor time is this process's, not the server's.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a measurement may stop")]

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;
use velox_testkit::trading::{AccountScenario, FreshIds, price, symbol};
use velox_trading::{Append, Appended, Side, TradingLog};

/// Processor time of this process, all threads.
fn processor_time() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks: u64 = [11, 12].iter().filter_map(|field| fields.get(*field)?.parse::<u64>().ok()).sum();
    // The kernel counts in hundredths of a second.
    Duration::from_millis(10 * ticks)
}

fn next_order(desk: &mut AccountScenario) -> Append {
    desk.place_limit(symbol("BTC-PERP"), Side::Buy, "0.1", price("90")).1
}

async fn run(log: &dyn TradingLog, batch: usize, rounds: usize) {
    let mut desks: Vec<AccountScenario> = (0..1_000).map(|_| AccountScenario::new(Arc::new(FreshIds))).collect();
    for part in desks.chunks_mut(100) {
        let openings = part
            .iter_mut()
            .map(|desk| {
                desk.set_price(symbol("BTC-PERP"), price("100"));
                desk.open()
            })
            .collect();
        assert!(log.append(openings).await.unwrap().iter().all(|outcome| *outcome == Appended::Committed));
    }
    // Decided beforehand, so that only the store is measured; the accounts of a batch lie apart.
    let batches: Vec<Vec<Append>> = (0..rounds)
        .map(|round| (0..batch).map(|place| next_order(&mut desks[(round * batch + place * 7) % 1_000])).collect())
        .collect();
    let (began, busy) = (Instant::now(), processor_time());
    for appends in batches {
        assert!(log.append(appends).await.unwrap().iter().all(|outcome| *outcome == Appended::Committed));
    }
    let (took, busy) = (began.elapsed(), processor_time().saturating_sub(busy));
    let orders = u32::try_from(batch * rounds).unwrap();
    println!(
        "batches of {batch:>3}: {:>6} orders/s, {:>3} us processor time an order, {:>5} us a commit",
        u128::from(orders) * 1_000_000 / took.as_micros().max(1),
        (busy / orders).as_micros(),
        (took / u32::try_from(rounds).unwrap()).as_micros(),
    );
}

#[tokio::main]
async fn main() {
    let url = std::env::var("VELOX_TEST_POSTGRES_URL").expect("VELOX_TEST_POSTGRES_URL names a database");
    let store =
        velox_postgres::PostgresStore::connect(&url, &velox_postgres::PostgresOptions::default()).await.unwrap();
    for (batch, rounds) in [(1, 2_000), (32, 400), (128, 150)] {
        run(&store, batch, rounds).await;
    }
}
