//! Taking a broker's reports: none is lost, whatever the store does.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use tokio::time::Instant;
use tracing::Span;
use velox_kernel::{AccountId, CommandId, Principal, TraceContext};
use velox_trading::{Cause, Command, ExecuteError, Refused, Report, StoreError};

use super::broker_calls::BrokerCalls;
use super::rights::ExecutionRight;
use crate::accounts::{answer_of, by_account};
use crate::shutdown::Shutdown;

/// Reports that are made durable together.
const CHUNK: usize = 256;
/// Reports that may wait to be brought again before no more are taken from the broker.
const MOST_WAITING: usize = 4_096;
/// The first and the longest wait before reports that the store did not take are brought again.
const BACKOFF: (Duration, Duration) = (Duration::from_millis(20), Duration::from_secs(2));
/// How long a report waits for what it is about, from when its account first did not know that: its order may be told
/// of by a report that comes after it.
const PATIENCE: Duration = Duration::from_secs(10);

/// Brings a broker's reports to the accounts until the shutdown begins.
///
/// What the store does not take is brought again, in order, until it does; a report that an account does not
/// understand yet for ten seconds. Accounts without such reports go on meanwhile. A report of an account for which this
/// process does not execute any more is dropped: whoever does has a book of its own.
pub async fn take_reports(calls: Arc<BrokerCalls>, shutdown: Shutdown) {
    // The right is that of when a report is taken from its book's queue: with a right, both go.
    let rights = calls.rights.clone();
    let rightful = calls.brokers.reports().filter_map(move |report| {
        let right = rights.of(report.account);
        std::future::ready(right.map(|right| (report, right)))
    });
    let mut chunks = rightful.ready_chunks(CHUNK);
    let begun = shutdown.begun();
    tokio::pin!(begun);
    let mut desk = Desk { calls, waiting: Vec::new(), leaving: false };
    let mut wait = BACKOFF.0;
    let mut again = Instant::now();
    while !desk.leaving {
        tokio::select! {
            () = &mut begun => break,
            () = tokio::time::sleep_until(again), if !desk.waiting.is_empty() => {
                let waited = std::mem::take(&mut desk.waiting);
                let before = waited.len();
                desk.bring(waited).await;
                wait = if desk.waiting.len() < before { BACKOFF.0 } else { (wait * 2).min(BACKOFF.1) };
                again = Instant::now() + wait;
            }
            chunk = chunks.next(), if desk.waiting.len() < MOST_WAITING => {
                let Some(chunk) = chunk else {
                    tracing::error!("the broker's reports have ended");
                    break;
                };
                if desk.waiting.is_empty() {
                    wait = BACKOFF.0;
                    again = Instant::now() + wait;
                }
                desk.take(chunk).await;
            }
        }
    }
    if !desk.waiting.is_empty() {
        tracing::warn!(reports = desk.waiting.len(), "reports that the store did not take are left to the next start");
    }
}

/// A report that is not durable yet.
struct Waiting {
    report: Report,
    /// When its account first said that it cannot be.
    refused: Option<Instant>,
    /// Whether the later ones of its account wait behind it.
    blocks: bool,
    /// The right under which its book said it.
    right: ExecutionRight,
    /// The trace of its order.
    trace: Option<TraceContext>,
    /// From when it came until it is durable or given up, in that trace.
    span: Span,
}

struct Desk {
    calls: Arc<BrokerCalls>,
    /// In the order in which they came.
    waiting: Vec<Waiting>,
    leaving: bool,
}

impl Desk {
    /// A report that has just come.
    async fn receive(&self, report: Report, right: ExecutionRight) -> Waiting {
        let trace = self.calls.lanes.traces().of_report(&report).await;
        let span = tracing::trace_span!(
            "broker.report",
            otel.kind = "consumer",
            velox.order = %report.order,
            velox.report = report.kind.kind(),
        );
        if let Some(trace) = trace {
            velox_telemetry::follow(&span, trace);
        }
        Waiting { report, refused: None, blocks: false, right, trace, span }
    }

    /// Brings fresh reports; those of an account with older ones that the store did not take go behind them.
    async fn take(&mut self, reports: Vec<(Report, ExecutionRight)>) {
        let mut fresh = Vec::with_capacity(reports.len());
        for (report, right) in reports {
            fresh.push(self.receive(report, right).await);
        }
        let blocked: HashSet<AccountId> =
            self.waiting.iter().filter(|waiting| waiting.blocks).map(|waiting| waiting.report.account).collect();
        let (mut behind, now): (Vec<Waiting>, Vec<Waiting>) =
            fresh.into_iter().partition(|waiting| blocked.contains(&waiting.report.account));
        for waiting in &mut behind {
            waiting.blocks = true;
        }
        self.waiting.append(&mut behind);
        self.bring(now).await;
    }

    /// Brings reports; what cannot be made durable now waits. Those of an account stand or fall together, so that none
    /// overtakes one that the store did not take.
    async fn bring(&mut self, reports: Vec<Waiting>) {
        let mut answers = Vec::with_capacity(reports.len());
        for (account, reports) in by_account(reports, |waiting| waiting.report.account) {
            let command = |waiting: &Waiting| {
                (
                    Command::Report(waiting.report.clone()),
                    self.cause(waiting.trace),
                    waiting.right.fence,
                    waiting.span.clone(),
                )
            };
            let commands = reports.iter().map(command).collect();
            answers.push((reports, self.calls.lanes.enqueue_together(account, commands).await));
        }
        for (reports, enqueued) in answers {
            match enqueued {
                Ok(receivers) => {
                    for (waiting, receiver) in reports.into_iter().zip(receivers) {
                        let answer = answer_of(receiver).await;
                        self.answered(waiting, answer.map(|_| ()));
                    }
                }
                Err(error) => reports.into_iter().for_each(|waiting| self.answered(waiting, Err(error.clone()))),
            }
        }
    }

    fn cause(&self, trace: Option<TraceContext>) -> Cause {
        Cause { actor: Principal::Broker, command: CommandId::new(self.calls.ids.next()), request: None, trace }
    }

    /// Keeps a report that is not durable yet, and gives up one that never will be.
    fn answered(&mut self, mut waiting: Waiting, answer: Result<(), ExecuteError>) {
        let Err(error) = answer else { return velox_telemetry::end(waiting.span) };
        let report = &waiting.report;
        match error {
            ExecuteError::ShuttingDown => {
                self.leaving = true;
                waiting.blocks = true;
            }
            ExecuteError::Fenced => {
                tracing::debug!(order = %report.order, "another process executes the account's orders by now");
                return velox_telemetry::end(waiting.span);
            }
            // Not now: an order that is not known yet, a log that cannot be read. The later ones may go ahead.
            ExecuteError::Refused(Refused::UnknownOrder | Refused::IllegalReport { .. })
            | ExecuteError::Store(StoreError::Corrupt(_))
                if waiting.refused.is_none_or(|refused| refused.elapsed() < PATIENCE) =>
            {
                tracing::debug!(order = %report.order, %error, "a broker's report has to wait");
                waiting.refused.get_or_insert_with(Instant::now);
                waiting.blocks = false;
            }
            ExecuteError::Refused(_) | ExecuteError::Store(StoreError::Corrupt(_)) => {
                tracing::error!(order = %report.order, account = %report.account, %error, kind = ?report.kind, "a broker's report does not fit");
                return velox_telemetry::end(waiting.span);
            }
            // Telling a report twice does no harm, losing one does: it is brought again until the store takes it.
            error => {
                if !waiting.blocks {
                    tracing::warn!(order = %report.order, %error, "a broker's report waits for the store");
                }
                waiting.blocks = true;
            }
        }
        self.waiting.push(waiting);
    }
}
