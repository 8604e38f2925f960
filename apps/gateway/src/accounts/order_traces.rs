//! [`OrderTraces`]: the trace of the request that placed an order, for what happens to the order later.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;
use velox_kernel::{AccountId, OrderId, TraceContext};
use velox_trading::{Executed, Fact, Order, Report, StoreError, TradingLog, TradingQueries};

/// Orders in one of the two generations that are remembered.
const GENERATION: usize = 32_768;

/// Remembers which trace an order belongs to, for the newest orders. What it does not know, it reads from the log once,
/// but only while telemetry is on: nobody else needs to know.
pub struct OrderTraces {
    log: Arc<dyn TradingLog>,
    queries: Arc<dyn TradingQueries>,
    /// Whether anything was ever noted: most installations never do.
    used: AtomicBool,
    known: Mutex<Known>,
}

/// Two generations: when the newer one is full, the older one is forgotten.
#[derive(Default)]
struct Known {
    newer: HashMap<OrderId, Option<TraceContext>>,
    older: HashMap<OrderId, Option<TraceContext>>,
}

impl Known {
    fn get(&self, order: OrderId) -> Option<Option<TraceContext>> {
        self.newer.get(&order).or_else(|| self.older.get(&order)).copied()
    }

    fn insert(&mut self, order: OrderId, trace: Option<TraceContext>) {
        if self.newer.len() >= GENERATION {
            self.older = std::mem::take(&mut self.newer);
        }
        self.newer.insert(order, trace);
    }
}

impl OrderTraces {
    /// Knows nothing yet.
    #[must_use]
    pub fn new(log: Arc<dyn TradingLog>, queries: Arc<dyn TradingQueries>) -> Self {
        Self { log, queries, used: AtomicBool::new(false), known: Mutex::default() }
    }

    /// Notes the orders that began with a durable command.
    pub(super) fn note(&self, executed: &Executed, trace: TraceContext) {
        for numbered in &executed.events {
            if let Fact::OrderAccepted(placed) | Fact::OrderReplaced { by: placed, .. } = &numbered.event.fact {
                self.remember(placed.order_id, Some(trace));
            }
        }
    }

    fn remember(&self, order: OrderId, trace: Option<TraceContext>) {
        self.used.store(true, Ordering::Relaxed);
        self.known.lock().insert(order, trace);
    }

    fn known(&self, order: OrderId) -> Option<Option<TraceContext>> {
        if self.used.load(Ordering::Relaxed) { self.known.lock().get(order) } else { None }
    }

    /// The trace of an order.
    pub async fn of_order(&self, order: &Order) -> Option<TraceContext> {
        match self.known(order.id) {
            Some(known) => known,
            None if velox_telemetry::is_on() => self.read(order.account, order.id, order.first_seq).await,
            None => None,
        }
    }

    /// The trace of the order that a report is about.
    pub async fn of_report(&self, report: &Report) -> Option<TraceContext> {
        match self.known(report.order) {
            Some(known) => known,
            None if velox_telemetry::is_on() => {
                // An order that nobody knows is somebody else's affair.
                let order = self.queries.order_of_account(report.account, report.order).await.ok()??;
                self.read(order.account, order.id, order.first_seq).await
            }
            None => None,
        }
    }

    /// The trace of the event that the order began with. A store that is away is asked again the next time.
    async fn read(&self, account: AccountId, order: OrderId, first_seq: u64) -> Option<TraceContext> {
        let read: Result<_, StoreError> = self.log.events(account, first_seq.saturating_sub(1), 1).await;
        let trace = read.ok()?.first().and_then(|event| event.trace);
        self.remember(order, trace);
        trace
    }
}

#[cfg(test)]
mod tests {
    use velox_kernel::Ids;
    use velox_testkit::CountingIds;

    use super::*;

    #[test]
    fn the_newest_are_remembered_and_no_more_than_two_generations() {
        let (ids, mut known) = (CountingIds::default(), Known::default());
        let orders: Vec<_> = (0..3 * GENERATION).map(|_| OrderId::new(ids.next())).collect();
        for order in &orders {
            known.insert(*order, TraceContext::new(1, 1, 1));
        }
        assert!(known.newer.len() + known.older.len() <= 2 * GENERATION);
        assert!(orders.iter().rev().take(GENERATION).all(|order| known.get(*order).is_some()));
        assert!(known.get(orders[0]).is_none());
    }
}
