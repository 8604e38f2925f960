//! [`Executor`]: finds the orders that wait for a broker and serves each by itself.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use tokio::sync::mpsc;
use tokio::time::{Instant, MissedTickBehavior, interval};
use velox_kernel::OrderId;
use velox_trading::{Order, OrderStatus, TradingQueries};

use super::broker_calls::BrokerCalls;
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

/// Finds the orders that wait for a broker, told by the hub or found in the store, and serves each by itself.
pub struct Executor {
    calls: Arc<BrokerCalls>,
    queries: Arc<dyn TradingQueries>,
    work: mpsc::Receiver<Order>,
    settings: ExecutorSettings,
    serving: FuturesUnordered<BoxFuture<'static, OrderId>>,
    /// When each order was served last, and whether that still runs.
    served: HashMap<OrderId, Option<Instant>>,
    /// Where the look into the store goes on.
    after: Option<OrderId>,
}

impl Executor {
    /// An executor that hears of work through `work`.
    #[must_use]
    pub fn new(
        calls: Arc<BrokerCalls>,
        queries: Arc<dyn TradingQueries>,
        work: mpsc::Receiver<Order>,
        settings: ExecutorSettings,
    ) -> Self {
        Self { calls, queries, work, settings, serving: FuturesUnordered::new(), served: HashMap::new(), after: None }
    }

    /// Works until the shutdown begins; what is being served then is finished.
    pub async fn run(mut self, shutdown: Shutdown) {
        let mut look = interval(self.settings.look_every);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut told = Vec::with_capacity(256);
        let begun = shutdown.begun();
        tokio::pin!(begun);
        loop {
            let room = self.serving.len() < self.settings.at_once;
            tokio::select! {
                () = &mut begun => break,
                Some(order) = self.serving.next() => {
                    self.served.insert(order, Some(Instant::now()));
                }
                count = self.work.recv_many(&mut told, 256), if room => {
                    if count == 0 {
                        break;
                    }
                    for order in told.drain(..) {
                        self.serve(order, true);
                    }
                }
                _ = look.tick(), if room => self.look().await,
            }
        }
        while self.serving.next().await.is_some() {}
    }

    /// Looks into the store: for what the hub could not tell, and what a process before this one left.
    async fn look(&mut self) {
        let again = self.settings.ask_again;
        self.served.retain(|_, at| at.is_none_or(|at| at.elapsed() < again));
        match self.queries.orders_in(&WAITING, self.after, PAGE).await {
            Ok(orders) => {
                let full = orders.len() >= usize::try_from(PAGE).unwrap_or(usize::MAX);
                self.after = if full { orders.last().map(|order| order.id) } else { None };
                for order in orders {
                    if self.serving.len() >= self.settings.at_once {
                        self.after = None;
                        break;
                    }
                    self.serve(order, false);
                }
            }
            Err(error) => tracing::warn!(%error, "the executor cannot look for work"),
        }
    }

    /// Serves an order unless that is under way; one that was asked about lately only when there is news.
    fn serve(&mut self, order: Order, news: bool) {
        match self.served.get(&order.id) {
            Some(None) => return,
            Some(Some(_)) if !news => return,
            _ => {}
        }
        self.served.insert(order.id, None);
        let calls = Arc::clone(&self.calls);
        self.serving.push(Box::pin(async move {
            let id = order.id;
            calls.serve(order).await;
            id
        }));
    }
}
