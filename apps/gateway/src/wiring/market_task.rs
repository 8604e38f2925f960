//! The market-data role, for one part of the market. One process of an installation has the part's feed: it takes its events
//! in, keeps what closes, and tells the paper broker, the streams and the other processes. Those follow what they are told.

mod follow;
mod mute;

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::{MissedTickBehavior, interval};
use velox_broker_paper::{PaperBroker, Tick};
use velox_kernel::{Symbol, Timeframe, Timestamp};
use velox_market::{Candle, Feed, FeedError, FeedPosition, Ingest, Market, MarketEvent, MarketStoreError};
use velox_messages::{MarketStep, MarketTold};

use self::mute::Mutes;
use super::feeds::{FeedSource, FeedStartError, StartedFeed};
use crate::bridges::FeedMoments;
use crate::feed_gate::FeedGate;
use crate::market_topic::MarketTopic;
use crate::peers::{Signal, Teller};
use crate::shutdown::Shutdown;
use crate::streams::{MarketCursor, MarketHub};

/// How often quiet markets are looked at.
const LOOK: Duration = Duration::from_secs(1);
/// Candles of one word.
const CLOSED_AT_ONCE: usize = 16;
/// How long to wait before a feed or a store that failed is asked again.
const AGAIN: Duration = Duration::from_secs(1);

/// What the market-data role works with in one part of the market.
pub(super) struct MarketTask {
    pub(super) source: Arc<FeedSource>,
    /// Which part.
    pub(super) part: u32,
    /// What is of it.
    pub(super) symbols: Vec<Symbol>,
    pub(super) market: Market,
    pub(super) paper: Arc<PaperBroker>,
    /// Says which process has the feed.
    pub(super) gate: FeedGate,
    pub(super) hub: Arc<MarketHub>,
    pub(super) moments: Arc<FeedMoments>,
    pub(super) teller: Arc<Teller>,
    /// Where programs of anybody read of the market.
    pub(super) topic: Option<MarketTopic>,
    /// What the process that has the feed tells.
    pub(super) told: mpsc::Receiver<MarketStep>,
    /// Whether some of that may have been missed.
    pub(super) missed: Arc<AtomicBool>,
}

impl MarketTask {
    /// Runs until the shutdown begins, then keeps what waits.
    pub(super) async fn run(mut self, shutdown: Shutdown) {
        while !shutdown.has_begun() {
            if self.gate.is_chosen() {
                self.lead(&shutdown).await;
            } else {
                self.follow(&shutdown).await;
            }
        }
    }

    /// Has the feed until the shutdown begins or another process has it. Time goes on without one, too: orders expire.
    async fn lead(&mut self, shutdown: &Shutdown) {
        let gate = self.gate.clone();
        let begun = async {
            tokio::select! {
                () = shutdown.begun() => {}
                () = gate.chosen(false) => {}
            }
        };
        tokio::pin!(begun);
        let (mut ingest, mut feed) = tokio::select! {
            () = &mut begun => return,
            started = self.begin() => started,
        };
        let mut look = interval(LOOK);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut mutes = Mutes::of(self.part, self.hub.mute());
        loop {
            tokio::select! {
                () = &mut begun => break,
                heard = listen(feed.as_mut()) => match heard {
                    Ok((event, position)) => {
                        self.take(&mut ingest, &event, position).await;
                        if mutes.hear(&self.market, event.symbol()) {
                            self.tell_stale(event.symbol(), event.at(), false);
                        }
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
                        self.look(&mut ingest, &mut mutes).await;
                    }
                },
                _ = look.tick() => self.look(&mut ingest, &mut mutes).await,
                // Of one that had the feed before, and did not know better yet.
                Some(_) = self.told.recv() => {}
            }
        }
        // What another process keeps by now is not to be overwritten.
        if self.gate.is_open()
            && let Err(error) = ingest.flush(self.market.clock.now()).await
        {
            tracing::warn!(%error, "the feed's last data were not kept");
        }
    }

    /// Starts the feed where it was left, and memory with it; tried until it succeeds.
    async fn begin(&self) -> (Ingest, Option<Box<dyn Feed>>) {
        loop {
            match self.try_begin().await {
                Ok(begun) => return begun,
                Err(error) => tracing::warn!(%error, "the feed could not be started; it is tried again"),
            }
            tokio::time::sleep(AGAIN).await;
        }
    }

    async fn try_begin(&self) -> Result<(Ingest, Option<Box<dyn Feed>>), FeedStartError> {
        // A feed that goes on where memory is looks there for what is known.
        let open = if self.source.continues() { Some(self.warm().await?) } else { None };
        let StartedFeed { feed, not_before, begun, standing } =
            self.source.begin(self.part, &self.symbols, &self.market.hot, self.market.clock.now()).await?;
        if let Some(not_before) = not_before {
            self.moments.hear(not_before);
        }
        // Whoever places an order now needs a price, and warming takes its time.
        standing.iter().for_each(|event| self.market.hot.follow(Some(event), &[]));
        let ingest = Ingest::new(self.market.clone()).of(self.symbols.iter().copied());
        match open {
            Some(open) => self.market.hot.warm(&open),
            None => {
                self.warm().await?;
                self.market.hot.warm(&begun)
            }
        };
        self.hub.begin(self.part, self.market.clock.now());
        Ok((ingest, feed))
    }

    /// Puts what the store keeps in the place of the candles in memory. Gives the minutes that were open there, unless a kept
    /// one has ended them.
    async fn warm(&self) -> Result<Vec<Candle>, MarketStoreError> {
        let hot = &self.market.hot;
        let minutes = self.symbols.iter().filter_map(|symbol| hot.open_candle(*symbol, Timeframe::M1));
        let mut open: Vec<Candle> = minutes.collect();
        hot.forget_candles(&self.symbols);
        if let Err(error) = Ingest::new(self.market.clone()).warm(&self.symbols, self.market.clock.now()).await {
            // It is tried again.
            hot.follow(None, &open);
            return Err(error);
        }
        open.retain(|minute| {
            hot.closed_until(minute.symbol, Timeframe::M1).is_none_or(|until| minute.open_time >= until)
        });
        Ok(open)
    }

    async fn take(&self, ingest: &mut Ingest, event: &MarketEvent, position: FeedPosition) {
        self.moments.hear(event.at());
        // First, because it does not wait: what follows may meet a store that is slow.
        self.match_books(event);
        ingest.hold_back(!self.gate.is_open());
        let taken = ingest.take(event, position).await;
        if let Err(error) = taken.kept {
            tracing::warn!(%error, "market data were not kept; they are tried again");
        }
        let next = self.hub.next(self.part);
        self.hub.tell(event, &taken.closed);
        self.signal_one(next, || {
            let growing = self.market.hot.open_candle(event.symbol(), Timeframe::M1);
            MarketTold::Event { event: *event, closed: taken.closed, growing }
        });
    }

    /// Closes the candles of quiet markets, ends orders whose day is over, and tells of sources gone mute.
    async fn look(&self, ingest: &mut Ingest, mutes: &mut Mutes) {
        let now = self.market.clock.now();
        ingest.hold_back(!self.gate.is_open());
        let taken = ingest.advance(now).await;
        if let Err(error) = taken.kept {
            tracing::warn!(%error, "market data were not kept; they are tried again");
        }
        // In parts that every bus takes.
        for closed in taken.closed.chunks(CLOSED_AT_ONCE) {
            let next = self.hub.next(self.part);
            self.hub.tell_closed(closed, now);
            self.signal(|| MarketStep::of_closed(next.epoch, next.offset, now, closed));
        }
        self.signal_one(self.hub.next(self.part), || MarketTold::Alive { at: now });
        self.paper.expire(now);
        for symbol in mutes.look(&self.market) {
            self.tell_stale(symbol, now, true);
        }
    }

    /// Lets the broker match with what the market said. It has the books of those accounts for which this process executes.
    fn match_books(&self, event: &MarketEvent) {
        if let Some(tick) = Tick::from_event(event) {
            self.paper.on_tick(&tick);
        }
    }

    fn tell_stale(&self, symbol: Symbol, at: Timestamp, stale: bool) {
        let next = self.hub.next(self.part);
        self.hub.tell_stale(symbol, at, stale);
        self.signal_one(next, || MarketTold::Stale { symbol, at, stale });
    }

    fn signal_one(&self, next: MarketCursor, told: impl FnOnce() -> MarketTold) {
        self.signal(|| vec![MarketStep { epoch: next.epoch, offset: next.offset, told: told() }]);
    }

    /// Tells the other processes and the topic, unless another process may have the feed by now.
    fn signal(&self, steps: impl FnOnce() -> Vec<MarketStep>) {
        let has_listeners = self.teller.has_listeners();
        if !(has_listeners || self.topic.is_some()) || !self.gate.is_open() {
            return;
        }
        for step in steps() {
            if let Some(topic) = &self.topic {
                topic.tell(&step);
            }
            if has_listeners {
                self.teller.tell(Signal::Market(Box::new(step)));
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
    use velox_feed_replay::Speed;
    use velox_kernel::Clock;
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

    fn task(
        feed: Option<Script>,
        market: Market,
        hub: Arc<MarketHub>,
        paper: Arc<PaperBroker>,
        clock: &Arc<TestClock>,
    ) -> MarketTask {
        let gate = FeedGate::default();
        gate.open(None);
        let feed = feed.map(|script| -> Box<dyn Feed> { Box::new(script) });
        MarketTask {
            source: Arc::new(FeedSource::given(feed, clock.clone(), market.store.clone())),
            part: part(),
            symbols: vec![symbol("BTC-PERP")],
            market,
            paper,
            gate,
            hub,
            moments: Arc::new(FeedMoments::new(clock.clone(), Speed::REAL, Duration::from_secs(5))),
            teller: Teller::to_nobody(),
            topic: None,
            told: mpsc::channel(1).1,
            missed: Arc::default(),
        }
    }

    fn part() -> u32 {
        crate::market_parts::market_part(symbol("BTC-PERP"))
    }

    fn market(store: &Arc<MemoryMarketStore>, clock: &Arc<TestClock>) -> Market {
        let hot = Arc::new(HotMarket::new(HotSettings::default()));
        Market::new(Arc::<MemoryMarketStore>::clone(store), hot, clock.clone(), Duration::from_secs(5))
    }

    /// The alerts of a market, in words, that a feed causes within some seconds.
    async fn alerts(seconds: u64, script: impl IntoIterator<Item = Said>, known: bool) -> Vec<String> {
        let clock = Arc::new(TestClock::default());
        let store = Arc::new(MemoryMarketStore::default());
        let market = market(&store, &clock);
        if known {
            market.hot.apply(&MarketEvent::Trade(sample_trade("BTC-PERP", clock.now(), 1, 100)));
            market.hot.restore(&store.tickers().await.unwrap());
        }
        let hub = Arc::new(MarketHub::new(clock.now()));
        let (mut told, _) = hub.listen_mute();
        let shutdown = Shutdown::default();
        let feed = Script(script.into_iter().collect(), clock.now());
        let task = task(Some(feed), market, hub, Arc::new(PaperBroker::new(64)), &clock);
        let running = tokio::spawn(task.run(shutdown.clone()));
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
        let market = market(&Arc::default(), &clock);
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
        let task = task(None, market, hub, Arc::clone(&paper), &clock);
        let running = tokio::spawn(task.run(shutdown.clone()));
        tokio::time::sleep(LOOK * 5).await;
        assert!(reports.next().now_or_never().is_none(), "its day is not over");
        clock.advance(Duration::from_secs(60));
        let report = tokio::time::timeout(LOOK * 5, reports.next()).await.unwrap().unwrap();
        assert_eq!((report.order, report.kind), (id, ReportKind::Expired));
        shutdown.begin();
        running.await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn a_follower_counts_as_it_is_told_and_looks_up_what_it_missed() {
        let clock = Arc::new(TestClock::default());
        let store = Arc::new(MemoryMarketStore::default());
        let market = market(&store, &clock);
        let hub = Arc::new(MarketHub::new(clock.now()));
        let (words, told) = mpsc::channel(16);
        let mut task = task(None, market.clone(), Arc::clone(&hub), Arc::new(PaperBroker::new(64)), &clock);
        task.gate.yield_to_another();
        task.told = told;
        let (shutdown, missed) = (Shutdown::default(), Arc::clone(&task.missed));
        let running = tokio::spawn(task.run(shutdown.clone()));
        let tell = async |epoch: u64, offset: u64, price: i32| {
            let event = MarketEvent::Trade(sample_trade("BTC-PERP", clock.now(), offset, price));
            let told = MarketTold::Event { event, closed: Vec::new(), growing: None };
            words.send(MarketStep { epoch, offset, told }).await.unwrap();
            tokio::time::sleep(Duration::from_millis(1)).await;
        };
        let newest = hub.next(part()).epoch + 1_000 * u64::from(crate::market_parts::MARKET_PARTS);
        tell(newest, 1, 100).await;
        tell(newest, 2, 101).await;
        assert_eq!(hub.next(part()), MarketCursor { epoch: newest, offset: 3 });
        let symbol = symbol("BTC-PERP");
        assert_eq!(hub.listen(&[symbol], &[MarketCursor { epoch: newest, offset: 1 }]).1.len(), 1);
        tell(newest - 1, 77, 1).await;
        assert_eq!(
            hub.next(part()),
            MarketCursor { epoch: newest, offset: 3 },
            "the last words of one that was stopped"
        );
        assert_eq!(market.hot.ticker(symbol).and_then(|ticker| ticker.price()), Some(price("101")));

        // Once nobody tells anything, prices come out of the store, and one who begins anew is listened to.
        let kept = sample_trade("BTC-PERP", clock.now().plus(Duration::from_secs(1)), 9, 105);
        store.save_tickers(&[velox_market::Ticker { symbol, quote: None, last: Some(kept) }]).await.unwrap();
        tokio::time::sleep(Duration::from_secs(6)).await;
        assert_eq!(market.hot.ticker(symbol).and_then(|ticker| ticker.price()), Some(price("105")));
        assert_ne!(hub.next(part()).epoch, newest);
        tell(newest - 1, 5, 106).await;
        assert_eq!(hub.next(part()), MarketCursor { epoch: newest - 1, offset: 6 });

        // What was missed is looked up: the store's candles take the place of those in memory.
        let minute = velox_testkit::market::sample_candle(symbol, Timeframe::M1, 0, 200);
        store.save_candles(std::slice::from_ref(&minute)).await.unwrap();
        missed.store(true, std::sync::atomic::Ordering::Release);
        tokio::time::sleep(LOOK * 2).await;
        let query = velox_market::CandleQuery {
            symbol,
            timeframe: Timeframe::M1,
            from: None,
            to: Some(minute.close_time()),
            order: velox_market::CandleOrder::OldestFirst,
            limit: 9,
        };
        assert_eq!(market.hot.candles(&query), [minute]);
        shutdown.begin();
        running.await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn who_takes_the_feed_goes_on_with_the_minute_that_was_open() {
        let (clock, store) = (Arc::new(TestClock::default()), Arc::<MemoryMarketStore>::default());
        let market = market(&store, &clock);
        let minute = Timeframe::M1.open_of(clock.now());
        let at = |second: u64| minute.plus(Duration::from_secs(second));
        let feed = Script([Ok(at(30)), Ok(at(90))].into(), at(30));
        let hub = Arc::new(MarketHub::new(clock.now()));
        let (words, told) = mpsc::channel(16);
        let mut task = task(Some(feed), market.clone(), hub, Arc::new(PaperBroker::new(64)), &clock);
        task.gate.yield_to_another();
        task.told = told;
        let (gate, shutdown) = (task.gate.clone(), Shutdown::default());
        let running = tokio::spawn(task.run(shutdown.clone()));
        let symbol = symbol("BTC-PERP");
        let seen = sample_trade("BTC-PERP", at(10), 1, 100);
        let whole = velox_testkit::market::sample_candle(symbol, Timeframe::M1, 0, 100);
        let growing = Candle { open_time: minute, complete: false, ..whole };
        let told = MarketTold::Event { event: MarketEvent::Trade(seen), closed: vec![], growing: Some(growing) };
        words.send(MarketStep { epoch: 12, offset: 1, told }).await.unwrap();
        // It looks into the store, where the minute is not, and has it still.
        tokio::time::sleep(LOOK * 2).await;
        gate.choose();
        gate.open(None);
        tokio::time::sleep(LOOK * 2).await;
        let query = velox_market::CandleQuery {
            symbol,
            timeframe: Timeframe::M1,
            from: None,
            to: None,
            order: velox_market::CandleOrder::OldestFirst,
            limit: 9,
        };
        let kept = store.candles(&query).await.unwrap();
        let kept: Vec<_> = kept.iter().map(|candle| (candle.open_time, candle.open, candle.trades)).collect();
        assert_eq!(kept, [(minute, growing.open, growing.trades + 1)]);
        shutdown.begin();
        running.await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn without_the_certain_right_nothing_is_kept() {
        for certain in [false, true] {
            let (clock, store) = (Arc::new(TestClock::default()), Arc::<MemoryMarketStore>::default());
            let hub = Arc::new(MarketHub::new(clock.now()));
            let feed = Script([Ok(clock.now()), Ok(clock.now().plus(Duration::from_secs(90)))].into(), clock.now());
            let paper = Arc::new(PaperBroker::new(64));
            let task = task(Some(feed), market(&store, &clock), hub, paper, &clock);
            if !certain {
                // As after the process was stopped: another one may have the right by now.
                task.gate.close();
            }
            let shutdown = Shutdown::default();
            let running = tokio::spawn(task.run(shutdown.clone()));
            tokio::time::sleep(LOOK * 3).await;
            shutdown.begin();
            running.await.unwrap();
            assert_eq!(store.feed_position("script").await.unwrap().is_some(), certain);
            assert_eq!(!store.tickers().await.unwrap().is_empty(), certain);
        }
    }
}
