//! [`HotMarket`]: the newest prices and candles, in bounded memory.

mod open_minutes;
mod series;

use std::collections::HashMap;

use parking_lot::RwLock;
use velox_kernel::{Symbol, Timeframe, Timestamp};

pub use self::open_minutes::{CatchUp, OpenMinutes, Repeated};
use self::open_minutes::{Known, OpenMinute};
use self::series::Series;
use crate::{Candle, CandleOrder, CandleQuery, MarketEvent, QuoteBook, Ticker};

/// How much is kept in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HotSettings {
    /// Closed candles a symbol and timeframe; 240 by default (about 40 KB).
    pub candles: u16,
    /// How many closed candles late data may still correct; 2 by default.
    pub late_candles: u8,
    /// How many symbols; the events of further ones are counted and dropped. 1,000 by default.
    pub symbols: usize,
}

impl Default for HotSettings {
    fn default() -> Self {
        Self { candles: 240, late_candles: 2, symbols: 1_000 }
    }
}

/// What was not taken in since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Dropped {
    /// Trades and bars told twice.
    pub duplicates: u64,
    /// Trades and bars of candles closed too long ago.
    pub too_late: u64,
    /// Events of symbols beyond the bound.
    pub beyond_bound: u64,
}

/// The newest prices, the open candles of every timeframe and the last closed ones.
///
/// It is fed by one writer and read by many; no call waits for anything but its lock.
pub struct HotMarket {
    settings: HotSettings,
    state: RwLock<State>,
}

#[derive(Default)]
struct State {
    prices: QuoteBook,
    series: HashMap<Symbol, Series>,
    dropped: Dropped,
}

impl HotMarket {
    /// An empty one.
    #[must_use]
    pub fn new(settings: HotSettings) -> Self {
        Self { settings, state: RwLock::default() }
    }

    /// Takes in an event. Gives back the candles that it closed or corrected, to be kept.
    pub fn apply(&self, event: &MarketEvent) -> Vec<Candle> {
        let mut out = Vec::new();
        let state = &mut *self.state.write();
        let Some(series) = state.series(event.symbol(), &self.settings) else {
            state.dropped.beyond_bound += 1;
            return out;
        };
        series.counted.hear(event);
        let counted = match event {
            MarketEvent::Trade(trade) => series.count_trade(trade, &mut out),
            MarketEvent::Bar(bar) => series.count_bar(&bar.candle, &mut out),
            MarketEvent::Quote(quote) => {
                series.advance(quote.at, &mut out);
                crate::Counted::Counted
            }
        };
        match counted {
            crate::Counted::Counted => {}
            crate::Counted::Duplicate => state.dropped.duplicates += 1,
            crate::Counted::TooLate => state.dropped.too_late += 1,
        }
        state.prices.apply(event);
        out
    }

    /// Takes in what another process, which has the feed, says of it: an event, the candles that it closed, and the minute
    /// that grows. So a process that hears only from now on has whole candles, too.
    pub fn follow(&self, event: Option<&MarketEvent>, candles: &[Candle]) {
        let state = &mut *self.state.write();
        if let Some(event) = event {
            state.prices.apply(event);
            if let Some(series) = state.series(event.symbol(), &self.settings) {
                series.counted.hear(event);
                series.end_growing(event.at());
            }
        }
        let mut made = Vec::new();
        for candle in candles {
            let Some(series) = state.series(candle.symbol, &self.settings) else { continue };
            if candle.timeframe == Timeframe::M1 {
                series.count_bar(candle, &mut made);
            } else {
                // It knows better than what was made here of the minutes that were heard.
                series.replace(candle);
            }
        }
    }

    /// Lets go of every closed candle, because better ones may have been kept: reading then finds those.
    pub fn forget_closed(&self) {
        self.state.write().series.values_mut().for_each(Series::forget_closed);
    }

    /// Lets go of all candles of symbols, open ones too; prices stay. For a process that begins to have their feed, or
    /// ceases to: it warms them anew. Gives back what was open.
    pub fn forget_candles(&self, symbols: &[Symbol]) -> OpenMinutes {
        let state = &mut *self.state.write();
        let forget = |symbol: &Symbol| {
            let series = state.series.remove(symbol);
            OpenMinute {
                symbol: *symbol,
                minute: series.as_ref().and_then(|series| series.open_candle(Timeframe::M1)),
                counted: series.map(|series| series.counted).unwrap_or_default(),
                told: state.prices.get(*symbol).map(|ticker| ticker.cursor()),
            }
        };
        OpenMinutes(symbols.iter().map(forget).collect())
    }

    /// Has what was open grow on by what another process tells ([`HotMarket::follow`]), but for what a candle that was warmed
    /// since has ended.
    pub fn keep_open(&self, open: &OpenMinutes) {
        let state = &mut *self.state.write();
        for OpenMinute { symbol, minute, counted, .. } in &open.0 {
            let Some(series) = state.series(*symbol, &self.settings) else { continue };
            series.counted = *counted;
            if let Some(minute) = minute.filter(|minute| series.has_not_ended(minute)) {
                series.count_bar(&minute, &mut Vec::new());
            }
        }
    }

    /// Goes on with what was open by the events of a feed, and says how its repeated events stand. Call it once candles are
    /// warmed.
    pub fn go_on(&self, open: &OpenMinutes) -> CatchUp {
        let state = &mut *self.state.write();
        let mut known = HashMap::new();
        for OpenMinute { symbol, minute, counted, told } in &open.0 {
            let kept = state.prices.get(*symbol).map(|ticker| ticker.cursor());
            let Some(series) = state.series(*symbol, &self.settings) else { continue };
            // A price that was only read from the store was told by somebody else, unless its trades were all heard.
            let (told, reach) = (if counted.cursor().is_some() { *told } else { kept }, counted.cursor());
            known.insert(*symbol, Known { told, counted: reach, kept_until: series.closed_until(Timeframe::M1) });
            series.counted = *counted;
            // A minute of a source of bars comes whole with the next one.
            if let Some(minute) = minute.filter(|minute| reach.is_some() && series.has_not_ended(minute)) {
                series.resume(&minute, &mut Vec::new());
            }
        }
        CatchUp(known)
    }

    /// Tells that the feed's time has come to `now` for the symbols that are wanted, so that their candles close, too,
    /// when they are quiet.
    pub fn advance(&self, now: Timestamp, is_wanted: impl Fn(Symbol) -> bool) -> Vec<Candle> {
        let mut out = Vec::new();
        for (_, series) in self.state.write().series.iter_mut().filter(|(symbol, _)| is_wanted(**symbol)) {
            series.advance(now, &mut out);
        }
        out
    }

    /// Takes in minutes from the store or a feed's history, oldest first, at the start: long candles then go on where
    /// they were. A last, incomplete one is gone on with. Gives back the longer candles that they make, to be kept.
    pub fn warm(&self, minutes: &[Candle]) -> Vec<Candle> {
        let mut out = Vec::new();
        let state = &mut *self.state.write();
        for minute in minutes.iter().filter(|candle| candle.timeframe == Timeframe::M1) {
            if let Some(series) = state.series(minute.symbol, &self.settings) {
                series.resume(minute, &mut out);
            }
        }
        out.retain(|candle| candle.timeframe != Timeframe::M1);
        out
    }

    /// Takes in kept candles of any timeframe for reading only: nothing is built from them. One that is here already
    /// stays.
    pub fn remember(&self, kept: &[Candle]) {
        let state = &mut *self.state.write();
        for candle in kept {
            if let Some(series) = state.series(candle.symbol, &self.settings) {
                series.remember(candle);
            }
        }
    }

    /// Lets go of the closed candles that reach into a stretch of time, because better ones were kept: reading then
    /// finds those.
    pub fn forget(&self, symbol: Symbol, from: Timestamp, to: Timestamp) {
        if let Some(series) = self.state.write().series.get_mut(&symbol) {
            series.forget(from, to);
        }
    }

    /// How many closed candles a symbol and timeframe are held.
    #[must_use]
    pub const fn most_candles(&self) -> u16 {
        self.settings.candles
    }

    /// Takes in prices from the store, at the start or when a split deployment's bus is mute.
    pub fn restore(&self, tickers: &[Ticker]) {
        let mut state = self.state.write();
        tickers.iter().for_each(|ticker| state.prices.restore(*ticker));
    }

    /// The newest prices of a symbol.
    #[must_use]
    pub fn ticker(&self, symbol: Symbol) -> Option<Ticker> {
        self.state.read().prices.get(symbol)
    }

    /// The newest prices of all symbols.
    #[must_use]
    pub fn tickers(&self) -> Vec<Ticker> {
        self.state.read().prices.all()
    }

    /// The open candle of a symbol and timeframe.
    #[must_use]
    pub fn open_candle(&self, symbol: Symbol, timeframe: Timeframe) -> Option<Candle> {
        self.state.read().series.get(&symbol)?.open_candle(timeframe)
    }

    /// The candles a query wants, as far as they are in memory, the open one included.
    #[must_use]
    pub fn candles(&self, query: &CandleQuery) -> Vec<Candle> {
        let state = self.state.read();
        let Some(series) = state.series.get(&query.symbol) else {
            return Vec::new();
        };
        let wanted = |candle: &Candle| {
            query.from.is_none_or(|from| candle.open_time >= from) && query.to.is_none_or(|to| candle.open_time < to)
        };
        let open = series.open_candle(query.timeframe);
        let all = series.closed(query.timeframe).copied().chain(open).filter(wanted);
        let limit = usize::try_from(query.limit).unwrap_or(usize::MAX);
        match query.order {
            CandleOrder::OldestFirst => all.take(limit).collect(),
            CandleOrder::NewestFirst => all.rev().take(limit).collect(),
        }
    }

    /// What was not taken in since the start.
    #[must_use]
    pub fn dropped(&self) -> Dropped {
        self.state.read().dropped
    }
}

impl State {
    /// The series of a symbol; `None` when there are too many.
    fn series(&mut self, symbol: Symbol, settings: &HotSettings) -> Option<&mut Series> {
        if !self.series.contains_key(&symbol) && self.series.len() >= settings.symbols {
            return None;
        }
        Some(self.series.entry(symbol).or_insert_with(|| Series::new(symbol, settings)))
    }
}
