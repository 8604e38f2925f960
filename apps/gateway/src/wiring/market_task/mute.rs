//! [`Mutes`]: which sources have gone mute.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use velox_kernel::Symbol;
use velox_market::Market;

/// Of each symbol that has a price, whether its source is said to be mute.
#[derive(Default)]
pub(super) struct Mutes(HashMap<Symbol, bool>);

impl Mutes {
    /// These are mute, as was told before.
    pub(super) fn of(mute: Vec<Symbol>) -> Self {
        Self(mute.into_iter().map(|symbol| (symbol, true)).collect())
    }

    /// Another process has told whether a source is mute.
    pub(super) fn note(&mut self, symbol: Symbol, mute: bool) {
        self.0.insert(symbol, mute);
    }

    /// A source said something: it is not mute any more, unless what it said is old. True when that is news.
    pub(super) fn hear(&mut self, market: &Market, symbol: Symbol) -> bool {
        let told = self.0.entry(symbol).or_insert(false);
        let back = *told && !is_mute(market, symbol);
        *told &= !back;
        back
    }

    /// The sources that have gone mute since the last look. One that said nothing since the start is mute too, once it
    /// had its time to begin.
    pub(super) fn look(&mut self, market: &Market) -> Vec<Symbol> {
        let mut gone = Vec::new();
        for ticker in market.hot.tickers() {
            match self.0.entry(ticker.symbol) {
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
