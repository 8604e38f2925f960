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
use crate::execution::ExecutionGate;
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
    pub(super) gate: ExecutionGate,
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
        // While another process executes there are no books, and the broker learns of the market alone.
        if let Some(tick) = Tick::from_event(event)
            && !self.gate.is_overdue()
        {
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
        if !self.gate.is_overdue() {
            self.paper.expire(now);
        }
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use std::collections::VecDeque;

    use async_trait::async_trait;
    use velox_market::{FeedPosition, HotMarket, HotSettings, MarketStore};
    use velox_testkit::TestClock;
    use velox_testkit::market::{MemoryMarketStore, sample_trade};

    use super::*;

    type Said = Result<Timestamp, FeedError>;

    /// Says trades of these times, then nothing.
    struct Script(VecDeque<Said>, Timestamp);

    #[async_trait]
    impl Feed for Script {
        async fn next(&mut self) -> Result<MarketEvent, FeedError> {
            let Some(said) = self.0.pop_front() else { std::future::pending().await };
            let offset = 100 - u64::try_from(self.0.len()).unwrap();
            said.map(|at| MarketEvent::Trade(sample_trade("BTC-PERP", at, offset, 100)))
        }

        fn position(&self) -> FeedPosition {
            FeedPosition { feed: "script".to_owned(), epoch: 1, index: 1, at: self.1 }
        }
    }

    /// The alerts of a market, in words, that a feed causes within some seconds.
    async fn alerts(seconds: u64, script: impl IntoIterator<Item = Said>, known: bool) -> Vec<String> {
        let clock = Arc::new(TestClock::default());
        let store = Arc::new(MemoryMarketStore::default());
        let market = Market {
            store: Arc::<MemoryMarketStore>::clone(&store),
            hot: Arc::new(HotMarket::new(HotSettings::default())),
            clock: clock.clone(),
            stale_after: Duration::from_secs(5),
        };
        if known {
            market.hot.apply(&MarketEvent::Trade(sample_trade("BTC-PERP", clock.now(), 1, 100)));
            market.hot.restore(&store.tickers().await.unwrap());
        }
        let hub = Arc::new(MarketHub::new(clock.now()));
        let (mut told, _) = hub.listen_mute();
        let speed = "1".parse().unwrap();
        let task = MarketTask {
            ingest: Ingest::new(market.clone()),
            market,
            paper: Arc::new(PaperBroker::new(64)),
            gate: ExecutionGate::default(),
            hub,
            moments: Arc::new(FeedMoments::new(clock.clone(), speed, Duration::from_secs(5))),
            clock: clock.clone(),
        };
        let shutdown = Shutdown::default();
        let feed = Script(script.into_iter().collect(), clock.now());
        let running = tokio::spawn(task.run(Box::new(feed), shutdown.clone()));
        for _ in 0..seconds * 10 {
            clock.advance(Duration::from_millis(100));
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        shutdown.begin();
        running.await.unwrap();
        let mut alerts = Vec::new();
        while let Ok(alert) = told.try_recv() {
            alerts.push(String::from_utf8(alert.to_vec()).unwrap());
        }
        alerts
    }

    fn start() -> Timestamp {
        TestClock::default().now()
    }

    fn away() -> Said {
        Err(FeedError::Disconnected { reason: "as told".to_owned() })
    }

    #[tokio::test(start_paused = true)]
    async fn a_feed_that_ends_is_told_to_be_stale_once() {
        let told = alerts(20, [Ok(start()), Err(FeedError::Ended)], false).await;
        assert_eq!(told.len(), 1, "{told:?}");
        assert!(alerts(4, [Ok(start()), Err(FeedError::Ended)], false).await.is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn a_feed_that_never_begins_is_told_to_be_stale_once() {
        assert_eq!(alerts(20, [], true).await.len(), 1);
        assert!(alerts(20, [], false).await.is_empty(), "nothing is known of a symbol that never had a price");
    }

    #[tokio::test(start_paused = true)]
    async fn a_source_is_fresh_again_by_what_is_new_and_not_by_what_is_old() {
        let failing = || std::iter::repeat_with(away).take(10);
        let later = |seconds| Ok(start().plus(Duration::from_secs(seconds)));
        let silent = || std::iter::once(Ok(start())).chain(failing());
        let old = alerts(14, silent().chain([later(1), later(2)]), false).await;
        assert_eq!(old.len(), 1, "{old:?}");
        let new = alerts(14, silent().chain([later(1), later(10)]), false).await;
        assert_eq!(new.len(), 2, "{new:?}");
    }
}
