//! The market-data role: takes the feed's events in, and tells the paper broker and the streams of them.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval};
use velox_broker_paper::{PaperBroker, Tick};
use velox_kernel::{Clock, Symbol, Timestamp};
use velox_market::{Feed, FeedError, FeedPosition, Ingest, Market, MarketEvent};

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
    /// Runs until the shutdown begins, then keeps what waits. Time goes on without a feed, too: orders expire.
    pub(super) async fn run(mut self, mut feed: Option<Box<dyn Feed>>, shutdown: Shutdown) {
        let mut look = interval(LOOK);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut stale: HashMap<Symbol, bool> = HashMap::new();
        let begun = shutdown.begun();
        tokio::pin!(begun);
        loop {
            tokio::select! {
                () = &mut begun => break,
                heard = listen(feed.as_mut()) => match heard {
                    Ok((event, position)) => {
                        self.take(&event, position).await;
                        self.hear(event.symbol(), event.at(), &mut stale);
                    }
                    // Time goes on: orders expire, candles close, and the market is told to be stale.
                    Err(FeedError::Ended) => {
                        tracing::info!("the feed has ended");
                        feed = None;
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

    async fn take(&mut self, event: &MarketEvent, position: FeedPosition) {
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

/// What the feed says next, and where it is then. No feed says nothing.
async fn listen(feed: Option<&mut Box<dyn Feed>>) -> Result<(MarketEvent, FeedPosition), FeedError> {
    let Some(feed) = feed else { return std::future::pending().await };
    let event = feed.next().await?;
    Ok((event, feed.position()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use std::collections::VecDeque;

    use async_trait::async_trait;
    use futures_util::{FutureExt, StreamExt};
    use velox_broker_paper::PaperConfig;
    use velox_market::{HotMarket, HotSettings, MarketStore};
    use velox_testkit::market::{MemoryMarketStore, sample_trade};
    use velox_testkit::trading::{AccountScenario, price, symbol};
    use velox_testkit::{CountingIds, TestClock};
    use velox_trading::{Broker, ReportKind, Side};

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

    fn task(market: Market, hub: Arc<MarketHub>, paper: Arc<PaperBroker>, clock: &Arc<TestClock>) -> MarketTask {
        let speed = "1".parse().unwrap();
        MarketTask {
            ingest: Ingest::new(market.clone()),
            market,
            paper,
            gate: ExecutionGate::default(),
            hub,
            moments: Arc::new(FeedMoments::new(clock.clone(), speed, Duration::from_secs(5))),
            clock: clock.clone(),
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
        let task = task(market, hub, Arc::new(PaperBroker::new(64)), &clock);
        let shutdown = Shutdown::default();
        let feed = Script(script.into_iter().collect(), clock.now());
        let running = tokio::spawn(task.run(Some(Box::new(feed)), shutdown.clone()));
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
    #[tokio::test(start_paused = true)]
    async fn a_days_orders_end_without_a_feed_as_well() {
        let clock = Arc::new(TestClock::default());
        let market = Market {
            store: Arc::new(MemoryMarketStore::default()),
            hot: Arc::new(HotMarket::new(HotSettings::default())),
            clock: clock.clone(),
            stale_after: Duration::from_secs(5),
        };
        let mut scenario = AccountScenario::new(Arc::new(CountingIds::default()));
        scenario.open();
        let symbol = symbol("BTC-PERP");
        scenario.set_price(symbol, price("100"));
        let (id, _) = scenario.place_limit(symbol, Side::Buy, "1", price("90"));
        scenario.work(id);
        let mut order = scenario.order(id).clone();
        order.expires_at = Some(clock.now().plus(Duration::from_secs(60)));
        let paper = Arc::new(PaperBroker::new(64));
        paper.restore(scenario.id(), PaperConfig::default(), [&order]);
        let mut reports = paper.reports();

        let shutdown = Shutdown::default();
        let hub = Arc::new(MarketHub::new(clock.now()));
        let task = task(market, hub, Arc::clone(&paper), &clock);
        let running = tokio::spawn(task.run(None, shutdown.clone()));
        tokio::time::sleep(LOOK * 5).await;
        assert!(reports.next().now_or_never().is_none(), "its day is not over");
        clock.advance(Duration::from_secs(60));
        let report = tokio::time::timeout(LOOK * 5, reports.next()).await.unwrap().unwrap();
        assert_eq!((report.order, report.kind), (id, ReportKind::Expired));
        shutdown.begin();
        running.await.unwrap();
    }
}
