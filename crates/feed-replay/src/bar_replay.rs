//! [`BarReplay`]: recorded bars as a live market.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use velox_kernel::{Clock, Timeframe, Timestamp};
use velox_market::{
    Candle, CandleBuilder, Feed, FeedCursor, FeedError, FeedPosition, Instrument, IntrabarPath, MarketEvent,
    PathSettings, PathTick, Quote, SeededRng, Trade,
};

use crate::pace::Due;
use crate::{Recording, ReplayClock};

/// How bars are replayed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BarReplaySettings {
    /// The feed's name, its key in the store.
    pub name: String,
    /// How many ticks a second of wall time has; 2 by default, at least 1.
    pub ticks_per_second: u32,
    /// The spread around each tick in hundredths of a percent, at least one tick size; 0 by default.
    pub spread_bps: u16,
    /// What the paths within the bars are drawn from; 1 by default.
    pub seed: u64,
    /// Whether it begins again behind the last bar; true by default.
    pub loops: bool,
    /// Which bar a first start plays; the middle of the recording by default, so that half of it is history.
    pub first_index: Option<u64>,
}

impl Default for BarReplaySettings {
    fn default() -> Self {
        let name = "replay".to_owned();
        Self { name, ticks_per_second: 2, spread_bps: 0, seed: 1, loops: true, first_index: None }
    }
}

/// Plays recorded bars onto the present.
///
/// Bar `k` opens when the bar of the present opens on the wall: a start at 14:09:33 plays the minute's path from its
/// thirty-third second, and [`BarReplay::begun`] holds what lies before. The path depends on the seed and the bar's
/// number alone, so a restart within the minute goes on as if nothing had happened; a later one plays the saved bar
/// in the minute it finds itself in. Each start, each loop and each stall begins an epoch.
pub struct BarReplay {
    recording: Arc<Recording>,
    instrument: Instrument,
    settings: BarReplaySettings,
    clock: Arc<ReplayClock>,
    cursor: FeedCursor,
    /// Which bar is played, and when it opened, moved onto the present.
    index: u64,
    open_time: Timestamp,
    path: IntrabarPath,
    /// Ticks drawn and not given yet, all of the bar that is played.
    drawn: VecDeque<MarketEvent>,
    /// The minutes of the bar being played at the start, up to the start.
    begun: Vec<Candle>,
    /// The quote and the trade before the start.
    standing: Vec<MarketEvent>,
    position: FeedPosition,
}

impl BarReplay {
    /// Starts at the present of `clock`, with the bar of `resume` or the first one of the settings. A clock made with
    /// the `at` of `resume` does not go back behind what was played before.
    #[must_use]
    pub fn start(
        recording: Arc<Recording>,
        instrument: Instrument,
        settings: BarReplaySettings,
        clock: Arc<ReplayClock>,
        resume: Option<FeedPosition>,
    ) -> Self {
        let first = settings.first_index.unwrap_or(recording.len() / 2);
        let index = resume.as_ref().map_or(first, |position| position.index) % recording.len();
        let epoch = resume.map_or(0, |position| position.epoch);
        let now = clock.now();
        let open_time = recording.timeframe().open_of(now);
        let position = FeedPosition { feed: settings.name.clone(), epoch, index, at: open_time };
        let path = path(&recording, &instrument, &settings, &clock, index);
        let mut replay = Self {
            recording,
            instrument,
            settings,
            clock,
            cursor: FeedCursor { epoch, offset: 0 },
            index,
            open_time,
            path,
            drawn: VecDeque::new(),
            begun: Vec::new(),
            standing: Vec::new(),
            position,
        };
        replay.begun = replay.join(now);
        replay
    }

    /// Up to `most` bars before the one being played, moved by as much as it, oldest first: the past of a first start.
    #[must_use]
    pub fn history(&self, most: u64) -> Vec<Candle> {
        let present = self.recording.bar(self.index).at;
        let from = self.index.saturating_sub(most);
        let mut history: Vec<_> = (from..self.index)
            .map(|index| {
                let bar = self.recording.bar(index);
                let before = present.since(bar.at);
                let candle = bar.candle(&self.instrument, self.recording.timeframe());
                Candle { open_time: self.open_time.minus(before), synthetic: true, ..candle }
            })
            .collect();
        for later in 1..history.len() {
            history[later].gap_before = history[later - 1].close_time() != history[later].open_time;
        }
        history
    }

    /// The minutes of the bar that was being played at the start, up to the start; the last one is not complete.
    /// Warming memory with them makes that bar whole.
    #[must_use]
    pub fn begun(&self) -> &[Candle] {
        &self.begun
    }

    /// The quote and the trade that stood at the start, of a start within a bar: nobody need wait for the next ones to know
    /// a price. They are not given again.
    #[must_use]
    pub fn standing(&self) -> &[MarketEvent] {
        &self.standing
    }

    /// Takes its place in the present bar: begins an epoch, and draws past the ticks before `now`. Gives back the
    /// minutes that those make.
    fn join(&mut self, now: Timestamp) -> Vec<Candle> {
        self.cursor = FeedCursor { epoch: self.cursor.epoch + 1, offset: 0 };
        self.open_time = self.recording.timeframe().open_of(now);
        self.path = path(&self.recording, &self.instrument, &self.settings, &self.clock, self.index);
        self.drawn.clear();
        let (mut builder, mut minutes) = (CandleBuilder::new(self.instrument.symbol, Timeframe::M1, 0), Vec::new());
        let mut before = None;
        while let Some(tick) = self.path.next() {
            let at = self.open_time.plus(tick.after);
            if at >= now {
                self.draw(tick);
                break;
            }
            builder.count(&self.trade(&tick, at, self.cursor), &mut minutes);
            before = Some((tick, at));
        }
        let stood = |(tick, at)| {
            let quote = MarketEvent::Quote(self.quote(&tick, at, self.cursor));
            vec![quote, MarketEvent::Trade(self.trade(&tick, at, self.cursor))]
        };
        self.standing = before.map_or_else(Vec::new, stood);
        builder.advance(now, &mut minutes);
        minutes.extend(builder.current());
        minutes
    }

    /// Goes to the next bar.
    fn turn(&mut self) -> Result<(), FeedError> {
        let recorded = self.recording.bar(self.index).at;
        let last = self.index + 1 >= self.recording.len();
        if last && !self.settings.loops {
            return Err(FeedError::Ended);
        }
        self.open_time = if last {
            self.cursor = FeedCursor { epoch: self.cursor.epoch + 1, offset: 0 };
            self.index = 0;
            self.open_time.plus(self.recording.timeframe().duration())
        } else {
            self.index += 1;
            self.open_time.plus(self.recording.bar(self.index).at.since(recorded))
        };
        self.path = path(&self.recording, &self.instrument, &self.settings, &self.clock, self.index);
        Ok(())
    }

    /// Puts a tick's quote and trade in line.
    fn draw(&mut self, tick: PathTick) {
        let at = self.open_time.plus(tick.after);
        self.cursor = self.cursor.next();
        self.drawn.push_back(MarketEvent::Quote(self.quote(&tick, at, self.cursor)));
        self.cursor = self.cursor.next();
        self.drawn.push_back(MarketEvent::Trade(self.trade(&tick, at, self.cursor)));
    }

    fn quote(&self, tick: &PathTick, at: Timestamp, cursor: FeedCursor) -> Quote {
        let PathTick { bid, bid_size, ask, ask_size, .. } = *tick;
        Quote { symbol: self.instrument.symbol, at, cursor, synthetic: true, bid, bid_size, ask, ask_size }
    }

    fn trade(&self, tick: &PathTick, at: Timestamp, cursor: FeedCursor) -> Trade {
        // Ticks never share a microsecond, so their time can be their number; it is the same after a restart.
        let id = u64::try_from(at.micros()).unwrap_or_default();
        let PathTick { price, quantity, aggressor, .. } = *tick;
        Trade {
            symbol: self.instrument.symbol,
            at,
            cursor,
            synthetic: true,
            id,
            price,
            quantity,
            aggressor: Some(aggressor),
        }
    }
}

/// The path through a bar: as many ticks as its wall time needs.
fn path(
    recording: &Recording,
    instrument: &Instrument,
    settings: &BarReplaySettings,
    clock: &ReplayClock,
    index: u64,
) -> IntrabarPath {
    let timeframe = recording.timeframe();
    let wall = clock.speed().wall(timeframe.duration());
    let per_second = u128::from(settings.ticks_per_second.max(1));
    let ticks = (wall.as_micros() * per_second).div_ceil(Duration::from_secs(1).as_micros());
    // No closer than a thousand a second of the feed's time, so that each has a time of its own.
    let most = u128::from(timeframe.seconds()) * 1_000;
    let ticks = u32::try_from(ticks.min(most)).unwrap_or(u32::MAX);
    let bar = recording.bar(index).candle(instrument, timeframe);
    let seed = SeededRng::of_part(settings.seed, index).next_u64();
    IntrabarPath::new(&bar, instrument, PathSettings { ticks, spread_bps: settings.spread_bps }, seed)
}

#[async_trait]
impl Feed for BarReplay {
    async fn next(&mut self) -> Result<MarketEvent, FeedError> {
        loop {
            let Some(event) = self.drawn.front().copied() else {
                match self.path.next() {
                    Some(tick) => self.draw(tick),
                    None => self.turn()?,
                }
                continue;
            };
            if self.clock.wait_until(event.at()).await == Due::LongAgo {
                let now = self.clock.now();
                self.join(now);
                continue;
            }
            self.drawn.pop_front();
            if (self.position.index, self.position.epoch) != (self.index, self.cursor.epoch) {
                self.position.index = self.index;
                self.position.epoch = self.cursor.epoch;
                self.position.at = self.open_time;
            }
            return Ok(event);
        }
    }

    fn position(&self) -> FeedPosition {
        self.position.clone()
    }
}
