//! [`OpenMinutes`] and [`CatchUp`]: what a process knows of a market that it follows, when it takes the feed over.

use std::collections::HashMap;

use velox_kernel::{Symbol, Timestamp};

use crate::{Candle, FeedCursor, MarketEvent};

/// What was open of some symbols when their candles were let go of, and how far they were known.
#[derive(Clone, Debug, Default)]
pub struct OpenMinutes(pub(super) Vec<OpenMinute>);

/// Of one symbol.
#[derive(Clone, Copy, Debug)]
pub(super) struct OpenMinute {
    pub(super) symbol: Symbol,
    /// The minute that was growing.
    pub(super) minute: Option<Candle>,
    /// Which trades are in it, or in those before.
    pub(super) counted: Reach,
    /// The newest price.
    pub(super) told: Option<FeedCursor>,
}

/// How far the minutes of a symbol hold its trades.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Reach {
    /// Nothing was heard of it.
    #[default]
    Nothing,
    /// Its minutes come as bars: a source of those tells no trades.
    Bars,
    /// All up to and with this event.
    UpTo(FeedCursor),
}

impl Reach {
    /// Takes in an event, with which the growing minute is told as it is then.
    pub(super) fn hear(&mut self, event: &MarketEvent) {
        match event {
            MarketEvent::Bar(_) => *self = Self::Bars,
            MarketEvent::Trade(_) | MarketEvent::Quote(_) if *self != Self::Bars => *self = Self::UpTo(event.cursor()),
            MarketEvent::Trade(_) | MarketEvent::Quote(_) => {}
        }
    }

    /// The last event whose trades are in a minute.
    pub(super) const fn cursor(self) -> Option<FeedCursor> {
        match self {
            Self::UpTo(cursor) => Some(cursor),
            Self::Nothing | Self::Bars => None,
        }
    }
}

/// How an event stands that a feed gives again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Repeated {
    /// Nobody has heard of it.
    News,
    /// It was told, and is in no candle.
    OnlyCounts,
    /// It is taken in.
    Known,
}

/// Judges the events of a feed that begins a while before it was left ([`crate::Feed::repeats`]).
#[derive(Clone, Debug, Default)]
pub struct CatchUp(pub(super) HashMap<Symbol, Known>);

/// What is known of one symbol.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Known {
    pub(super) told: Option<FeedCursor>,
    pub(super) counted: Option<FeedCursor>,
    /// Minutes before this are kept, by whoever had the feed.
    pub(super) kept_until: Option<Timestamp>,
}

impl CatchUp {
    /// How an event stands.
    #[must_use]
    pub fn judge(&self, event: &MarketEvent) -> Repeated {
        let Known { told, counted, kept_until } = self.0.get(&event.symbol()).copied().unwrap_or_default();
        let after = |known: Option<FeedCursor>| known.is_none_or(|known| event.cursor() > known);
        let is_trade = matches!(event, MarketEvent::Trade(_));
        let counts = is_trade && after(counted) && kept_until.is_none_or(|until| event.at() >= until);
        match (after(told), counts) {
            (true, true) => Repeated::News,
            (true, false) if !is_trade => Repeated::News,
            (false, true) => Repeated::OnlyCounts,
            _ => Repeated::Known,
        }
    }
}

#[cfg(test)]
mod tests {
    use velox_kernel::{Decimal, Price, Quantity, Timeframe};

    use super::*;
    use crate::{Bar, HotMarket, HotSettings, Quote, Ticker, Trade};

    fn symbol() -> Symbol {
        "BTC-PERP".parse().unwrap()
    }

    fn trade(second: i64, offset: u64) -> Trade {
        Trade {
            symbol: symbol(),
            at: Timestamp::from_seconds(second),
            cursor: FeedCursor { epoch: 1, offset },
            synthetic: false,
            id: offset,
            price: Price::new(Decimal::ONE),
            quantity: Quantity::new(Decimal::ONE),
            aggressor: None,
        }
    }

    fn quote(second: i64, offset: u64) -> MarketEvent {
        let Trade { symbol, at, cursor, synthetic, price, quantity, .. } = trade(second, offset);
        MarketEvent::Quote(Quote {
            symbol,
            at,
            cursor,
            synthetic,
            bid: price,
            bid_size: quantity,
            ask: price,
            ask_size: quantity,
        })
    }

    fn judged(catch_up: &CatchUp, events: impl IntoIterator<Item = (i64, u64)>) -> Vec<Repeated> {
        events.into_iter().map(|(second, offset)| catch_up.judge(&MarketEvent::Trade(trade(second, offset)))).collect()
    }

    /// A market that heard a trade, and the minute with it.
    fn follower() -> (HotMarket, Candle) {
        let leader = HotMarket::new(HotSettings::default());
        leader.apply(&MarketEvent::Trade(trade(60, 1)));
        leader.apply(&MarketEvent::Trade(trade(61, 2)));
        let growing = leader.open_candle(symbol(), Timeframe::M1).unwrap();
        let hot = HotMarket::new(HotSettings::default());
        hot.follow(Some(&MarketEvent::Trade(trade(61, 2))), &[growing]);
        (hot, growing)
    }

    #[test]
    fn what_was_heard_is_known_and_what_only_the_store_has_is_news() {
        let (hot, growing) = follower();
        let open = hot.forget_candles(&[symbol()]);
        assert_eq!(hot.open_candle(symbol(), Timeframe::M1), None);
        hot.restore(&[Ticker { symbol: symbol(), quote: None, last: Some(trade(62, 3)) }]);
        let catch_up = hot.go_on(&open);
        assert_eq!(hot.open_candle(symbol(), Timeframe::M1), Some(growing));
        let stands = judged(&catch_up, [(60, 1), (61, 2), (62, 3), (63, 4)]);
        assert_eq!(stands, [Repeated::Known, Repeated::Known, Repeated::News, Repeated::News]);
    }

    #[test]
    fn what_was_found_in_the_store_and_told_only_counts() {
        let (hot, _) = follower();
        hot.restore(&[Ticker { symbol: symbol(), quote: None, last: Some(trade(63, 4)) }]);
        let catch_up = hot.go_on(&hot.forget_candles(&[symbol()]));
        let stands = judged(&catch_up, [(61, 2), (62, 3), (63, 4), (64, 5)]);
        assert_eq!(stands, [Repeated::Known, Repeated::OnlyCounts, Repeated::OnlyCounts, Repeated::News]);
        assert_eq!(catch_up.judge(&quote(62, 3)), Repeated::Known);
        assert_eq!(catch_up.judge(&quote(64, 5)), Repeated::News);
    }

    #[test]
    fn a_minute_that_is_kept_has_ended() {
        let (hot, growing) = follower();
        let open = hot.forget_candles(&[symbol()]);
        hot.warm(&[Candle { complete: true, ..growing }]);
        let catch_up = hot.go_on(&open);
        assert_eq!(hot.open_candle(symbol(), Timeframe::M1), None);
        let stands = judged(&catch_up, [(119, 7), (120, 8)]);
        assert_eq!(stands, [Repeated::Known, Repeated::News]);
    }

    #[test]
    fn of_what_was_never_heard_the_store_says_what_was_told() {
        let hot = HotMarket::new(HotSettings::default());
        let open = hot.forget_candles(&[symbol()]);
        hot.restore(&[Ticker { symbol: symbol(), quote: None, last: Some(trade(61, 2)) }]);
        let catch_up = hot.go_on(&open);
        assert_eq!(judged(&catch_up, [(61, 2), (62, 3)]), [Repeated::OnlyCounts, Repeated::News]);
        assert_eq!(judged(&CatchUp::default(), [(61, 2)]), [Repeated::News]);
    }

    /// The word of a trade may be lost; the next word has the minute with it.
    #[test]
    fn the_minute_that_comes_with_a_quote_holds_all_trades_before_it() {
        let leader = HotMarket::new(HotSettings::default());
        let hot = HotMarket::new(HotSettings::default());
        leader.apply(&MarketEvent::Trade(trade(60, 1)));
        leader.apply(&quote(61, 2));
        let growing = leader.open_candle(symbol(), Timeframe::M1).unwrap();
        hot.follow(Some(&quote(61, 2)), &[growing]);
        let open = hot.forget_candles(&[symbol()]);
        let catch_up = hot.go_on(&open);
        assert_eq!(hot.open_candle(symbol(), Timeframe::M1), Some(growing), "also of one that heard no trade itself");
        assert_eq!(judged(&catch_up, [(60, 1), (62, 3)]), [Repeated::Known, Repeated::News]);
        // As the one that has the feed, and knows its minute itself.
        let catch_up = leader.go_on(&leader.forget_candles(&[symbol()]));
        assert_eq!(judged(&catch_up, [(60, 1), (62, 3)]), [Repeated::Known, Repeated::News]);
    }

    #[test]
    fn a_minute_of_a_source_of_bars_is_left_to_its_next_bar() {
        let (_, growing) = follower();
        let hot = HotMarket::new(HotSettings::default());
        hot.follow(None, &[growing]);
        let open = hot.forget_candles(&[symbol()]);
        hot.keep_open(&open);
        assert_eq!(hot.open_candle(symbol(), Timeframe::M1), Some(growing));
        let open = hot.forget_candles(&[symbol()]);
        hot.go_on(&open);
        assert_eq!(hot.open_candle(symbol(), Timeframe::M1), None);
    }
    /// A quote may be heard of it before its first bar.
    #[test]
    fn a_minute_that_was_taken_for_one_of_trades_is_not_closed_beside_the_bar() {
        let (_, growing) = follower();
        let hot = HotMarket::new(HotSettings::default());
        hot.follow(Some(&quote(62, 1)), &[growing]);
        hot.go_on(&hot.forget_candles(&[symbol()]));
        let Trade { at, cursor, .. } = trade(120, 2);
        let whole = Candle { trades: 9, complete: true, ..growing };
        assert_eq!(hot.apply(&MarketEvent::Bar(Bar { candle: whole, at, cursor })), [whole]);
        assert_eq!(hot.apply(&quote(121, 3)), []);
        assert_eq!(hot.open_candle(symbol(), Timeframe::M1), None);
    }

    /// The word that closed it may be lost.
    #[test]
    fn a_minute_whose_end_was_not_heard_is_not_gone_on_with() {
        let (hot, _) = follower();
        hot.follow(Some(&quote(120, 9)), &[]);
        assert_eq!(hot.open_candle(symbol(), Timeframe::M1), None);
        hot.go_on(&hot.forget_candles(&[symbol()]));
        assert_eq!(hot.apply(&quote(121, 10)), []);
    }
}
