//! [`CachedInstruments`]: the instruments that orders ask for, in memory.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use parking_lot::RwLock;
use velox_engine::{InstrumentError, Instruments};
use velox_kernel::{Clock, Symbol, Timestamp};
use velox_market::{Instrument, MarketStore, MarketStoreError};

/// How long an instrument is believed without asking the store: bounds how late a change that another process saved
/// is seen.
const MAX_AGE: Duration = Duration::from_secs(60);
/// The most instruments in memory. Beyond it all are forgotten and read again as they are asked for.
const MOST: usize = 10_000;

/// The store's instruments, remembered. Save through [`CachedInstruments::save`], so that memory follows at once.
pub struct CachedInstruments {
    store: Arc<dyn MarketStore>,
    clock: Arc<dyn Clock>,
    kept: RwLock<HashMap<Symbol, Kept>>,
}

struct Kept {
    instrument: Instrument,
    read_at: Timestamp,
}

impl CachedInstruments {
    /// An empty memory before the store; `clock` is wall time.
    #[must_use]
    pub fn new(store: Arc<dyn MarketStore>, clock: Arc<dyn Clock>) -> Self {
        Self { store, clock, kept: RwLock::default() }
    }

    /// Saves instruments in the store, and then here.
    ///
    /// # Errors
    /// What the store says. Memory forgets them then: they may have been saved.
    pub async fn save(&self, instruments: &[Instrument]) -> Result<(), MarketStoreError> {
        let saved = self.store.save_instruments(instruments).await;
        for instrument in instruments {
            match &saved {
                Ok(()) => self.keep(instrument.clone()),
                Err(_) => drop(self.kept.write().remove(&instrument.symbol)),
            }
        }
        saved
    }

    fn keep(&self, instrument: Instrument) {
        let read_at = self.clock.now();
        let mut kept = self.kept.write();
        if kept.len() >= MOST && !kept.contains_key(&instrument.symbol) {
            kept.clear();
        }
        kept.insert(instrument.symbol, Kept { instrument, read_at });
    }

    fn fresh(&self, symbol: Symbol) -> Option<Instrument> {
        let now = self.clock.now();
        let kept = self.kept.read();
        let held = kept.get(&symbol)?;
        (held.read_at <= now && now.since(held.read_at) < MAX_AGE).then(|| held.instrument.clone())
    }
}

#[async_trait]
impl Instruments for CachedInstruments {
    /// From memory while it is fresh, then from the store. An unknown symbol is asked for every time: remembering those
    /// would let requests fill the memory.
    async fn instrument(&self, symbol: Symbol) -> Result<Option<Instrument>, InstrumentError> {
        if let Some(instrument) = self.fresh(symbol) {
            return Ok(Some(instrument));
        }
        match self.store.instrument(symbol).await {
            Ok(Some(instrument)) => {
                self.keep(instrument.clone());
                Ok(Some(instrument))
            }
            Ok(None) => {
                self.kept.write().remove(&symbol);
                Ok(None)
            }
            Err(error) => Err(InstrumentError(error.to_string())),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use velox_market::{InstrumentStatus, bundled_instruments};
    use velox_testkit::TestClock;
    use velox_testkit::market::MemoryMarketStore;

    use super::*;

    #[tokio::test]
    async fn what_is_saved_is_seen_at_once_and_what_others_save_within_a_minute() {
        let (store, clock) = (Arc::new(MemoryMarketStore::default()), Arc::new(TestClock::default()));
        let cached = CachedInstruments::new(store.clone(), clock.clone());
        let listed = bundled_instruments().into_iter().next().unwrap();
        let halted = Instrument { status: InstrumentStatus::Halted, ..listed.clone() };
        let symbol = listed.symbol;
        assert_eq!(cached.instrument(symbol).await, Ok(None));
        cached.save(std::slice::from_ref(&listed)).await.unwrap();
        assert_eq!(cached.instrument(symbol).await, Ok(Some(listed.clone())));
        cached.save(std::slice::from_ref(&halted)).await.unwrap();
        assert_eq!(cached.instrument(symbol).await, Ok(Some(halted.clone())));
        store.save_instruments(std::slice::from_ref(&listed)).await.unwrap();
        store.set_away(true);
        assert_eq!(cached.instrument(symbol).await, Ok(Some(halted)), "from memory, without the store");
        clock.advance(MAX_AGE);
        assert!(cached.instrument(symbol).await.is_err(), "too old to believe");
        store.set_away(false);
        assert_eq!(cached.instrument(symbol).await, Ok(Some(listed)));
    }
}
