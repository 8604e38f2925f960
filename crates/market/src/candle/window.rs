//! [`Window`]: the open candle of a series and the few before it that late data may still correct.

use std::collections::VecDeque;

use velox_kernel::{Timeframe, Timestamp};

use super::Candle;

/// What became of a datum.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Counted {
    /// It changed the open candle, or corrected a closed one.
    Counted,
    /// It was there before: nothing changed.
    Duplicate,
    /// Its candle was closed too long ago: nothing changed.
    TooLate,
}

/// What a candle is made of.
pub(super) trait Body {
    /// The candle these make, without regard to its neighbours; `None` of nothing.
    fn candle(&self) -> Option<Candle>;
}

struct Entry<B> {
    open_time: Timestamp,
    body: B,
    /// What was last given out as complete.
    emitted: Option<Candle>,
}

/// A bounded stretch of a candle series, newest last.
pub(super) struct Window<B> {
    timeframe: Timeframe,
    /// How many candle lengths behind the open one are still corrected.
    kept: u8,
    entries: VecDeque<Entry<B>>,
    /// When the newest candle that time has reached opens.
    watermark: Option<Timestamp>,
    /// When the last candle that left the window opened.
    before: Option<Timestamp>,
}

impl<B: Body> Window<B> {
    pub(super) fn new(timeframe: Timeframe, kept: u8) -> Self {
        Self { timeframe, kept, entries: VecDeque::new(), watermark: None, before: None }
    }

    pub(super) const fn timeframe(&self) -> Timeframe {
        self.timeframe
    }

    /// Tells that time has come to `now`: gives out the candles that closed by it.
    pub(super) fn advance(&mut self, now: Timestamp, out: &mut Vec<Candle>) {
        let open = self.timeframe.open_of(now);
        if self.watermark.is_some_and(|held| held >= open) {
            return;
        }
        self.watermark = Some(open);
        for index in 0..self.entries.len() {
            self.emit(index, out);
        }
        let oldest = self.oldest();
        while self.entries.front().is_some_and(|entry| entry.open_time < oldest) {
            self.before = self.entries.pop_front().map(|entry| entry.open_time);
        }
    }

    /// Changes the candle that holds `at`, which may be a new one, and gives out what that corrects.
    ///
    /// `change` says whether it changed anything.
    pub(super) fn change(
        &mut self,
        at: Timestamp,
        out: &mut Vec<Candle>,
        empty: impl FnOnce() -> B,
        change: impl FnOnce(&mut B) -> bool,
    ) -> Counted {
        self.advance(at, out);
        let open_time = self.timeframe.open_of(at);
        if open_time < self.oldest() {
            return Counted::TooLate;
        }
        let index = self.entries.partition_point(|entry| entry.open_time < open_time);
        let fresh = self.entries.get(index).is_none_or(|entry| entry.open_time != open_time);
        if fresh {
            self.entries.insert(index, Entry { open_time, body: empty(), emitted: None });
        }
        if !self.entries.get_mut(index).is_some_and(|entry| change(&mut entry.body)) {
            return Counted::Duplicate;
        }
        self.emit(index, out);
        if fresh {
            // The follower's gap, if it had one, is filled now.
            self.emit(index + 1, out);
        }
        Counted::Counted
    }

    /// The candle that time has reached, still open; `None` before its first datum.
    pub(super) fn current(&self) -> Option<Candle> {
        let index = self.entries.len().checked_sub(1)?;
        self.candle(index).filter(|candle| Some(candle.open_time) == self.watermark)
    }

    /// The candle of the given opening time.
    pub(super) fn body(&self, open_time: Timestamp) -> Option<&B> {
        self.entries.iter().rev().find(|entry| entry.open_time == open_time).map(|entry| &entry.body)
    }

    /// The candles in the window, oldest first.
    pub(super) fn candles(&self) -> impl Iterator<Item = Candle> {
        (0..self.entries.len()).filter_map(|index| self.candle(index))
    }

    /// Whether the candle before `open_time` is missing although an earlier one is known.
    pub(super) fn gap_before(&self, open_time: Timestamp) -> bool {
        let earlier = self.entries.iter().rev().map(|entry| entry.open_time).find(|open| *open < open_time);
        earlier.or(self.before).is_some_and(|open| open.plus(self.timeframe.duration()) != open_time)
    }

    /// The oldest opening time that is still corrected.
    fn oldest(&self) -> Timestamp {
        let back = self.timeframe.duration().saturating_mul(u32::from(self.kept));
        self.watermark.unwrap_or_default().minus(back)
    }

    fn candle(&self, index: usize) -> Option<Candle> {
        let entry = self.entries.get(index)?;
        let mut candle = entry.body.candle()?;
        candle.complete = self.watermark.is_some_and(|watermark| entry.open_time < watermark);
        candle.gap_before = self.gap_before(entry.open_time);
        Some(candle)
    }

    /// Gives out the candle at `index` when it is complete and differs from what was given out before.
    fn emit(&mut self, index: usize, out: &mut Vec<Candle>) {
        let candle = self.candle(index).filter(|candle| candle.complete);
        if let (Some(candle), Some(entry)) = (candle, self.entries.get_mut(index))
            && entry.emitted != Some(candle)
        {
            entry.emitted = Some(candle);
            out.push(candle);
        }
    }
}
