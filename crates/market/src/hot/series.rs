//! [`Series`]: the candles of one symbol in every timeframe.

use std::collections::VecDeque;

use velox_kernel::{Symbol, Timeframe, Timestamp};

use super::HotSettings;
use super::open_minutes::Reach;
use crate::{Candle, CandleBuilder, CandleRollup, Counted, Trade};

/// Minutes are built from trades, and each longer timeframe from the next shorter one: what a day needs to know of its
/// past is six candles of four hours.
pub(super) struct Series {
    minutes: CandleBuilder,
    /// One for each timeframe above a minute, shortest first.
    rollups: Vec<(Timeframe, CandleRollup)>,
    /// The open candle of a feed of bars, by the timeframe it comes in.
    growing: Option<Candle>,
    /// Which trades are in candles.
    pub(super) counted: Reach,
    /// The last closed candles of each timeframe, oldest first.
    closed: [VecDeque<Candle>; Timeframe::ALL.len()],
    most: usize,
    late: u8,
}

impl Series {
    pub(super) fn new(symbol: Symbol, settings: &HotSettings) -> Self {
        let late = settings.late_candles;
        let longer = Timeframe::ALL.into_iter().filter(|timeframe| *timeframe != Timeframe::M1);
        Self {
            minutes: CandleBuilder::new(symbol, Timeframe::M1, late),
            rollups: longer.map(|timeframe| (timeframe, CandleRollup::new(timeframe, late))).collect(),
            growing: None,
            counted: Reach::default(),
            closed: Default::default(),
            most: usize::from(settings.candles),
            late,
        }
    }

    pub(super) fn count_trade(&mut self, trade: &Trade, out: &mut Vec<Candle>) -> Counted {
        let done = out.len();
        let counted = self.minutes.count(trade, out);
        self.roll_up(done, trade.at, out);
        counted
    }

    /// Goes on with what the store or a feed's history holds of the time before the first trade.
    pub(super) fn resume(&mut self, minute: &Candle, out: &mut Vec<Candle>) {
        let done = out.len();
        self.minutes.resume(*minute, out);
        if minute.complete {
            self.minutes.advance(minute.close_time(), out);
        }
        let now = if minute.complete { minute.close_time() } else { minute.open_time };
        self.roll_up(done, now, out);
    }

    pub(super) fn count_bar(&mut self, bar: &Candle, out: &mut Vec<Candle>) -> Counted {
        // What was begun as if of trades is in the bars that come, and must not be closed beside them.
        if bar.timeframe == Timeframe::M1 && self.minutes.current().is_some() {
            self.minutes = CandleBuilder::new(bar.symbol, Timeframe::M1, self.late);
        }
        if !bar.complete {
            let news = self.growing != Some(*bar);
            self.growing = Some(*bar);
            self.roll_up(out.len(), bar.open_time, out);
            return if news { Counted::Counted } else { Counted::Duplicate };
        }
        if self.closed(bar.timeframe).any(|held| held == bar) {
            return Counted::Duplicate;
        }
        if self.growing.is_some_and(|growing| growing.open_time <= bar.open_time) {
            self.growing = None;
        }
        let done = out.len();
        out.push(*bar);
        self.roll_up(done, bar.close_time(), out);
        Counted::Counted
    }

    pub(super) fn advance(&mut self, now: Timestamp, out: &mut Vec<Candle>) {
        let done = out.len();
        self.minutes.advance(now, out);
        self.roll_up(done, now, out);
    }

    /// Lets go of a growing candle that something is heard from after its end: how it ended was not heard.
    pub(super) fn end_growing(&mut self, now: Timestamp) {
        self.growing = self.growing.filter(|growing| growing.close_time() > now);
    }

    pub(super) fn remember(&mut self, kept: &Candle) {
        let most = self.most;
        if let Some(closed) = self.closed.get_mut(place(kept.timeframe))
            && closed.iter().all(|held| held.open_time != kept.open_time)
        {
            keep(closed, *kept, most);
        }
    }

    /// Puts a closed candle in the place of the one that is here.
    pub(super) fn replace(&mut self, closed: &Candle) {
        let most = self.most;
        if let Some(kept) = self.closed.get_mut(place(closed.timeframe)) {
            keep(kept, *closed, most);
        }
    }

    pub(super) fn forget_closed(&mut self) {
        self.closed.iter_mut().for_each(VecDeque::clear);
    }

    pub(super) fn forget(&mut self, from: Timestamp, to: Timestamp) {
        for closed in &mut self.closed {
            closed.retain(|candle| candle.open_time >= to || candle.close_time() <= from);
        }
    }

    pub(super) fn closed(&self, timeframe: Timeframe) -> impl DoubleEndedIterator<Item = &Candle> {
        self.closed.get(place(timeframe)).into_iter().flatten()
    }

    /// When the newest closed candle of a timeframe ends.
    pub(super) fn closed_until(&self, timeframe: Timeframe) -> Option<Timestamp> {
        Some(self.closed(timeframe).next_back()?.close_time())
    }

    /// Whether no closed candle reaches into an open minute.
    pub(super) fn has_not_ended(&self, minute: &Candle) -> bool {
        self.closed_until(Timeframe::M1).is_none_or(|until| minute.open_time >= until)
    }

    pub(super) fn open_candle(&self, timeframe: Timeframe) -> Option<Candle> {
        if let Some(growing) = self.growing.filter(|growing| growing.timeframe == timeframe) {
            return Some(growing);
        }
        let mut open = self.minutes.current();
        if timeframe == Timeframe::M1 {
            return open;
        }
        for (longer, rollup) in &self.rollups {
            let growing = self.growing.filter(|growing| growing.timeframe < *longer);
            open = rollup.current(open.or(growing));
            if *longer == timeframe {
                return open;
            }
        }
        None
    }

    /// Feeds the candles of `out[done..]` and all that follow from them into the longer timeframes, each from the next
    /// shorter one, and closes those whose time is over at `now`.
    fn roll_up(&mut self, done: usize, now: Timestamp, out: &mut Vec<Candle>) {
        for ((timeframe, rollup), shorter) in self.rollups.iter_mut().zip(Timeframe::ALL) {
            debug_assert!(shorter < *timeframe, "both lists go from short to long");
            for index in done..out.len() {
                if let Some(part) = out.get(index).copied().filter(|part| part.timeframe == shorter) {
                    rollup.count(&part, out);
                }
            }
            rollup.advance(now, out);
        }
        for candle in out.get(done..).unwrap_or_default() {
            if let Some(closed) = self.closed.get_mut(place(candle.timeframe)) {
                keep(closed, *candle, self.most);
            }
        }
    }
}

/// Puts a candle in its place among the last closed ones.
fn keep(closed: &mut VecDeque<Candle>, candle: Candle, most: usize) {
    let index = closed.partition_point(|held| held.open_time < candle.open_time);
    match closed.get_mut(index) {
        Some(held) if held.open_time == candle.open_time => *held = candle,
        _ => closed.insert(index, candle),
    }
    if closed.len() > most {
        closed.pop_front();
    }
}

/// Where a timeframe stands among all of them.
fn place(timeframe: Timeframe) -> usize {
    Timeframe::ALL.iter().position(|one| *one == timeframe).unwrap_or_default()
}
