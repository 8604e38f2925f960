//! What each test starts from: a market on fakes, with the bundled instruments.

use std::sync::Arc;

use velox_kernel::{Actor, Ids, OrgId, PageRequest, Role, SessionId, Symbol, Timestamp, UserId};
use velox_market::{HotMarket, HotSettings, Market, MarketStore, bundled_instruments};
use velox_testkit::market::MemoryMarketStore;
use velox_testkit::{CountingIds, TestClock};

pub(crate) struct World {
    pub(crate) market: Market,
    pub(crate) store: Arc<MemoryMarketStore>,
    pub(crate) clock: Arc<TestClock>,
    pub(crate) actor: Actor,
}

impl World {
    pub(crate) async fn new() -> Self {
        Self::keeping(240).await
    }

    /// A market that keeps so many candles in memory.
    pub(crate) async fn keeping(candles: u16) -> Self {
        let (store, clock) = (Arc::new(MemoryMarketStore::default()), Arc::new(TestClock::at(start())));
        store.save_instruments(&bundled_instruments()).await.unwrap();
        let hot = Arc::new(HotMarket::new(HotSettings { candles, ..HotSettings::default() }));
        let market = Market::new(store.clone(), hot, clock.clone(), Market::STALE_AFTER);
        let ids = CountingIds::default();
        let actor = Actor {
            org: OrgId::new(ids.next()),
            user: UserId::new(ids.next()),
            role: Role::Trader,
            session: SessionId::new(ids.next()),
        };
        Self { market, store, clock, actor }
    }
}

/// 2026-01-05T00:00:00Z, a Monday; the time zero of the samples.
pub(crate) fn start() -> Timestamp {
    Timestamp::from_seconds(1_767_571_200)
}

pub(crate) fn at(second: i64) -> Timestamp {
    Timestamp::from_seconds(1_767_571_200 + second)
}

pub(crate) fn symbol(text: &str) -> Symbol {
    text.parse().unwrap()
}

pub(crate) fn page(limit: u16) -> PageRequest {
    PageRequest::new(limit, None).unwrap()
}
