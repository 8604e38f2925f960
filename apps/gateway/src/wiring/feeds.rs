//! The configured market feed.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::sleep;
use velox_feed_replay::{
    BarReplay, BarReplaySettings, EmptyRecording, ReadError, Recording, ReplayClock, Speed, bundled_recording,
    read_bars,
};
use velox_feed_simulated::{InvalidWalk, SimulatedFeed, SimulatedSettings};
use velox_kernel::{Clock, Decimal, Price, Symbol, Timeframe, Timestamp};
use velox_market::{Candle, Feed, FeedPosition, Instrument, MarketEvent, MarketStore, MarketStoreError, keep_candles};
use velox_messages::Codec;

use crate::bridges::{Gathering, TopicFeed, TopicFeedPorts, TopicParts};
use crate::config::{FeedKind, MarketConfig};
use crate::dead_letters::DeadLetters;

/// The instrument that the bundled bars are of.
pub(super) const DEMO_SYMBOL: &str = "BTC-PERP";
/// Bars of the recording that become the past of a first start: three and a half days of minutes.
const HISTORY: u64 = 5_040;
/// How often it is tried to keep them, and how long in between: a process that starts has nothing to go on with yet.
const TRIES: u32 = 5;
const AGAIN: Duration = Duration::from_secs(1);
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
    /// `kafka.brokers` is missing.
    #[error("kafka.brokers must name a broker when market.feed is topic")]
    NoKafka,
    /// The feed's place or past could not be read or kept.
    #[error(transparent)]
    Store(#[from] MarketStoreError),
}

/// The configured feed, checked and loaded, for whichever process has it.
pub(super) struct FeedSource {
    kind: Kind,
    seed: u64,
    speed: Speed,
    instrument: Option<Instrument>,
    wall: Arc<dyn Clock>,
    store: Arc<dyn MarketStore>,
}

enum Kind {
    None,
    Simulated,
    Topic(Box<TopicMarket>),
    Bars {
        name: &'static str,
        recording: Arc<Recording>,
    },
    #[cfg(test)]
    Given(parking_lot::Mutex<Option<Box<dyn Feed>>>),
}

/// The market on a topic.
pub(super) struct TopicMarket {
    pub(super) parts: Arc<TopicParts>,
    pub(super) codec: Arc<Codec>,
    pub(super) dead_letters: DeadLetters,
    pub(super) clock: Arc<dyn Clock>,
}

impl TopicMarket {
    fn start(&self, part: u32, symbols: &[Symbol], now: Timestamp) -> TopicFeed {
        let (source, symbols) = (Box::new(self.parts.listen(part)), symbols.iter().copied().collect());
        let (codec, clock) = (Arc::clone(&self.codec), Arc::clone(&self.clock));
        let ports = TopicFeedPorts { codec, dead_letters: self.dead_letters.clone(), clock };
        TopicFeed::new(part, source, symbols, ports, now)
    }
}

/// A feed that is ready to run.
pub(super) struct StartedFeed {
    /// The feed; `None` when there is none.
    pub(super) feed: Option<Box<dyn Feed>>,
    /// The feed's time never goes back behind this.
    pub(super) not_before: Option<Timestamp>,
    /// The minutes of the bar that was being played at the start.
    pub(super) begun: Vec<Candle>,
    /// The prices that stand at the start.
    pub(super) standing: Vec<MarketEvent>,
}

impl FeedSource {
    /// Reads what is configured.
    ///
    /// # Errors
    /// [`FeedStartError`] when it makes no sense, or cannot be read.
    pub(super) async fn prepare(
        config: &MarketConfig,
        wall: Arc<dyn Clock>,
        store: Arc<dyn MarketStore>,
        instruments: &[Instrument],
        topic: Option<TopicMarket>,
    ) -> Result<Self, FeedStartError> {
        let kind = match config.feed {
            FeedKind::None => Kind::None,
            FeedKind::Topic => Kind::Topic(Box::new(topic.ok_or(FeedStartError::NoKafka)?)),
            FeedKind::Simulated => Kind::Simulated,
            FeedKind::Demo => Kind::Bars { name: "demo", recording: Arc::new(bundled_recording()) },
            FeedKind::Replay => {
                let path = config.replay_path.clone().ok_or(FeedStartError::NoFile)?;
                let rows = tokio::task::spawn_blocking(move || read_bars(&path)).await.unwrap_or(Ok(Vec::new()))?;
                Kind::Bars { name: "replay", recording: Arc::new(Recording::new(Timeframe::M1, rows)?) }
            }
        };
        let instrument = match kind {
            Kind::None | Kind::Topic(_) => None,
            _ => Some(demo_instrument(instruments)?),
        };
        let speed = if matches!(kind, Kind::Bars { .. }) { config.speed } else { Speed::REAL };
        let source = Self { kind, seed: config.seed, speed, instrument, wall, store };
        source.keep_past().await?;
        Ok(source)
    }

    /// A source of one feed that a test has made.
    #[cfg(test)]
    pub(super) fn given(feed: Option<Box<dyn Feed>>, wall: Arc<dyn Clock>, store: Arc<dyn MarketStore>) -> Self {
        let kind = Kind::Given(parking_lot::Mutex::new(feed));
        Self { kind, seed: 0, speed: Speed::REAL, instrument: None, wall, store }
    }

    /// Whether the feed goes on where memory is, so that the minutes that are open there go on, too. Others begin where the
    /// store is.
    pub(super) const fn continues(&self) -> bool {
        match self.kind {
            Kind::Topic(_) => true,
            Kind::None | Kind::Simulated | Kind::Bars { .. } => false,
            #[cfg(test)]
            Kind::Given(_) => true,
        }
    }

    /// Keeps what comes of a part, where it comes unasked, until its feed has begun.
    pub(super) fn gather(&self, part: u32) -> Option<Gathering> {
        match &self.kind {
            Kind::Topic(market) => Some(market.parts.gather(part)),
            _ => None,
        }
    }

    /// How fast the feed's time runs.
    pub(super) const fn speed(&self) -> Speed {
        self.speed
    }

    /// A first start keeps the recording's past.
    async fn keep_past(&self) -> Result<(), FeedStartError> {
        let (Kind::Bars { name, recording }, Some(instrument)) = (&self.kind, &self.instrument) else { return Ok(()) };
        if self.store.feed_position(name).await?.is_some() {
            return Ok(());
        }
        let (replay, _) = self.replay(name, recording, instrument, None, None);
        let past = replay.history(HISTORY);
        for _ in 1..TRIES {
            match keep_candles(&*self.store, &past).await {
                // As while another process that starts makes the candles' partitions.
                Err(MarketStoreError::Unavailable { reason }) => {
                    tracing::warn!(reason, "the recording's past could not be kept; it is tried again");
                    sleep(AGAIN).await;
                }
                kept => return Ok(kept?),
            }
        }
        Ok(keep_candles(&*self.store, &past).await?)
    }

    /// Starts the feed of a part of the market where it was left, and not before `now`, the feed's time that this process
    /// has seen.
    ///
    /// # Errors
    /// [`FeedStartError`] when its place cannot be read; it may be tried again.
    pub(super) async fn begin(
        &self,
        part: u32,
        symbols: &[Symbol],
        now: Timestamp,
    ) -> Result<StartedFeed, FeedStartError> {
        let none = StartedFeed { feed: None, not_before: None, begun: Vec::new(), standing: Vec::new() };
        #[cfg(test)]
        if let Kind::Given(feed) = &self.kind {
            return Ok(StartedFeed { feed: feed.lock().take(), ..none });
        }
        if let Kind::Topic(market) = &self.kind {
            let feed = market.start(part, symbols, now);
            return Ok(StartedFeed { feed: Some(Box::new(feed)), ..none });
        }
        // Every other feed is of one instrument.
        let Some(instrument) = self.instrument.as_ref().filter(|instrument| symbols.contains(&instrument.symbol))
        else {
            return Ok(none);
        };
        match &self.kind {
            Kind::None | Kind::Topic(_) => Ok(none),
            #[cfg(test)]
            Kind::Given(_) => Ok(none),
            Kind::Simulated => {
                let name = "simulated".to_owned();
                let position = self.store.feed_position(&name).await?;
                let start = Price::new(Decimal::from_int(SIMULATED_START));
                let settings =
                    SimulatedSettings { name, start, widest_step: 10, every: SIMULATED_EVERY, seed: self.seed };
                let feed = SimulatedFeed::start(instrument.clone(), settings, Arc::clone(&self.wall), position)?;
                Ok(StartedFeed { feed: Some(Box::new(feed)), ..none })
            }
            Kind::Bars { name, recording } => {
                let position = self.store.feed_position(name).await?;
                let (replay, clock) = self.replay(name, recording, instrument, position, Some(now));
                let begun = replay.begun().to_vec();
                let standing = replay.standing().to_vec();
                let not_before = Some(clock.now());
                Ok(StartedFeed { feed: Some(Box::new(replay)), not_before, begun, standing })
            }
        }
    }

    fn replay(
        &self,
        name: &str,
        recording: &Arc<Recording>,
        instrument: &Instrument,
        position: Option<FeedPosition>,
        seen: Option<Timestamp>,
    ) -> (BarReplay, Arc<ReplayClock>) {
        let not_before = position.as_ref().map(|position| position.at).max(seen);
        let clock = ReplayClock::start(Arc::clone(&self.wall), self.speed, not_before);
        let settings = BarReplaySettings { name: name.to_owned(), seed: self.seed, ..BarReplaySettings::default() };
        let (recording, instrument) = (Arc::clone(recording), instrument.clone());
        (BarReplay::start(recording, instrument, settings, Arc::clone(&clock), position), clock)
    }
}

fn demo_instrument(instruments: &[Instrument]) -> Result<Instrument, FeedStartError> {
    let symbol: Symbol = DEMO_SYMBOL.parse().map_err(|_| FeedStartError::NoInstrument)?;
    instruments.iter().find(|instrument| instrument.symbol == symbol).cloned().ok_or(FeedStartError::NoInstrument)
}
