//! Starting, and being idle.

use super::Settings;
use super::load::{self, Load};
use super::orders::{Market, median, resting_order};
use super::report::Figure;
use super::server::resident_kib;
use super::velox::{self, Program};
use crate::process;
use anyhow::ensure;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Events in the log at the later start.
const EVENTS: f64 = 100_000.0;
const ACCOUNTS: usize = 100;
/// Accounts whose orders rest until the end.
const RESTING: usize = 1;
/// From the start to the look at its memory.
const IDLE: Duration = Duration::from_secs(60);

/// The first start, later starts on an empty and on a long log, and the memory of a server that nobody asks.
pub(super) fn run(settings: &Settings) -> anyhow::Result<Vec<Figure>> {
    let idle = velox::start(Program::Velox, "idle", &[])?;
    let mut first = vec![millis(idle.server.ready_after)];
    std::thread::park_timeout(IDLE.saturating_sub(idle.server.ready_after));
    ensure!(!process::interrupted(), "interrupted");
    let memory = mebibytes(idle.server.pid())?;
    let (mut data, mut later) = (idle.stop(), Vec::new());
    for _ in 0..settings.rounds.max(1) {
        let again = velox::start_on(Program::Velox, data, "idle", &[])?;
        later.push(millis(again.server.ready_after));
        data = again.stop();
        first.push(millis(velox::start(Program::Velox, "first", &[])?.server.ready_after));
    }
    drop(data);

    let market = Market::open(Program::Velox, "long", ACCOUNTS, None)?;
    fill(&market)?;
    // A log that long is mostly of orders that are over; those that rest are read back into the broker's books.
    for account in &market.accounts[RESTING..] {
        market.api.borrow().call("DELETE", &format!("/v1/orders?account_id={account}"), None)?;
    }
    let events = market.api.borrow().metric("velox_events_total", "")?;
    let (mut data, mut long, mut long_memory) = (market.velox.stop(), Vec::new(), Vec::new());
    for _ in 0..settings.rounds.max(1) {
        let again = velox::start_on(Program::Velox, data, "long", &[])?;
        long.push(millis(again.server.ready_after));
        long_memory.push(mebibytes(again.server.pid())?);
        data = again.stop();
    }
    Ok(vec![
        Figure::new("first start to the first 200", median(first.clone()), "ms").detail(serde_json::json!(first)),
        Figure::new("later start, a new installation", median(later.clone()), "ms").detail(serde_json::json!(later)),
        Figure::new(format!("later start, {events} events, one account's orders resting"), median(long.clone()), "ms")
            .detail(serde_json::json!(long)),
        Figure::new("memory (VmRSS) a minute after start, demo running, no client", memory, "MiB"),
        Figure::new(format!("memory right after a start with {events} events"), median(long_memory), "MiB"),
    ])
}

/// Places resting orders until the log is long enough.
fn fill(market: &Market) -> anyhow::Result<()> {
    let token = market.api.borrow().token.clone();
    let mut number = 0;
    while market.api.borrow().metric("velox_events_total", "")? < EVENTS {
        let load = Load {
            address: market.velox.server.address,
            pid: market.velox.server.pid(),
            database: None,
            connections: 64,
            warm_up: Duration::ZERO,
            measure: Duration::from_secs(1),
        };
        let (token, accounts, sent) = (token.clone(), market.accounts.clone(), AtomicU64::new(0));
        number += 1;
        let placed = load::run(&load, move |_, _, bytes| {
            let count = sent.fetch_add(1, Ordering::Relaxed);
            let account = &accounts[usize::try_from(count).unwrap_or(0) % accounts.len()];
            bytes.extend_from_slice(&resting_order(&token, account, &format!("fill-{number}-{count}")));
        })?;
        ensure!(placed.refused == 0, "refused: {:?}", placed.first_refusal);
    }
    Ok(())
}

fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}

fn mebibytes(pid: u32) -> anyhow::Result<f64> {
    Ok(f64::from(u32::try_from(resident_kib(pid)?)?) / 1024.0)
}
