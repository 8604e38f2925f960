//! [`TickReplay`]: recorded trades and quotes at their own spacing.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use velox_kernel::{Clock, Symbol, Timestamp};
use velox_market::csv::{QuoteRow, TradeRow};
use velox_market::{Feed, FeedCursor, FeedError, FeedPosition, MarketEvent};

use crate::pace::Due;
use crate::{EmptyRecording, ReplayClock};

/// The pause between the last record and the first one of the next loop.
const BETWEEN_LOOPS: Duration = Duration::from_secs(1);

#[derive(Clone, Copy, Debug)]
enum Record {
    Quote(QuoteRow),
    Trade(TradeRow),
}

impl Record {
    const fn at(&self) -> Timestamp {
        match self {
            Self::Quote(row) => row.at,
            Self::Trade(row) => row.at,
        }
    }
}

/// Recorded trades and quotes of one symbol as one sequence by time; at least one record.
#[derive(Clone, Debug)]
pub struct TickRecording(Vec<Record>);

impl TickRecording {
    /// Trades and quotes, each by time. At the same time quotes come first, so that a trade meets the quote it hit.
    ///
    /// # Errors
    /// [`EmptyRecording`] when there is neither.
    pub fn new(trades: Vec<TradeRow>, quotes: Vec<QuoteRow>) -> Result<Self, EmptyRecording> {
        let quotes = quotes.into_iter().map(Record::Quote);
        let mut records: Vec<_> = quotes.chain(trades.into_iter().map(Record::Trade)).collect();
        records.sort_by_key(Record::at);
        if records.is_empty() { Err(EmptyRecording) } else { Ok(Self(records)) }
    }

    /// How many records there are; above zero.
    #[must_use]
    #[expect(clippy::len_without_is_empty, reason = "it never is")]
    pub fn len(&self) -> usize {
        self.0.len()
    }
}

/// Plays recorded trades and quotes onto the present. Each start, each loop and each stall begins an epoch, with the
/// next record at once.
pub struct TickReplay {
    recording: Arc<TickRecording>,
    symbol: Symbol,
    name: String,
    loops: bool,
    clock: Arc<ReplayClock>,
    cursor: FeedCursor,
    /// The next record, and when it is due.
    index: usize,
    due: Timestamp,
    position: FeedPosition,
}

impl TickReplay {
    /// Starts at the present of `clock` with the record of `resume`, or with the first.
    #[must_use]
    pub fn start(
        recording: Arc<TickRecording>,
        symbol: Symbol,
        name: String,
        loops: bool,
        clock: Arc<ReplayClock>,
        resume: Option<FeedPosition>,
    ) -> Self {
        let saved = resume.as_ref().map_or(0, |position| position.index);
        let index = usize::try_from(saved).unwrap_or_default() % recording.len();
        let epoch = resume.map_or(0, |position| position.epoch) + 1;
        let due = clock.now();
        let position = FeedPosition { feed: name.clone(), epoch, index: saved, at: due };
        Self { recording, symbol, name, loops, clock, cursor: FeedCursor { epoch, offset: 0 }, index, due, position }
    }

    fn event(&self, record: Record, cursor: FeedCursor) -> MarketEvent {
        match record {
            Record::Quote(row) => MarketEvent::Quote(row.quote(self.symbol, self.due, cursor, true)),
            Record::Trade(row) => MarketEvent::Trade(row.trade(self.symbol, self.due, cursor, true)),
        }
    }
}

#[async_trait]
impl Feed for TickReplay {
    async fn next(&mut self) -> Result<MarketEvent, FeedError> {
        let Some(record) = self.recording.0.get(self.index).copied() else {
            return Err(FeedError::Ended);
        };
        if self.clock.wait_until(self.due).await == Due::LongAgo {
            self.cursor = FeedCursor { epoch: self.cursor.epoch + 1, offset: 0 };
            self.due = self.clock.now();
        }
        self.cursor = self.cursor.next();
        let event = self.event(record, self.cursor);
        let (given, epoch) = (self.due, self.cursor.epoch);
        self.index += 1;
        match self.recording.0.get(self.index) {
            Some(next) => self.due = self.due.plus(next.at().since(record.at())),
            None if self.loops => {
                self.index = 0;
                self.due = self.due.plus(BETWEEN_LOOPS);
                self.cursor = FeedCursor { epoch: epoch + 1, offset: 0 };
            }
            None => {}
        }
        let index = u64::try_from(self.index).unwrap_or_default();
        self.position = FeedPosition { feed: self.name.clone(), epoch, index, at: given };
        Ok(event)
    }

    fn position(&self) -> FeedPosition {
        self.position.clone()
    }
}
