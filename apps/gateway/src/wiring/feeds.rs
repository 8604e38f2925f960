//! The configured market feed.

use std::sync::Arc;
use std::time::Duration;

use velox_feed_replay::{
    BarReplay, BarReplaySettings, EmptyRecording, ReadError, Recording, ReplayClock, Speed, bundled_recording,
    read_bars,
};
use velox_feed_simulated::{InvalidWalk, SimulatedFeed, SimulatedSettings};
use velox_kernel::{Clock, Decimal, Price, Symbol, Timeframe};
use velox_market::{Candle, Feed, Instrument, MarketStore, MarketStoreError, keep_candles};

use crate::config::{FeedKind, MarketConfig};

/// The instrument that the bundled bars are of.
pub(super) const DEMO_SYMBOL: &str = "BTC-PERP";
/// Bars of the recording that become the past of a first start: three and a half days of minutes.
const HISTORY: u64 = 5_040;
/// Where the simulated market starts, and how often it moves.
const SIMULATED_START: i32 = 40_000;
const SIMULATED_EVERY: Duration = Duration::from_millis(250);

/// Why the feed cannot start.
#[derive(Debug, thiserror::Error)]
pub enum FeedStartError {
    /// `market.replay_path` is missing.
    #[error("market.replay_path must name a file of bars when market.feed is replay")]
    NoFile,
    /// The file cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The file holds no bar.
    #[error(transparent)]
    Empty(#[from] EmptyRecording),
    /// The simulation makes no sense.
    #[error(transparent)]
    Walk(#[from] InvalidWalk),
    /// There is no such instrument.
    #[error("there is no instrument {DEMO_SYMBOL}")]
    NoInstrument,
    /// The feed's place or past could not be read or kept.
    #[error(transparent)]
    Store(#[from] MarketStoreError),
}

/// A feed that is ready to run.
pub(super) struct StartedFeed {
    /// The feed; `None` when there is none.
    pub(super) feed: Option<Box<dyn Feed>>,
    /// Its time.
    pub(super) clock: Arc<dyn Clock>,
    /// How fast its time runs.
    pub(super) speed: Speed,
    /// The minutes of the bar that was being played at the start.
    pub(super) begun: Vec<Candle>,
}

/// Starts the configured feed where it was left; a first start also keeps the recording's past.
pub(super) async fn start_feed(
    config: &MarketConfig,
    wall: Arc<dyn Clock>,
    store: &Arc<dyn MarketStore>,
    instruments: &[Instrument],
) -> Result<StartedFeed, FeedStartError> {
    let none = |clock| StartedFeed { feed: None, clock, speed: Speed::REAL, begun: Vec::new() };
    let (name, recording) = match config.feed {
        FeedKind::None => return Ok(none(wall)),
        FeedKind::Simulated => return start_simulated(config, wall, store, instruments).await,
        FeedKind::Demo => ("demo", bundled_recording()),
        FeedKind::Replay => {
            let path = config.replay_path.clone().ok_or(FeedStartError::NoFile)?;
            let rows = tokio::task::spawn_blocking(move || read_bars(&path)).await.unwrap_or(Ok(Vec::new()))?;
            ("replay", Recording::new(Timeframe::M1, rows)?)
        }
    };
    let instrument = demo_instrument(instruments)?;
    let position = store.feed_position(name).await?;
    let first = position.is_none();
    let speed = config.speed;
    let clock = ReplayClock::start(wall, speed, position.as_ref().map(|position| position.at));
    let settings = BarReplaySettings { name: name.to_owned(), seed: config.seed, ..BarReplaySettings::default() };
    let replay = BarReplay::start(Arc::new(recording), instrument, settings, Arc::clone(&clock), position);
    if first {
        keep_candles(&**store, &replay.history(HISTORY)).await?;
    }
    let begun = replay.begun().to_vec();
    Ok(StartedFeed { feed: Some(Box::new(replay)), clock, speed, begun })
}

async fn start_simulated(
    config: &MarketConfig,
    wall: Arc<dyn Clock>,
    store: &Arc<dyn MarketStore>,
    instruments: &[Instrument],
) -> Result<StartedFeed, FeedStartError> {
    let name = "simulated".to_owned();
    let position = store.feed_position(&name).await?;
    let settings = SimulatedSettings {
        name,
        start: Price::new(Decimal::from_int(SIMULATED_START)),
        widest_step: 10,
        every: SIMULATED_EVERY,
        seed: config.seed,
    };
    let feed = SimulatedFeed::start(demo_instrument(instruments)?, settings, Arc::clone(&wall), position)?;
    Ok(StartedFeed { feed: Some(Box::new(feed)), clock: wall, speed: Speed::REAL, begun: Vec::new() })
}

fn demo_instrument(instruments: &[Instrument]) -> Result<Instrument, FeedStartError> {
    let symbol: Symbol = DEMO_SYMBOL.parse().map_err(|_| FeedStartError::NoInstrument)?;
    instruments.iter().find(|instrument| instrument.symbol == symbol).cloned().ok_or(FeedStartError::NoInstrument)
}
