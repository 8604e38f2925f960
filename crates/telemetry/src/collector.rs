//! [`Collector`]: the HTTP client of one kind of data. It blocks, which only the exporters' own threads meet.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use opentelemetry_http::{Bytes, HttpClient, HttpError, Request, Response};

/// The longest answer that is read, in bytes: it says what was refused, at most.
const LONGEST_ANSWER: u64 = 64 * 1024;

/// Sends to the collector, and says once that it is away and once that it is back.
#[derive(Clone, Debug)]
pub(crate) struct Collector {
    agent: ureq::Agent,
    /// What is sent: `spans`, `figures`.
    what: &'static str,
    away: Arc<AtomicBool>,
}

impl Collector {
    /// A client that waits for each answer up to `timeout`.
    pub(crate) fn new(what: &'static str, timeout: Duration) -> Self {
        let config = ureq::Agent::config_builder()
            .timeout_global(Some(timeout))
            .http_status_as_error(false)
            .max_redirects(0)
            .build();
        Self { agent: config.into(), what, away: Arc::default() }
    }

    fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, ureq::Error> {
        let (head, body) = request.into_parts();
        let (head, mut body) = self.agent.run(Request::from_parts(head, &body[..]))?.into_parts();
        let body = body.with_config().limit(LONGEST_ANSWER).read_to_vec()?;
        Ok(Response::from_parts(head, body.into()))
    }

    /// A line when it begins and one when it is over, not one a batch.
    fn tell(&self, trouble: Option<String>) {
        let Self { what, away, .. } = self;
        match trouble {
            Some(why) if !away.swap(true, Ordering::Relaxed) => {
                tracing::warn!(why, "the telemetry collector takes no {what}; they are dropped until it does");
            }
            None if away.swap(false, Ordering::Relaxed) => tracing::info!("the telemetry collector takes {what} again"),
            _ => {}
        }
    }
}

#[async_trait]
impl HttpClient for Collector {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let answered = self.send(request);
        self.tell(match &answered {
            Ok(answer) if answer.status().is_success() => None,
            Ok(answer) => Some(format!("it answers {}", answer.status())),
            Err(error) => Some(error.to_string()),
        });
        Ok(answered?)
    }
}
