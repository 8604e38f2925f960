//! [`Executor`]: finds the orders that wait for a broker and serves each by itself.

use std::collections::HashMap;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use futures_util::{FutureExt, StreamExt};
use tokio::time::{Instant, MissedTickBehavior, interval};
use velox_kernel::OrderId;
use velox_trading::{Order, OrderStatus, StoreError, TradingQueries};

use super::broker_calls::BrokerCalls;
use crate::accounts::Work;
use crate::shutdown::Shutdown;

/// The states in which an order waits for a call to its broker.
const WAITING: [OrderStatus; 5] = [
    OrderStatus::PendingNew,
    OrderStatus::Routed,
    OrderStatus::PendingCancel,
    OrderStatus::PendingReplace,
    OrderStatus::Unknown,
];
/// Orders read from the store at a time.
const PAGE: u32 = 500;

/// How the executor is sized.
#[derive(Clone, Copy, Debug)]
pub struct ExecutorSettings {
    /// How often it looks into the store when nobody wakes it.
    pub look_every: Duration,
    /// How long it waits before it asks a broker again about the same order.
    pub ask_again: Duration,
    /// Orders that are served at once.
    pub at_once: usize,
}

impl Default for ExecutorSettings {
    fn default() -> Self {
        Self { look_every: Duration::from_millis(100), ask_again: Duration::from_secs(1), at_once: 1_024 }
    }
}

/// How far the service of an order is.
enum Served {
    /// It runs. What was told of the order meanwhile is served next.
    Running { news: Option<Box<Order>>, seq: u64 },
    /// It ended then; the order's event that it was about.
    At(Instant, u64),
}

/// Finds the orders that wait for a broker, told by the hub or found in the store, and serves each by itself.
pub struct Executor {
    calls: Arc<BrokerCalls>,
    queries: Arc<dyn TradingQueries>,
    work: Work,
    settings: ExecutorSettings,
    serving: FuturesUnordered<BoxFuture<'static, OrderId>>,
    /// How far each order is that was served lately.
    served: HashMap<OrderId, Served>,
    /// A look into the store that is under way.
    looking: Option<BoxFuture<'static, Result<Vec<Order>, StoreError>>>,
    /// Where the look into the store goes on.
    after: Option<OrderId>,
}

impl Executor {
    /// An executor that hears of work through `work`.
    #[must_use]
    pub fn new(
        calls: Arc<BrokerCalls>,
        queries: Arc<dyn TradingQueries>,
        work: Work,
        settings: ExecutorSettings,
    ) -> Self {
        Self {
            calls,
            queries,
            work,
            settings,
            serving: FuturesUnordered::new(),
            served: HashMap::new(),
            looking: None,
            after: None,
        }
    }

    /// Works until the shutdown begins; what is being served then is finished.
    pub async fn run(mut self, shutdown: Shutdown) {
        let mut look = interval(self.settings.look_every);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut told = Vec::with_capacity(256);
        let (begun, elsewhere) = (shutdown.begun(), self.work.elsewhere());
        tokio::pin!(begun);
        loop {
            let room = self.serving.len() < self.settings.at_once;
            tokio::select! {
                () = &mut begun => break,
                Some(order) = self.serving.next() => self.ended(order),
                count = self.work.recv_many(&mut told, 256), if room => {
                    if count == 0 {
                        break;
                    }
                    for order in told.drain(..) {
                        self.serve(order, true);
                    }
                }
                // One look is enough for whatever others have: a further word while it is under way is a further look.
                () = elsewhere.notified(), if room && self.looking.is_none() => look.reset_immediately(),
                // What is being served goes on while the store is asked.
                found = poll_look(&mut self.looking), if self.looking.is_some() => {
                    self.looking = None;
                    self.found(found);
                }
                _ = look.tick(), if room && self.looking.is_none() => {
                    let (queries, after) = (Arc::clone(&self.queries), self.after);
                    self.looking = Some(Box::pin(async move { queries.orders_in(&WAITING, after, PAGE).await }));
                }
            }
        }
        while self.serving.next().await.is_some() {}
    }

    /// What the hub could not tell, and what a process before this one left.
    fn found(&mut self, orders: Result<Vec<Order>, StoreError>) {
        let again = self.settings.ask_again;
        self.served.retain(|_, served| match served {
            Served::Running { .. } => true,
            Served::At(at, _) => at.elapsed() < again,
        });
        match orders {
            Ok(orders) => {
                let full = orders.len() >= usize::try_from(PAGE).unwrap_or(usize::MAX);
                let last = orders.last().map(|order| order.id);
                for order in orders {
                    if self.serving.len() >= self.settings.at_once {
                        // The next look goes on here, so that orders whose broker hangs do not hide those behind.
                        return;
                    }
                    self.after = Some(order.id);
                    self.serve(order, false);
                }
                self.after = last.filter(|_| full);
            }
            Err(error) => tracing::warn!(%error, "the executor cannot look for work"),
        }
    }

    /// Serves an order of this process's share unless that is under way; one that was asked about lately only when there is
    /// news.
    fn serve(&mut self, order: Order, news: bool) {
        if self.calls.rights.serving(order.account).is_none() {
            return;
        }
        match self.served.get_mut(&order.id) {
            Some(Served::Running { news: waiting, .. }) => {
                if news {
                    *waiting = Some(Box::new(order));
                }
                return;
            }
            // What a client wished for through another process since is news, too.
            Some(Served::At(_, seq)) => {
                let wish = order.last_seq > *seq && is_wish(order.status);
                if !(news || wish) {
                    return;
                }
            }
            None => {}
        }
        self.served.insert(order.id, Served::Running { news: None, seq: order.last_seq });
        let calls = Arc::clone(&self.calls);
        self.serving.push(Box::pin(async move {
            let id = order.id;
            // One order that breaks the program stops no other; it is found again in the store.
            if AssertUnwindSafe(calls.serve(order)).catch_unwind().await.is_err() {
                tracing::error!(order = %id, "serving an order broke");
            }
            id
        }));
    }

    /// An order was served: what was told of it meanwhile comes next.
    fn ended(&mut self, order: OrderId) {
        let seq = match self.served.get(&order) {
            Some(Served::Running { seq, .. } | Served::At(_, seq)) => *seq,
            None => 0,
        };
        let served = self.served.insert(order, Served::At(Instant::now(), seq));
        if let Some(Served::Running { news: Some(news), .. }) = served {
            self.serve(*news, true);
        }
    }
}

/// Whether a client wishes something done to an order that is at its broker.
const fn is_wish(status: OrderStatus) -> bool {
    matches!(status, OrderStatus::PendingCancel | OrderStatus::PendingReplace)
}

/// The look that is under way, if any.
async fn poll_look(
    looking: &mut Option<BoxFuture<'static, Result<Vec<Order>, StoreError>>>,
) -> Result<Vec<Order>, StoreError> {
    match looking {
        Some(look) => look.await,
        None => std::future::pending().await,
    }
}
