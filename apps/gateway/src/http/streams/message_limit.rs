//! [`MessageLimit`]: what a client says on a WebSocket counts as a request does.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;
use velox_kernel::UserId;

use crate::http::{Counted, Edge, Limit};
use crate::streams::{CloseReason, StreamError};

/// Messages beyond the limit that are answered within [`WINDOW`], each with an error; the next one ends the connection.
const REFUSALS: u32 = 100;
const WINDOW: Duration = Duration::from_secs(60);

/// Counts the messages of one connection against the usual limit of its user, or of its sender before sign-in.
pub(super) struct MessageLimit {
    edge: Arc<Edge>,
    sender: Counted,
    refused: u32,
    since: Instant,
}

impl MessageLimit {
    /// For a connection that this sender opened.
    pub(super) fn new(edge: Arc<Edge>, sender: Counted) -> Self {
        Self { edge, sender, refused: 0, since: Instant::now() }
    }

    /// Counts one message: `Some` is the answer to one beyond the limit.
    ///
    /// # Errors
    /// [`CloseReason::RateLimited`] when too many of them came.
    pub(super) async fn count(&mut self, user: Option<UserId>) -> Result<Option<StreamError<'static>>, CloseReason> {
        let Some(limiter) = self.edge.limiters.of(Limit::Usual) else { return Ok(None) };
        let allowance = limiter.count(user.map_or(self.sender, Counted::User)).await;
        if allowance.allowed {
            return Ok(None);
        }
        if self.since.elapsed() >= WINDOW {
            (self.refused, self.since) = (0, Instant::now());
        }
        self.refused += 1;
        if self.refused > REFUSALS {
            return Err(CloseReason::RateLimited);
        }
        let wait = u64::try_from(allowance.wait.as_micros().div_ceil(1_000)).unwrap_or(u64::MAX);
        let detail = "Too many messages and requests; nothing was done.".to_owned();
        Ok(Some(StreamError { code: "rate_limited", detail, retry_after_ms: Some(wait.max(1)) }))
    }
}
