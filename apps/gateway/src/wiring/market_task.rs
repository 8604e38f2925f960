//! The market-data role, for one part of the market. One process of an installation has the part's feed: it takes its events
//! in, keeps what closes, and tells the paper broker, the streams and the other processes. Those follow what they are told.

mod follow;
mod mute;

use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::{MissedTickBehavior, interval};
use velox_broker_paper::{PaperBroker, Tick};
use velox_kernel::{Symbol, Timeframe, Timestamp};
use velox_market::{
    CatchUp, Feed, FeedError, FeedPosition, HotMarket, Ingest, Market, MarketEvent, MarketStoreError, OpenMinutes,
    Repeated, Taken,
};
use velox_messages::{MarketStep, MarketTold};

use self::mute::Mutes;
use super::feeds::{FeedSource, StartedFeed};
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
        let Begun { mut ingest, mut feed, catch_up } = tokio::select! {
            () = &mut begun => return,
            started = self.begin() => started,
        };
        let mut look = interval(LOOK);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut mutes = Mutes::of(self.part, self.hub.mute());
        // What was said last of why nothing comes.
        let mut said = None;
        loop {
            tokio::select! {
                () = &mut begun => break,
                heard = listen(feed.as_mut()) => match heard {
                    Ok(Heard { event, position, repeats }) => {
                        said = None;
                        // What comes again is kept with the next look: its time is over, and it comes quickly.
                        ingest.hold_back(repeats || !self.gate.is_open());
                        let stands = if repeats { catch_up.judge(&event) } else { Repeated::News };
                        match stands {
                            Repeated::News => self.take(&mut ingest, &event, position).await,
                            Repeated::OnlyCounts => self.count(&mut ingest, &event, position).await,
                            Repeated::Known => continue,
                        }
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
                        if said.as_ref() != Some(&error) {
                            tracing::warn!(%error, "the feed failed; it is asked again");
                            said = Some(error);
                        }
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
    async fn begin(&self) -> Begun {
        // What comes while memory is warmed waits, and nothing of another part with it.
        let _gathering = self.source.gather(self.part);
        let continued = if self.source.continues() { Some(self.warm_surely().await) } else { None };
        let StartedFeed { feed, not_before, begun, standing } = loop {
            match self.source.begin(self.part, &self.symbols, self.market.clock.now()).await {
                Ok(started) => break started,
                Err(error) => put_off("the feed could not be started", &error).await,
            }
        };
        if let Some(not_before) = not_before {
            self.moments.hear(not_before);
        }
        // Whoever places an order now needs a price, and warming takes its time.
        standing.iter().for_each(|event| self.market.hot.follow(Some(event), &[]));
        let catch_up = match continued {
            Some(open) => self.market.hot.go_on(&open),
            None => {
                self.warm_surely().await;
                CatchUp::default()
            }
        };
        self.market.hot.warm(&begun);
        self.hub.begin(self.part, self.market.clock.now());
        Begun { ingest: Ingest::new(self.market.clone()).of(self.symbols.iter().copied()), feed, catch_up }
    }

    /// [`Self::warm`], until it succeeds.
    async fn warm_surely(&self) -> OpenMinutes {
        let mut first = None;
        loop {
            match self.warm().await {
                // What was told is what was before the first try: prices that were read with it were not.
                Ok(open) => return first.unwrap_or(open),
                Err((error, open)) => {
                    first.get_or_insert(open);
                    put_off("what is kept of the market could not be read", &error).await;
                }
            }
        }
    }

    /// Puts what the store keeps in the place of the candles in memory, and gives what was open there; when that fails, or
    /// nobody waits for it any more, that is open again.
    async fn warm(&self) -> Result<OpenMinutes, (MarketStoreError, OpenMinutes)> {
        let forgotten = Forgotten { hot: &self.market.hot, open: Some(self.market.hot.forget_candles(&self.symbols)) };
        match Ingest::new(self.market.clone()).warm(&self.symbols, self.market.clock.now()).await {
            Ok(()) => Ok(forgotten.replaced()),
            Err(error) => Err((error, forgotten.open.clone().unwrap_or_default())),
        }
    }

    /// Takes in what was told already and is in no candle.
    async fn count(&self, ingest: &mut Ingest, event: &MarketEvent, position: FeedPosition) {
        let taken = ingest.take(event, position).await;
        self.tell_taken(taken, event.at());
    }

    async fn take(&self, ingest: &mut Ingest, event: &MarketEvent, position: FeedPosition) {
        self.moments.hear(event.at());
        // First, because it does not wait: what follows may meet a store that is slow.
        self.match_books(event);
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
        self.tell_taken(taken, now);
        self.signal_one(self.hub.next(self.part), || MarketTold::Alive { at: now });
        self.paper.expire(now);
        for symbol in mutes.look(&self.market) {
            self.tell_stale(symbol, now, true);
        }
    }

    /// Tells of candles that closed without an event that is told.
    fn tell_taken(&self, taken: Taken, at: Timestamp) {
        if let Err(error) = taken.kept {
            tracing::warn!(%error, "market data were not kept; they are tried again");
        }
        // In parts that every bus takes.
        for closed in taken.closed.chunks(CLOSED_AT_ONCE) {
            let next = self.hub.next(self.part);
            self.hub.tell_closed(closed, at);
            self.signal(|| MarketStep::of_closed(next.epoch, next.offset, at, closed));
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

/// Says what went wrong, and waits until it may be tried again.
async fn put_off(what: &str, error: &(dyn Error + Sync)) {
    tracing::warn!(%error, "{what}; it is tried again");
    tokio::time::sleep(AGAIN).await;
}

/// What was open of candles that are let go of: open again, unless what is kept has taken their place.
struct Forgotten<'a> {
    hot: &'a HotMarket,
    open: Option<OpenMinutes>,
}

impl Forgotten<'_> {
    fn replaced(mut self) -> OpenMinutes {
        self.open.take().unwrap_or_default()
    }
}

impl Drop for Forgotten<'_> {
    fn drop(&mut self) {
        if let Some(open) = self.open.take() {
            self.hot.keep_open(&open);
        }
    }
}

/// A feed that has begun.
struct Begun {
    ingest: Ingest,
    feed: Option<Box<dyn Feed>>,
    catch_up: CatchUp,
}

/// What a feed said, and where it is then.
struct Heard {
    event: MarketEvent,
    position: FeedPosition,
    repeats: bool,
}

/// What the feed says next. No feed says nothing.
async fn listen(feed: Option<&mut Box<dyn Feed>>) -> Result<Heard, FeedError> {
    let Some(feed) = feed else { return std::future::pending().await };
    let event = feed.next().await?;
    Ok(Heard { event, position: feed.position(), repeats: feed.repeats() })
}

#[cfg(test)]
mod tests;
