//! What is done with one order: claim, place, cancel, replace, or ask after.

use std::sync::Arc;
use std::time::Duration;

use tracing::{Instrument, field};
use velox_kernel::{CommandId, Ids, Principal, TraceContext};
use velox_trading::{
    Broker, BrokerError, Cause, Command, ExecuteError, Executed, Fact, Moments, Order, OrderStatus, Refused, Report,
    ReportKind,
};

use super::broker_desk::BrokerDesk;
use super::rights::{ExecutionRight, ExecutionRights};
use crate::accounts::{Lanes, answer_of};

/// How often a broker must have said that it knows no such order.
const MISSES: u32 = 3;
/// How long a call to a broker may take.
const DEADLINE: Duration = Duration::from_secs(5);
/// How long to wait before a call that never left is made again.
const RETRY: Duration = Duration::from_millis(100);

/// How often a broker's answer is brought to a store that does not take it. Then it is left to a later question.
const TELLINGS: u32 = 5;

/// The calls to a broker, and the commands that tell what came of them.
pub struct BrokerCalls {
    /// For which accounts they may be made.
    pub rights: ExecutionRights,
    /// Where commands go.
    pub lanes: Arc<Lanes>,
    /// The brokers.
    pub brokers: Arc<dyn BrokerDesk>,
    /// The clocks.
    pub moments: Arc<dyn Moments>,
    /// New ids.
    pub ids: Arc<dyn Ids>,
    /// How old an order may get before it is routed.
    pub route_bound: Duration,
    /// How long the broker may take until a query about an order is conclusive.
    pub settling: Duration,
}

impl BrokerCalls {
    /// Does for an order what its state asks for, in the trace of the request that placed it. What fails is logged and
    /// found again in the store.
    pub(super) async fn serve(&self, order: Order) {
        // Another process serves it.
        let Some(right) = self.rights.serving(order.account) else { return };
        let trace = self.lanes.traces().of_order(&order).await;
        let status = order.status.as_str();
        let span = tracing::trace_span!("order.serve", velox.order = %order.id, velox.order.status = status);
        if let Some(trace) = trace {
            velox_telemetry::follow(&span, trace);
        }
        let broker = self.brokers.under(right);
        Serving { calls: self, broker, trace, right }.serve(order).instrument(span).await;
    }
}

/// The service of one order.
struct Serving<'a> {
    calls: &'a BrokerCalls,
    broker: Arc<dyn Broker>,
    trace: Option<TraceContext>,
    /// What is written goes under it: when it is another process's by then, nothing is.
    right: ExecutionRight,
}

impl Serving<'_> {
    async fn serve(&self, order: Order) {
        let id = order.id;
        let outcome = match order.status {
            OrderStatus::PendingNew => self.route(order).await,
            OrderStatus::PendingCancel => self.cancel(&order).await,
            OrderStatus::PendingReplace => self.replace(&order).await,
            OrderStatus::Unknown => self.ask_after(&order).await,
            // The answer to a call that a process before this one made: it is asked for, never placed again blind.
            OrderStatus::Routed if self.is_overdue(&order) => self.ask_after(&order).await,
            _ => Ok(()),
        };
        match outcome {
            Ok(())
            | Err(
                ExecuteError::Refused(Refused::NotRoutable | Refused::UnknownOrder)
                | ExecuteError::Fenced
                | ExecuteError::ShuttingDown,
            ) => {}
            Err(error) => {
                tracing::warn!(order = %id, %error, "an order could not be served; it will be looked at again")
            }
        }
    }

    /// The claim, then the call: whoever appends `OrderRouted` calls the broker.
    async fn route(&self, order: Order) -> Result<(), ExecuteError> {
        if self.is_late(&order) {
            let command = Command::ExpireUnrouted { order: order.id, bound: self.calls.route_bound };
            self.execute(&order, command, Principal::System).await?;
            return Ok(());
        }
        let executed = self.execute(&order, Command::Route { order: order.id }, Principal::System).await?;
        let routed = executed.events.iter().any(|numbered| matches!(numbered.event.fact, Fact::OrderRouted { .. }));
        if !routed {
            return Ok(());
        }
        // The order as it is now: it may have been replaced or changed since it was read.
        let Some(order) = executed.account.open_order(order.id).cloned() else { return Ok(()) };
        let mut text = "it waited too long to be handed over".to_owned();
        loop {
            if self.calls.rights.serving(order.account) != Some(self.right) {
                // Whoever has the right now knows that the order was claimed.
                return Ok(());
            }
            if self.is_late(&order) {
                // No call has left, so nobody can have the order.
                return self.report(&order, ReportKind::Rejected { text }).await;
            }
            match self.call("broker.place", self.broker.place(&order)).await {
                Ok(()) => return Ok(()),
                Err(BrokerError::Refused(text)) => return self.report(&order, ReportKind::Rejected { text }).await,
                Err(BrokerError::NoAnswer(_)) => return self.report(&order, ReportKind::NoAnswer).await,
                Err(BrokerError::Unreachable(why)) => text = why,
            }
            tokio::time::sleep(RETRY).await;
        }
    }

    /// Whether an order is too old to be handed over.
    fn is_late(&self, order: &Order) -> bool {
        self.calls.moments.now().wall_time.since(order.accepted_at) >= self.calls.route_bound
    }

    async fn cancel(&self, order: &Order) -> Result<(), ExecuteError> {
        match self.call("broker.cancel", self.broker.cancel(order)).await {
            Err(BrokerError::Refused(text)) => self.report(order, ReportKind::CancelRejected { text }).await,
            // No answer and unreachable: cancelling twice does no harm, so it is asked for again.
            _ => Ok(()),
        }
    }

    async fn replace(&self, order: &Order) -> Result<(), ExecuteError> {
        let Some(replacement) = order.pending.as_deref() else { return Ok(()) };
        match self.call("broker.replace", self.broker.replace(order, replacement)).await {
            Err(BrokerError::Refused(text)) => self.report(order, ReportKind::ReplaceRejected { text }).await,
            _ => Ok(()),
        }
    }

    /// A failed query is never evidence: only an answer counts, and "none" only repeatedly and after settling.
    async fn ask_after(&self, order: &Order) -> Result<(), ExecuteError> {
        match self.call("broker.find", self.broker.find(order.account, order.id)).await {
            Ok(Some(found)) => {
                let kind = ReportKind::Acknowledged { broker_order_id: found.broker_order_id };
                self.report(order, kind).await
            }
            Ok(None) if order.status == OrderStatus::Routed => self.report(order, ReportKind::NoAnswer).await,
            Ok(None) => {
                self.report(order, ReportKind::NotFound { settling: self.calls.settling, needed: MISSES }).await
            }
            Err(error) => {
                tracing::debug!(order = %order.id, %error, "the broker could not be asked");
                Ok(())
            }
        }
    }

    /// Whether the answer to the placing call should have come.
    fn is_overdue(&self, order: &Order) -> bool {
        self.calls.moments.now().wall_time.since(order.accepted_at) >= self.calls.route_bound + DEADLINE
    }

    async fn call<T>(
        &self,
        name: &'static str,
        call: impl Future<Output = Result<T, BrokerError>>,
    ) -> Result<T, BrokerError> {
        let span = tracing::trace_span!(
            "broker.call",
            otel.name = name,
            otel.kind = "client",
            otel.status_code = field::Empty,
            "error.type" = field::Empty,
        );
        let answer = match tokio::time::timeout(DEADLINE, call).instrument(span.clone()).await {
            Ok(answer) => answer,
            Err(_) => Err(BrokerError::NoAnswer(format!("nothing within {} s", DEADLINE.as_secs()))),
        };
        if let Err(error) = &answer {
            span.record("error.type", name_of(error));
            span.record("otel.status_code", "ERROR");
        }
        answer
    }

    /// Tells what came of a call. A store that is away for a moment does not make the answer forgotten.
    async fn report(&self, order: &Order, kind: ReportKind) -> Result<(), ExecuteError> {
        let at = self.calls.moments.now().market_time;
        let report = Report { account: order.account, order: order.id, kind, at };
        let mut told = 1;
        loop {
            match self.execute(order, Command::Report(report.clone()), Principal::Broker).await {
                Ok(executed) => {
                    debug_assert!(executed.events.iter().all(|numbered| numbered.event.fact.order() == Some(order.id)));
                    return Ok(());
                }
                Err(ExecuteError::Store(_) | ExecuteError::Contended) if told < TELLINGS => {
                    tokio::time::sleep(RETRY * told).await;
                    told += 1;
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Waits for room in the account's lane: orders that were taken in must not stand behind those that come.
    async fn execute(&self, order: &Order, command: Command, actor: Principal) -> Result<Executed, ExecuteError> {
        let (cause, fence) = (self.cause(actor), self.right.fence);
        answer_of(self.calls.lanes.enqueue(order.account, command, cause, fence).await?).await
    }

    fn cause(&self, actor: Principal) -> Cause {
        Cause { actor, command: CommandId::new(self.calls.ids.next()), request: None, trace: self.trace }
    }
}

/// An error's stable name.
fn name_of(error: &BrokerError) -> &'static str {
    match error {
        BrokerError::Refused(_) => "refused",
        BrokerError::NoAnswer(_) => "no_answer",
        BrokerError::Unreachable(_) => "unreachable",
    }
}
