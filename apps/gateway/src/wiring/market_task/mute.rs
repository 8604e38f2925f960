//! [`Mutes`]: which sources have gone mute.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use velox_kernel::Symbol;
use velox_market::{Market, Ticker};

use crate::market_parts::market_part;

/// Of each symbol of a part that has a price, whether its source is said to be mute.
pub(super) struct Mutes {
    part: u32,
    told: HashMap<Symbol, bool>,
}

impl Mutes {
    /// The sources of a part, of which these are mute, as was told before.
    pub(super) fn of(part: u32, mute: Vec<Symbol>) -> Self {
        let told = mute.into_iter().filter(|symbol| market_part(*symbol) == part).map(|symbol| (symbol, true));
        Self { part, told: told.collect() }
    }

    /// The sources that are said to be mute.
    pub(super) fn mute(&self) -> Vec<Symbol> {
        self.told.iter().filter(|(_, mute)| **mute).map(|(symbol, _)| *symbol).collect()
    }

    /// A source that another process hears has said something.
    pub(super) fn know(&mut self, symbol: Symbol) {
        self.told.entry(symbol).or_insert(false);
    }

    /// Another process has told whether a source is mute.
    pub(super) fn note(&mut self, symbol: Symbol, mute: bool) {
        self.told.insert(symbol, mute);
    }

    /// A source said something: it is not mute any more, unless what it said is old. True when that is news.
    pub(super) fn hear(&mut self, market: &Market, symbol: Symbol) -> bool {
        let told = self.told.entry(symbol).or_insert(false);
        let back = *told && !is_mute(market, symbol);
        *told &= !back;
        back
    }

    /// The sources that have gone mute since the last look. One that said nothing since the start is mute too, once it
    /// had its time to begin.
    pub(super) fn look(&mut self, market: &Market) -> Vec<Symbol> {
        let mut gone = Vec::new();
        let ours = |ticker: &Ticker| market_part(ticker.symbol) == self.part;
        for ticker in market.hot.tickers().into_iter().filter(ours) {
            match self.told.entry(ticker.symbol) {
                Entry::Vacant(unheard) => {
                    unheard.insert(false);
                }
                Entry::Occupied(mut told) => {
                    if !*told.get() && is_mute(market, ticker.symbol) {
                        told.insert(true);
                        gone.push(ticker.symbol);
                    }
                }
            }
        }
        gone
    }
}

fn is_mute(market: &Market, symbol: Symbol) -> bool {
    let now = market.clock.now();
    market.hot.ticker(symbol).is_some_and(|ticker| ticker.seen_at(now, market.stale_after).stale)
}
