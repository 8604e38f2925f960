//! A process that has no feed of a part follows the one that has.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::time::{Instant, MissedTickBehavior, interval_at};
use velox_kernel::Symbol;
use velox_market::{FeedCursor, MarketEvent, MarketStoreError, Ticker};
use velox_messages::{MarketStep, MarketTold};

use super::mute::Mutes;
use super::{LOOK, MarketTask};
use crate::market_parts::market_part;
use crate::shutdown::Shutdown;
use crate::streams::MarketCursor;

/// How long the process with the feed may be silent before prices are taken from the store; it says something each
/// second.
const SILENCE: Duration = Duration::from_secs(3);

/// What a follower knows.
struct Following {
    /// When the process with the feed last said something.
    heard: Option<Instant>,
    /// The newest epoch that was heard.
    epoch: u64,
    /// Whether it is silent, so that this process tells what it finds in the store.
    alone: bool,
    /// Whether memory holds the candles that are kept.
    warm: bool,
    /// What was found in the store and told while it was silent, and when: it may say that after it was kept.
    found: HashMap<Symbol, (FeedCursor, Instant)>,
    mutes: Mutes,
    /// Mute sources of which nobody may tell that they are back: it told so itself, or did not hear everything since.
    own: HashSet<Symbol>,
    /// Whether it did not hear everything since it last looked which sources are mute.
    unsure: bool,
}

impl Following {
    fn new(mutes: Mutes) -> Self {
        let (found, own) = (HashMap::new(), HashSet::new());
        Self { heard: None, epoch: 0, alone: false, warm: false, found, mutes, own, unsure: false }
    }

    /// Whether an event was told when it was found in the store, a moment ago.
    fn has_told(&self, event: &MarketEvent) -> bool {
        let found = self.found.get(&event.symbol());
        found.is_some_and(|(cursor, at)| event.cursor() <= *cursor && at.elapsed() < SILENCE)
    }

    fn is_silent(&self) -> bool {
        self.heard.is_none_or(|heard| heard.elapsed() >= SILENCE)
    }
}

impl MarketTask {
    /// Follows until the shutdown begins or this process has the feed.
    pub(super) async fn follow(&mut self, shutdown: &Shutdown) {
        let gate = self.gate.clone();
        let begun = async {
            tokio::select! {
                () = shutdown.begun() => {}
                () = gate.chosen(true) => {}
            }
        };
        tokio::pin!(begun);
        // A process that is about to have the feed need not look first.
        let mut look = interval_at(Instant::now() + LOOK / 4, LOOK);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut following = Following::new(Mutes::of(self.part, self.hub.mute()));
        loop {
            tokio::select! {
                () = &mut begun => return,
                Some(step) = self.told.recv() => self.hear(&mut following, step),
                _ = look.tick() => self.look_into_store(&mut following).await,
            }
        }
    }

    fn hear(&self, following: &mut Following, step: MarketStep) {
        let MarketStep { epoch, offset, told } = step;
        // A process that was stopped while it had the feed may finish its last words when another one has it long since.
        if epoch < following.epoch && !following.is_silent() {
            return;
        }
        following.heard = Some(Instant::now());
        let is_of_another = std::mem::replace(&mut following.epoch, epoch) != epoch;
        following.alone = false;
        let misses_some = !self.hub.go_on(self.part, MarketCursor { epoch, offset });
        if misses_some {
            // What was missed may have closed candles.
            following.warm = false;
        }
        // And nobody may tell again that a source is mute, or back.
        following.unsure |= misses_some || is_of_another;
        match told {
            MarketTold::Event { event, closed, growing } => {
                self.moments.hear(event.at());
                let is_news = !following.has_told(&event);
                if is_news {
                    self.match_books(&event);
                }
                let candles: Vec<_> = closed.iter().copied().chain(growing).collect();
                self.market.hot.follow(Some(&event), &candles);
                following.mutes.know(event.symbol());
                if is_news {
                    self.hub.tell(&event, &closed);
                }
            }
            MarketTold::Closed { symbol: _, at, closed } => {
                self.moments.hear(at);
                self.market.hot.follow(None, &closed);
                self.hub.tell_closed(&closed, at);
            }
            MarketTold::Stale { symbol, at, stale } => {
                following.mutes.note(symbol, stale);
                following.own.remove(&symbol);
                self.hub.tell_stale(symbol, at, stale);
            }
            MarketTold::Alive { at } => {
                self.moments.hear(at);
                self.paper.expire(self.market.clock.now());
            }
        }
    }

    /// Warms memory where that was not done or something was missed since, and takes prices from the store while nobody
    /// tells any.
    async fn look_into_store(&self, following: &mut Following) {
        if self.missed.swap(false, Ordering::AcqRel) {
            (following.warm, following.unsure) = (false, true);
        }
        let silent = following.is_silent();
        let looked = async {
            if !following.warm {
                let open = self.warm().await.map_err(|(error, _)| error)?;
                self.market.hot.keep_open(&open);
                following.warm = true;
            }
            if !silent {
                return Ok(());
            }
            let tickers = self.market.store.tickers().await?;
            if !std::mem::replace(&mut following.alone, true) {
                self.hub.begin(self.part, self.market.clock.now());
            }
            let ours = tickers.iter().filter(|ticker| market_part(ticker.symbol) == self.part);
            ours.for_each(|ticker| self.tell_found(following, ticker));
            self.paper.expire(self.market.clock.now());
            Ok::<_, MarketStoreError>(())
        };
        match looked.await {
            Ok(()) if !silent => self.look_for_mute(following),
            Ok(()) => {}
            Err(error) => tracing::warn!(%error, "the market could not be looked up in the store"),
        }
        // Whatever the store says: nobody tells new prices.
        if silent {
            let now = self.market.clock.now();
            for symbol in following.mutes.look(&self.market) {
                following.own.insert(symbol);
                self.hub.tell_stale(symbol, now, true);
            }
        }
    }

    /// Finds which sources are mute and which are back, of those of which the process with the feed may have told without
    /// being heard. Messages of the market are that one's to count: it is said to those who follow alerts.
    fn look_for_mute(&self, following: &mut Following) {
        let Following { own, mutes, unsure, .. } = following;
        let now = self.market.clock.now();
        if std::mem::take(unsure) {
            own.extend(mutes.mute());
            for symbol in mutes.look(&self.market) {
                own.insert(symbol);
                self.hub.alert_stale(symbol, now, true);
            }
        }
        own.retain(|symbol| {
            let is_back = mutes.hear(&self.market, *symbol);
            if is_back {
                self.hub.alert_stale(*symbol, now, false);
            }
            !is_back
        });
    }

    /// Tells of a price in the store that is newer than what is known.
    fn tell_found(&self, following: &mut Following, found: &Ticker) {
        let known = self.market.hot.ticker(found.symbol);
        if known.is_some_and(|known| known.cursor() >= found.cursor() && known.at() >= found.at()) {
            return;
        }
        self.moments.hear(found.at());
        following.found.insert(found.symbol, (found.cursor(), Instant::now()));
        self.market.hot.restore(std::slice::from_ref(found));
        if let Some(quote) = found.quote.filter(|quote| known.and_then(|known| known.quote) != Some(*quote)) {
            self.match_books(&MarketEvent::Quote(quote));
            self.hub.tell(&MarketEvent::Quote(quote), &[]);
        }
        if let Some(last) = found.last.filter(|last| known.and_then(|known| known.last) != Some(*last)) {
            self.match_books(&MarketEvent::Trade(last));
            self.hub.tell(&MarketEvent::Trade(last), &[]);
        }
        if following.mutes.hear(&self.market, found.symbol) {
            self.hub.tell_stale(found.symbol, found.at(), false);
        }
    }
}
