//! The market-data role, with a feed that follows a script.

#![allow(clippy::unwrap_used, reason = "tests")]
use std::collections::VecDeque;

use async_trait::async_trait;
use futures_util::{FutureExt, StreamExt};
use velox_broker_paper::PaperConfig;
use velox_feed_replay::Speed;
use velox_kernel::Clock;
use velox_market::{Candle, CandleOrder, CandleQuery, HotMarket, HotSettings, MarketStore, Ticker};
use velox_testkit::market::{MemoryMarketStore, sample_candle, sample_trade};
use velox_testkit::trading::{AccountScenario, price, symbol};
use velox_testkit::{CountingIds, TestClock};
use velox_trading::{Broker, ReportKind, Side};

use super::*;

type Said = Result<Timestamp, FeedError>;

/// Says trades of these times, then nothing.
struct Script(VecDeque<Said>, Timestamp);

/// Gives these events again, then those of a script.
struct Repeating(VecDeque<MarketEvent>, Script, bool);

#[async_trait]
impl Feed for Repeating {
    async fn next(&mut self) -> Result<MarketEvent, FeedError> {
        let again = self.0.pop_front();
        self.2 = again.is_some();
        match again {
            Some(event) => Ok(event),
            None => self.1.next().await,
        }
    }

    fn position(&self) -> FeedPosition {
        self.1.position()
    }

    fn repeats(&self) -> bool {
        self.2
    }
}

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

/// A process that follows a market: it hears what another one tells of it.
struct Follower {
    clock: Arc<TestClock>,
    store: Arc<MemoryMarketStore>,
    hot: Arc<HotMarket>,
    hub: Arc<MarketHub>,
    words: mpsc::Sender<MarketStep>,
    missed: Arc<std::sync::atomic::AtomicBool>,
    gate: FeedGate,
    shutdown: Shutdown,
    running: tokio::task::JoinHandle<()>,
}

impl Follower {
    /// One that has this feed when it is chosen.
    fn start(feed: Option<Box<dyn Feed>>) -> Self {
        let (clock, store) = (Arc::new(TestClock::default()), Arc::<MemoryMarketStore>::default());
        let (market, hub) = (market(&store, &clock), Arc::new(MarketHub::new(clock.now())));
        let hot = Arc::clone(&market.hot);
        let (words, told) = mpsc::channel(16);
        let mut task = task(None, market, Arc::clone(&hub), Arc::new(PaperBroker::new(64)), &clock);
        task.source = Arc::new(FeedSource::given(feed, clock.clone(), Arc::<MemoryMarketStore>::clone(&store)));
        task.gate.yield_to_another();
        task.told = told;
        let (gate, missed, shutdown) = (task.gate.clone(), Arc::clone(&task.missed), Shutdown::default());
        let running = tokio::spawn(task.run(shutdown.clone()));
        Self { clock, store, hot, hub, words, missed, gate, shutdown, running }
    }

    /// A later epoch of the part than those before.
    fn next_epoch(&self) -> u64 {
        self.hub.next(part()).epoch + u64::from(crate::market_parts::MARKET_PARTS)
    }

    /// Tells it a word, and lets it hear.
    async fn tell(&self, epoch: u64, offset: u64, told: MarketTold) {
        self.words.send(MarketStep { epoch, offset, told }).await.unwrap();
        tokio::time::sleep(Duration::from_millis(1)).await;
    }

    /// A trade, with no candle.
    fn trade(&self, offset: u64, price: i32) -> MarketTold {
        let event = MarketEvent::Trade(sample_trade("BTC-PERP", self.clock.now(), offset, price));
        MarketTold::Event { event, closed: vec![], growing: None }
    }

    /// What clients hear who have heard up to the first of an epoch.
    fn since_the_first(&self, epoch: u64) -> (Vec<u64>, bool) {
        let (_, since, is_whole) = self.hub.listen(&[symbol("BTC-PERP")], &[MarketCursor { epoch, offset: 1 }]);
        (since.iter().map(|told| told.cursor.offset).collect(), is_whole)
    }

    async fn end(self) {
        self.shutdown.begin();
        self.running.await.unwrap();
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
    let follower = Follower::start(None);
    let Follower { clock, store, hot, hub, missed, .. } = &follower;
    let (newest, symbol) = (follower.next_epoch() + u64::from(crate::market_parts::MARKET_PARTS), symbol("BTC-PERP"));
    let before = newest - u64::from(crate::market_parts::MARKET_PARTS);
    let told = || hot.ticker(symbol).and_then(|ticker| ticker.price());
    follower.tell(newest, 1, follower.trade(1, 100)).await;
    follower.tell(newest, 2, follower.trade(2, 101)).await;
    assert_eq!(hub.next(part()), MarketCursor { epoch: newest, offset: 3 });
    assert_eq!(follower.since_the_first(newest), (vec![2], true));
    follower.tell(before, 77, follower.trade(77, 1)).await;
    assert_eq!(hub.next(part()), MarketCursor { epoch: newest, offset: 3 }, "the last words of one that was stopped");
    assert_eq!(told(), Some(price("101")));

    // Once nobody tells anything, prices come out of the store, and one who begins anew is listened to.
    let kept = sample_trade("BTC-PERP", clock.now().plus(Duration::from_secs(1)), 9, 105);
    store.save_tickers(&[Ticker { symbol, quote: None, last: Some(kept) }]).await.unwrap();
    tokio::time::sleep(Duration::from_secs(6)).await;
    assert_eq!(told(), Some(price("105")));
    assert_ne!(hub.next(part()).epoch, newest);
    follower.tell(before, 5, follower.trade(5, 106)).await;
    assert_eq!(hub.next(part()), MarketCursor { epoch: before, offset: 6 });

    // What was missed is looked up: the store's candles take the place of those in memory.
    let minute = sample_candle(symbol, Timeframe::M1, 0, 200);
    store.save_candles(std::slice::from_ref(&minute)).await.unwrap();
    missed.store(true, std::sync::atomic::Ordering::Release);
    tokio::time::sleep(LOOK * 2).await;
    assert_eq!(hot.candles(&CandleQuery { to: Some(minute.close_time()), ..minutes() }), [minute]);
    follower.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_follower_says_that_a_source_is_back_when_it_is_told_so_and_once() {
    let follower = Follower::start(None);
    let (mut alerts, _) = follower.hub.listen_mute();
    let (symbol, epoch) = (symbol("BTC-PERP"), follower.next_epoch());
    let stale = |stale| MarketTold::Stale { symbol, at: follower.clock.now(), stale };
    let words = [follower.trade(1, 100), stale(true), follower.trade(2, 100), stale(false)];
    for (offset, told) in (1..).zip(words) {
        follower.tell(epoch, offset, told).await;
    }
    assert_eq!(follower.since_the_first(epoch), (vec![2, 3, 4], true));
    assert!(alerts.try_recv().is_ok() && alerts.try_recv().is_ok() && alerts.try_recv().is_err());
    follower.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_follower_that_missed_a_word_finds_out_itself_which_sources_are_mute() {
    let follower = Follower::start(None);
    let Follower { clock, hub, .. } = &follower;
    let (mut alerts, _) = hub.listen_mute();
    let (symbol, first) = (symbol("BTC-PERP"), follower.next_epoch());
    let word = async |epoch, offset, told| {
        follower.tell(epoch, offset, told).await;
        clock.advance(Duration::from_secs(1));
        tokio::time::sleep(Duration::from_secs(1)).await;
    };
    let alive = || MarketTold::Alive { at: clock.now() };
    word(first, 1, follower.trade(1, 100)).await;
    for _ in 0..8 {
        word(first, 2, alive()).await;
    }
    assert!(alerts.try_recv().is_err(), "the process with the feed says so");
    // It said so, and was not heard.
    word(first, 3, alive()).await;
    word(first, 3, alive()).await;
    assert!(String::from_utf8_lossy(&alerts.try_recv().unwrap()).contains("feed_stale"));
    // The next one does not know that it was mute, or says so a little later.
    let second = follower.next_epoch();
    word(second, 1, follower.trade(1, 100)).await;
    word(second, 2, MarketTold::Stale { symbol, at: clock.now(), stale: false }).await;
    word(second, 3, alive()).await;
    assert!(String::from_utf8_lossy(&alerts.try_recv().unwrap()).contains("feed_recovered"));
    assert!(alerts.try_recv().is_err(), "once");
    assert_eq!(follower.since_the_first(second), (vec![2], true), "its messages are counted by whoever has the feed");
    follower.end().await;
}

#[tokio::test(start_paused = true)]
async fn who_takes_the_feed_goes_on_with_the_minute_that_was_open_and_counts_nothing_twice() {
    let minute = Timeframe::M1.open_of(start());
    let at = |second: u64| minute.plus(Duration::from_secs(second));
    let (symbol, trade) = (symbol("BTC-PERP"), |second, offset| sample_trade("BTC-PERP", at(second), offset, 100));
    // Heard, kept by the process before and heard by nobody, and not even kept.
    let [heard, kept, fresh] = [trade(10, 1), trade(11, 2), trade(12, 3)];
    let again = [heard, kept, fresh].map(MarketEvent::Trade);
    let feed = Repeating(again.into(), Script([Ok(at(30)), Ok(at(90))].into(), at(30)), false);
    let follower = Follower::start(Some(Box::new(feed)));
    let Follower { store, hub, gate, .. } = &follower;
    let growing = Candle { open_time: minute, complete: false, ..sample_candle(symbol, Timeframe::M1, 0, 100) };
    let told = MarketTold::Event { event: MarketEvent::Trade(heard), closed: vec![], growing: Some(growing) };
    follower.tell(follower.next_epoch(), 1, told).await;
    // It looks into the store, where the minute is not, and has it still.
    tokio::time::sleep(LOOK * 2).await;
    store.save_tickers(&[Ticker { symbol, quote: None, last: Some(kept) }]).await.unwrap();
    gate.choose();
    gate.open(None);
    tokio::time::sleep(LOOK * 2).await;
    let candles = store.candles(&minutes()).await.unwrap();
    let candles: Vec<_> = candles.iter().map(|candle| (candle.open_time, candle.open, candle.trades)).collect();
    assert_eq!(candles, [(minute, growing.open, growing.trades + 3)]);
    // Told are the two that nobody had heard, those of the script, and the candle.
    let next = hub.next(part());
    let (_, missed, _) = hub.listen(&[symbol], &[MarketCursor { epoch: next.epoch, offset: 0 }]);
    let trades = missed.iter().filter(|told| String::from_utf8_lossy(&told.json).contains("\"type\":\"trade\""));
    assert_eq!(trades.count(), 4);
    follower.end().await;
}

/// All minutes of the symbol.
fn minutes() -> CandleQuery {
    CandleQuery {
        symbol: symbol("BTC-PERP"),
        timeframe: Timeframe::M1,
        from: None,
        to: None,
        order: CandleOrder::OldestFirst,
        limit: 9,
    }
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
