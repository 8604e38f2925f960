//! Velox on in-memory stores: the yardstick for what durability costs. Nothing survives its end.

use std::error::Error;
use std::sync::Arc;

use clap::Parser;
use velox::cli::Cli;
use velox::config;
use velox::serve::serve_on;
use velox::wiring::{Stores, prepare_data_dir};
use velox_testkit::brokers::MemoryBrokerStore;
use velox_testkit::identity::MemoryIdentityStore;
use velox_testkit::market::MemoryMarketStore;
use velox_testkit::trading::MemoryTradingStore;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> Result<(), Box<dyn Error>> {
    velox::memory::keep_small();
    let cli = Cli::parse();
    let config = config::load(&cli.settings.sources(std::env::vars()))?.config;
    velox::logging::start(&config.log, None)?;
    prepare_data_dir(&config)?;
    let trading = Arc::new(MemoryTradingStore::default());
    let stores = Stores {
        log: trading.clone(),
        queries: trading.clone(),
        identity: Arc::new(MemoryIdentityStore::default()),
        brokers: Arc::new(MemoryBrokerStore::default()),
        market: Arc::new(MemoryMarketStore::default()),
        shared: false,
        marks: trading.clone(),
        shards: trading,
        bus: None,
        replica: None,
        pool: None,
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(serve_on(config, stores))?;
    Ok(())
}
