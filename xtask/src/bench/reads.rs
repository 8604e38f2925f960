//! Reading, by server CPU: the caller's own user from memory, a page of orders, a page of candles.

use super::Settings;
use super::api::request;
use super::load::{self, Load, Measured};
use super::orders::{Market, median, resting_order};
use super::report::Figure;
use crate::process;
use anyhow::ensure;
use serde_json::json;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

const CONNECTIONS: u32 = 32;
/// Orders on the account whose list is read.
const ORDERS: u32 = 1_000;
/// How often the user is changed while it is read: each change drops it from memory.
const CHANGE_EVERY: Duration = Duration::from_millis(100);

/// Requests by server CPU second on each store.
pub(super) fn run(settings: &Settings) -> anyhow::Result<Vec<Figure>> {
    let mut figures = Vec::new();
    for store in &settings.stores {
        figures.extend(on(settings, store)?);
    }
    Ok(figures)
}

fn on(settings: &Settings, store: &str) -> anyhow::Result<Vec<Figure>> {
    let market = Market::on(store, &format!("reads-{store}"), 1)?;
    let account = market.accounts[0].clone();
    {
        let token = market.api.borrow().token.clone();
        let (account, number) = (account.clone(), std::sync::atomic::AtomicU32::new(0));
        let load = market.load(settings, CONNECTIONS);
        let fill = Load { measure: Duration::from_millis(500), warm_up: Duration::ZERO, ..load };
        let filled = load::run(&fill, move |_, _, bytes| {
            let name = format!("list-{}", number.fetch_add(1, Ordering::Relaxed) % ORDERS);
            bytes.extend_from_slice(&resting_order(&token, &account, &name));
        })?;
        ensure!(filled.refused == 0, "refused: {:?}", filled.first_refusal);
    }
    let mut figures = Vec::new();
    for (name, path, changes) in [
        ("users/me", "/v1/users/me".to_owned(), false),
        ("users/me, invalidated ten times a second", "/v1/users/me".to_owned(), true),
        ("orders, a page of 50", format!("/v1/orders?account_id={account}&limit=50"), false),
        ("candles, a page of 500", "/v1/market-data/candles/BTC-PERP?timeframe=1m&limit=500".to_owned(), false),
    ] {
        let mut runs = Vec::new();
        for _ in 0..settings.rounds.max(1) {
            ensure!(!process::interrupted(), "interrupted");
            runs.push(measure(settings, &market, &path, changes)?);
        }
        let cpu = median(runs.iter().map(Measured::cpu_micros).collect());
        let detail = runs.iter().map(Measured::json).collect();
        let per_cpu_second = median(runs.iter().map(Measured::per_cpu_second).collect());
        let name = format!("{store}, {name}");
        figures.push(Figure::new(format!("{name}: server CPU"), cpu, "us").detail(detail));
        if market.database.is_some() {
            let cpu = median(runs.iter().map(Measured::database_cpu_micros).collect());
            figures.push(Figure::new(format!("{name}: PostgreSQL's CPU"), cpu, "us"));
        }
        figures.push(Figure::new(format!("{name}: requests"), per_cpu_second, "1/CPU s"));
        figures.push(Figure::new(
            format!("{name}: p99"),
            median(runs.iter().map(|run| run.millis(0.99)).collect()),
            "ms",
        ));
    }
    Ok(figures)
}

fn measure(settings: &Settings, market: &Market, path: &str, changes: bool) -> anyhow::Result<Measured> {
    let api = super::api::Api::sign_in(&market.velox)?;
    let bytes = request("GET", path, &api.token, "");
    let done = AtomicBool::new(false);
    let measured = std::thread::scope(|scope| {
        let changer = scope.spawn(|| {
            let mut number = 0;
            while changes && !done.load(Ordering::Relaxed) {
                number += 1;
                api.call("PATCH", "/v1/users/me", Some(&json!({"display_name": format!("Owner {number}")})))?;
                std::thread::park_timeout(CHANGE_EVERY);
            }
            anyhow::Ok(())
        });
        let measured = load::run(&market.load(settings, CONNECTIONS), move |_, _, out| out.extend_from_slice(&bytes));
        done.store(true, Ordering::Relaxed);
        changer.join().map_err(|_| anyhow::anyhow!("the changing thread panicked"))??;
        measured
    })?;
    ensure!(measured.refused == 0, "refused: {:?}", measured.first_refusal);
    Ok(measured)
}
