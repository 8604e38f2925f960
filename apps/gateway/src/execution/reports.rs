//! Taking a broker's reports: none is lost, whatever the store does.

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use velox_kernel::{CommandId, Ids, Principal};
use velox_trading::{Broker, Cause, Command, ExecuteError, Report};

use crate::accounts::Lanes;
use crate::shutdown::Shutdown;

/// Reports that are made durable together.
const CHUNK: usize = 256;
/// The first and the longest wait before reports that the store did not take are brought again.
const BACKOFF: (Duration, Duration) = (Duration::from_millis(20), Duration::from_secs(2));

/// Brings a broker's reports to the accounts until the shutdown begins.
pub async fn take_reports(lanes: Arc<Lanes>, broker: Arc<dyn Broker>, ids: Arc<dyn Ids>, shutdown: Shutdown) {
    let mut chunks = broker.reports().ready_chunks(CHUNK);
    let begun = shutdown.begun();
    tokio::pin!(begun);
    loop {
        let chunk = tokio::select! {
            () = &mut begun => return,
            chunk = chunks.next() => match chunk {
                Some(chunk) => chunk,
                None => return,
            },
        };
        if !bring(&lanes, chunk, &*ids).await {
            return;
        }
    }
}

/// Brings reports until each is decided. False when the process is leaving.
async fn bring(lanes: &Lanes, mut reports: Vec<Report>, ids: &dyn Ids) -> bool {
    let mut wait = BACKOFF.0;
    loop {
        let mut answers = Vec::with_capacity(reports.len());
        for report in &reports {
            let cause = Cause { actor: Principal::Broker, command: CommandId::new(ids.next()), request: None };
            match lanes.enqueue(report.account, Command::Report(report.clone()), cause).await {
                Ok(answer) => answers.push(answer),
                Err(_) => return false,
            }
        }
        let mut left = Vec::new();
        for (report, answer) in reports.into_iter().zip(answers) {
            match answer.await {
                Ok(Ok(_)) => {}
                Ok(Err(ExecuteError::Refused(refused))) => {
                    tracing::error!(order = %report.order, %refused, kind = ?report.kind, "a broker's report does not fit");
                }
                Ok(Err(ExecuteError::ShuttingDown)) | Err(_) => return false,
                Ok(Err(error)) => {
                    tracing::warn!(order = %report.order, %error, "a broker's report waits for the store");
                    left.push(report);
                }
            }
        }
        if left.is_empty() {
            return true;
        }
        // Telling a report twice does no harm, losing one does: it is brought again until the store takes it.
        reports = left;
        tokio::time::sleep(wait).await;
        wait = (wait * 2).min(BACKOFF.1);
    }
}
