//! [`Standing`]: the market of one symbol as it stands, with what the account has not yet taken of it.

use velox_kernel::{Price, Quantity, Rounding, Timestamp};
use velox_trading::{FeedPosition, Side};

use crate::settings::{PaperConfig, PaperInstrument};
use crate::tick::{Tick, TickPrices};

/// A price with what is left to trade there.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Level {
    pub(crate) price: Price,
    /// `None` bounds no fill.
    left: Option<Quantity>,
    /// The market data that told it.
    pub(crate) position: FeedPosition,
}

impl Level {
    /// Whether nothing is left.
    pub(crate) fn is_empty(&self) -> bool {
        self.left.is_some_and(|left| !left.is_positive())
    }

    /// Whether `wanted` is there in whole.
    pub(crate) fn covers(&self, wanted: Quantity) -> bool {
        self.left.is_none_or(|left| left >= wanted)
    }

    /// Takes `wanted` or what is left of it.
    pub(crate) fn take(&mut self, wanted: Quantity) -> Quantity {
        let Some(left) = self.left else { return wanted };
        let taken = wanted.min(left);
        self.left = Some(left.minus(taken).unwrap_or(Quantity::ZERO));
        taken
    }
}

/// Which of the standing prices an order meets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Offer {
    /// The bid of a quote.
    Bid,
    /// The ask of a quote.
    Ask,
    /// The last trade, or the bar being matched.
    Trade,
}

/// The market of one symbol as it stands.
#[derive(Debug, Default)]
pub(crate) struct Standing {
    seen: Option<FeedPosition>,
    bid: Option<Level>,
    ask: Option<Level>,
    trade: Option<Level>,
    /// The price traded last; it outlives the level of a bar.
    last: Option<Price>,
}

impl Standing {
    /// Takes a tick in; `false` when it or a later one was seen already, or when it has a price that cannot be.
    pub(crate) fn observe(&mut self, tick: &Tick, instrument: &PaperInstrument, config: &PaperConfig) -> bool {
        if self.seen.is_some_and(|seen| tick.position <= seen) || !tick.prices.are_possible() {
            return false;
        }
        if self.seen.is_some_and(|seen| seen.epoch != tick.position.epoch) {
            // The feed was interrupted: what stood before may be long gone.
            *self = Self::default();
        }
        self.seen = Some(tick.position);
        let level = |price: Price, volume: Option<Quantity>| {
            let left = volume.filter(|_| instrument.volume_bounds).map(|volume| share(volume, instrument, config));
            price.is_positive().then_some(Level { price, left, position: tick.position })
        };
        match tick.prices {
            TickPrices::Trade { price, quantity } => {
                self.trade = level(price, quantity);
                self.last = Some(price);
            }
            TickPrices::Quote { bid, bid_size, ask, ask_size } => {
                self.bid = level(bid, bid_size);
                self.ask = level(ask, ask_size);
            }
            TickPrices::Bar { open, volume, .. } => self.trade = level(open, volume),
        }
        true
    }

    /// Ends a bar: nothing of it can be traded any more, and its last price remains known.
    pub(crate) fn end_bar(&mut self, close: Price) {
        self.trade = None;
        self.last = Some(close);
    }

    /// Passes over all that the feed told up to `position`.
    pub(crate) fn skip_to(&mut self, position: FeedPosition) {
        self.seen = self.seen.max(Some(position));
    }

    /// What an order of this side would take now: the opposite quote, or else the last trade.
    pub(crate) fn offer(&self, side: Side) -> Option<Offer> {
        let (quote, offer) = match side {
            Side::Buy => (&self.ask, Offer::Ask),
            Side::Sell => (&self.bid, Offer::Bid),
        };
        if quote.is_some() { Some(offer) } else { self.trade.as_ref().map(|_| Offer::Trade) }
    }

    /// Whether nothing is left of anything.
    pub(crate) fn is_dry(&self) -> bool {
        [&self.bid, &self.ask, &self.trade].into_iter().flatten().all(Level::is_empty)
    }

    /// The price and what is left of an offer.
    pub(crate) fn level(&mut self, offer: Offer) -> Option<&mut Level> {
        match offer {
            Offer::Bid => self.bid.as_mut(),
            Offer::Ask => self.ask.as_mut(),
            Offer::Trade => self.trade.as_mut(),
        }
    }

    /// The price that stop orders of this side watch: the last trade, or in a market that has only told quotes the
    /// one they would be filled at.
    pub(crate) fn stop_watch(&self, side: Side) -> Option<Price> {
        self.last.or_else(|| {
            let quote = match side {
                Side::Buy => &self.ask,
                Side::Sell => &self.bid,
            };
            quote.as_ref().map(|level| level.price)
        })
    }
}

/// The part of a volume that the account may have, in whole lots.
fn share(volume: Quantity, instrument: &PaperInstrument, config: &PaperConfig) -> Quantity {
    // Neither step makes the volume larger, so neither can fail.
    let part = volume.max(Quantity::ZERO).scaled(config.participation, Rounding::Down).unwrap_or(Quantity::ZERO);
    Quantity::new(part.decimal().round_to(instrument.lot.decimal(), Rounding::Down).unwrap_or_default())
}

/// From when an order must have been live to meet a tick.
pub(crate) const fn cutoff(tick: &Tick) -> Timestamp {
    match tick.prices {
        TickPrices::Bar { from, .. } => from,
        TickPrices::Trade { .. } | TickPrices::Quote { .. } => tick.at,
    }
}
