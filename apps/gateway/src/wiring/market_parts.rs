//! The parts of the market in this process: what each is of, who has its feed, and where its words come in.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::mpsc;
use velox_kernel::Symbol;
use velox_messages::{MarketStep, MarketTold};

use crate::feed_gate::FeedGate;
use crate::market_parts::market_part;
use crate::streams::MarketCursor;

/// Words about a part that may wait.
const WORDS: usize = 4_096;

/// A part of the market that has instruments.
pub(super) struct MarketPart {
    pub(super) number: u32,
    pub(super) symbols: Vec<Symbol>,
    /// Says which process has its feed.
    pub(super) gate: FeedGate,
    /// What the process that has the feed tells.
    pub(super) told: mpsc::Receiver<MarketStep>,
    /// Whether some of that may have been missed.
    pub(super) missed: Arc<AtomicBool>,
}

/// Brings what other processes tell of the market to its part.
#[derive(Default)]
pub(super) struct MarketNews(BTreeMap<u32, (mpsc::Sender<MarketStep>, Arc<AtomicBool>)>);

/// The parts that these symbols make, and the way to them.
pub(super) fn parts_of(symbols: impl IntoIterator<Item = Symbol>) -> (Vec<MarketPart>, MarketNews) {
    let mut by_part: BTreeMap<u32, Vec<Symbol>> = BTreeMap::new();
    for symbol in symbols {
        by_part.entry(market_part(symbol)).or_default().push(symbol);
    }
    let mut news = MarketNews::default();
    let parts = by_part.into_iter().map(|(number, symbols)| {
        let (words, told) = mpsc::channel(WORDS);
        let missed = Arc::<AtomicBool>::default();
        news.0.insert(number, (words, Arc::clone(&missed)));
        MarketPart { number, symbols, gate: FeedGate::default(), told, missed }
    });
    (parts.collect(), news)
}

impl MarketNews {
    /// Brings a word to its part.
    pub(super) fn tell(&self, step: MarketStep) {
        let part = match &step.told {
            MarketTold::Event { event, .. } => market_part(event.symbol()),
            MarketTold::Closed { symbol, .. } | MarketTold::Stale { symbol, .. } => market_part(*symbol),
            MarketTold::Alive { .. } => MarketCursor { epoch: step.epoch, offset: step.offset }.part(),
        };
        if let Some((words, missed)) = self.0.get(&part)
            && words.try_send(step).is_err()
        {
            missed.store(true, Ordering::Release);
        }
    }

    /// Notes that words about any part may have been missed.
    pub(super) fn miss(&self) {
        self.0.values().for_each(|(_, missed)| missed.store(true, Ordering::Release));
    }
}
