//! What the configuration says to the parts that know no configuration.

use std::time::Duration;

use velox_brokers::PaperSettings;
use velox_kernel::Currency;

use crate::accounts::LaneSettings;
use crate::config::Config;
use crate::streams::StreamSettings;

/// What a paper connection that names no settings trades with.
pub(super) fn paper_settings(config: &Config, currency: Currency) -> PaperSettings {
    PaperSettings {
        maker_fee_bps: config.paper.fee_bps,
        taker_fee_bps: config.paper.fee_bps,
        slippage_bps: config.paper.slippage_bps,
        latency_ms: config.paper.latency_ms,
        ..PaperSettings::usual(currency)
    }
}

/// How the accounts' writers are sized.
pub(super) fn lane_settings(config: &Config, shared: bool) -> LaneSettings {
    // One writer thread serves the embedded database; PostgreSQL takes several commits at once.
    let lanes = if shared { config.database.pool_size.div_ceil(2) } else { 2 };
    LaneSettings {
        lanes,
        queue: config.trading.queue_capacity.div_ceil(lanes),
        batch: config.trading.max_batch,
        accounts: 20_000,
        snapshot_every: 1_000,
        shared,
    }
}

/// How streams are bounded.
pub(super) fn stream_settings(config: &Config, shared: bool) -> StreamSettings {
    StreamSettings {
        queue: config.streams.queue_capacity,
        patience: Duration::from_secs(5),
        heartbeat: Duration::from_millis(config.streams.heartbeat_ms),
        sign_in: Duration::from_secs(10),
        subscriptions: 64,
        symbols: 100,
        look_every: shared.then_some(Duration::from_secs(1)),
    }
}
