//! [`SimulatedFeed`]: a walk, step by step on the wall.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use velox_kernel::{Clock, Price, Timestamp};
use velox_market::{Feed, FeedCursor, FeedError, FeedPosition, Instrument, MarketEvent, Quote, Trade};

use crate::{InvalidWalk, Step, Walk};

/// How late a step may be and still be given at its own time. A machine that slept is later.
const STALLED: Duration = Duration::from_secs(10);
/// The longest sleep at a stretch: a wall clock that was set meanwhile is noticed after it.
const LONGEST_SLEEP: Duration = Duration::from_secs(60);

/// How a market is made up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SimulatedSettings {
    /// The feed's name, its key in the store.
    pub name: String,
    /// Where the walk starts and what it is drawn back to.
    pub start: Price,
    /// The widest step, in tick sizes.
    pub widest_step: u32,
    /// The time between two steps; at least a millisecond.
    pub every: Duration,
    /// What the walk is drawn from.
    pub seed: u64,
}

/// A made-up market: each step a quote and a trade, at even times. Each start and each stall begins an epoch; the walk
/// itself goes on from step to step.
pub struct SimulatedFeed {
    instrument: Instrument,
    walk: Walk,
    every: Duration,
    clock: Arc<dyn Clock>,
    cursor: FeedCursor,
    /// When the next step is due.
    due: Timestamp,
    drawn: VecDeque<MarketEvent>,
    position: FeedPosition,
}

impl SimulatedFeed {
    /// Starts now, with the step of `resume` or the first one.
    ///
    /// # Errors
    /// As [`InvalidWalk`] says.
    pub fn start(
        instrument: Instrument,
        settings: SimulatedSettings,
        clock: Arc<dyn Clock>,
        resume: Option<FeedPosition>,
    ) -> Result<Self, InvalidWalk> {
        let SimulatedSettings { name, start, widest_step, every, seed } = settings;
        let mut walk = Walk::new(&instrument, start, widest_step, seed)?;
        let index = resume.as_ref().map_or(0, |position| position.index);
        walk.skip(index);
        let epoch = resume.as_ref().map_or(0, |position| position.epoch) + 1;
        // Never behind what was told before the restart.
        let due = resume.map_or(clock.now(), |position| clock.now().max(position.at));
        let every = every.max(Duration::from_millis(1));
        let position = FeedPosition { feed: name, epoch, index, at: due };
        let cursor = FeedCursor { epoch, offset: 0 };
        Ok(Self { instrument, walk, every, clock, cursor, due, drawn: VecDeque::new(), position })
    }

    /// Waits for the next step and puts its quote and trade in line.
    async fn draw(&mut self) {
        loop {
            let now = self.clock.now();
            let wait = self.due.since(now);
            if wait.is_zero() {
                if now.since(self.due) > STALLED {
                    self.cursor = FeedCursor { epoch: self.cursor.epoch + 1, offset: 0 };
                    self.due = now;
                }
                break;
            }
            tokio::time::sleep(wait.min(LONGEST_SLEEP)).await;
        }
        let at = self.due;
        let step = self.walk.step();
        self.cursor = self.cursor.next();
        let quote = quote(&self.instrument, &step, at, self.cursor);
        self.cursor = self.cursor.next();
        let trade = trade(&self.instrument, &step, at, self.cursor);
        self.drawn.extend([MarketEvent::Quote(quote), MarketEvent::Trade(trade)]);
        self.due = at.plus(self.every);
    }
}

fn quote(instrument: &Instrument, step: &Step, at: Timestamp, cursor: FeedCursor) -> Quote {
    let Step { bid, bid_size, ask, ask_size, .. } = *step;
    Quote { symbol: instrument.symbol, at, cursor, synthetic: true, bid, bid_size, ask, ask_size }
}

fn trade(instrument: &Instrument, step: &Step, at: Timestamp, cursor: FeedCursor) -> Trade {
    Trade {
        symbol: instrument.symbol,
        at,
        cursor,
        synthetic: true,
        // Steps never share a microsecond, so their time can be their number.
        id: u64::try_from(at.micros()).unwrap_or_default(),
        price: step.price,
        quantity: step.quantity,
        aggressor: Some(step.aggressor),
    }
}

#[async_trait]
impl Feed for SimulatedFeed {
    async fn next(&mut self) -> Result<MarketEvent, FeedError> {
        loop {
            if let Some(event) = self.drawn.pop_front() {
                if self.drawn.is_empty() {
                    self.position.index += 1;
                }
                self.position.epoch = event.cursor().epoch;
                self.position.at = event.at();
                return Ok(event);
            }
            self.draw().await;
        }
    }

    fn position(&self) -> FeedPosition {
        self.position.clone()
    }
}
