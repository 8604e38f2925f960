//! The market-data role: takes the feed's events in, and tells the paper broker and the streams of them.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval};
use velox_broker_paper::{PaperBroker, Tick};
use velox_kernel::{Clock, Symbol, Timestamp};
use velox_market::{Feed, FeedError, Ingest, Market, MarketEvent};

use crate::bridges::FeedMoments;
use crate::shutdown::Shutdown;
use crate::streams::MarketHub;

/// How often quiet markets are looked at.
const LOOK: Duration = Duration::from_secs(1);
/// How long to wait before a feed that failed is asked again.
const AGAIN: Duration = Duration::from_secs(1);

/// What the market-data role works with.
pub(super) struct MarketTask {
    pub(super) ingest: Ingest,
    pub(super) market: Market,
    pub(super) paper: Arc<PaperBroker>,
    pub(super) hub: Arc<MarketHub>,
    pub(super) moments: Arc<FeedMoments>,
    pub(super) clock: Arc<dyn Clock>,
}

impl MarketTask {
    /// Runs until the shutdown begins, then keeps what waits.
    pub(super) async fn run(mut self, mut feed: Box<dyn Feed>, shutdown: Shutdown) {
        let mut look = interval(LOOK);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut stale: HashMap<Symbol, bool> = HashMap::new();
        let mut ended = false;
        let begun = shutdown.begun();
        tokio::pin!(begun);
        loop {
            tokio::select! {
                () = &mut begun => break,
                event = feed.next(), if !ended => match event {
                    Ok(event) => {
                        self.take(&event, feed.position()).await;
                        self.hear(event.symbol(), event.at(), &mut stale);
                    }
                    // Time goes on: orders expire, candles close, and the market is told to be stale.
                    Err(FeedError::Ended) => {
                        tracing::info!("the feed has ended");
                        ended = true;
                    }
                    Err(error) => {
                        tracing::warn!(%error, "the feed failed; it is asked again");
                        tokio::select! {
                            () = &mut begun => break,
                            () = tokio::time::sleep(AGAIN) => {}
                        }
                        self.look(&mut stale).await;
                    }
                },
                _ = look.tick() => self.look(&mut stale).await,
            }
        }
        if let Err(error) = self.ingest.flush(self.clock.now()).await {
            tracing::warn!(%error, "the feed's last data were not kept");
        }
    }

    /// A source said something: it is not mute any more, unless what it said is old.
    fn hear(&self, symbol: Symbol, at: Timestamp, stale: &mut HashMap<Symbol, bool>) {
        let told = stale.entry(symbol).or_insert(false);
        if *told && !self.is_mute(symbol, self.clock.now()) {
            *told = false;
            self.hub.tell_stale(symbol, at, false);
        }
    }

    fn is_mute(&self, symbol: Symbol, now: Timestamp) -> bool {
        self.market.hot.ticker(symbol).is_some_and(|ticker| ticker.seen_at(now, self.market.stale_after).stale)
    }

    async fn take(&mut self, event: &MarketEvent, position: velox_market::FeedPosition) {
        self.moments.hear(event.at());
        // First, because it does not wait: what follows may meet a store that is slow.
        if let Some(tick) = Tick::from_event(event) {
            self.paper.on_tick(&tick);
        }
        let taken = self.ingest.take(event, position).await;
        if let Err(error) = taken.kept {
            tracing::warn!(%error, "market data were not kept; they are tried again");
        }
        self.hub.tell(event, &taken.closed);
    }

    /// Closes the candles of quiet markets, ends orders whose day is over, and tells of sources gone mute.
    async fn look(&mut self, stale: &mut HashMap<Symbol, bool>) {
        let now = self.clock.now();
        if let Err(error) = self.ingest.advance(now).await.kept {
            tracing::warn!(%error, "market data were not kept; they are tried again");
        }
        self.paper.expire(now);
        // A source that said nothing since the start is mute too, once it had its time to begin.
        for ticker in self.market.hot.tickers() {
            let symbol = ticker.symbol;
            match stale.entry(symbol) {
                Entry::Vacant(unheard) => {
                    unheard.insert(false);
                }
                Entry::Occupied(mut told) => {
                    if !*told.get() && self.is_mute(symbol, now) {
                        told.insert(true);
                        self.hub.tell_stale(symbol, now, true);
                    }
                }
            }
        }
    }
}
