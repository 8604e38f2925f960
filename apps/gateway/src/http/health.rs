//! Health: each part of the process answers for itself.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::future::join_all;
use serde::Serialize;
use tokio::sync::Mutex;
use tokio::time::Instant;
use utoipa::ToSchema;

/// How long a part may take to answer for itself.
const DEADLINE: Duration = Duration::from_secs(2);
/// How old an answer may be.
const FRESH: Duration = Duration::from_secs(1);

/// How a part is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// It works.
    Up,
    /// It works, worse than it should.
    Degraded,
    /// It does not work.
    Down,
}

/// What a part says of itself. The detail is shown to anybody: no addresses, no credentials.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Health {
    /// How it is.
    pub status: Status,
    /// Why, in a few words.
    pub detail: Option<String>,
}

impl Health {
    /// It works.
    #[must_use]
    pub const fn up() -> Self {
        Self { status: Status::Up, detail: None }
    }

    /// It does not, for the reason.
    #[must_use]
    pub fn down(detail: impl Into<String>) -> Self {
        Self { status: Status::Down, detail: Some(detail.into()) }
    }

    /// It works worse than it should, for the reason.
    #[must_use]
    pub fn degraded(detail: impl Into<String>) -> Self {
        Self { status: Status::Degraded, detail: Some(detail.into()) }
    }
}

/// A part of the process that can be asked how it is.
#[async_trait]
pub trait HealthCheck: Send + Sync {
    /// Its name, such as `database`.
    fn name(&self) -> &'static str;

    /// Whether requests can be served without it: when it is required and down, `/readyz` says no.
    fn required(&self) -> bool {
        true
    }

    /// How it is, now. Taking longer than two seconds counts as down.
    async fn check(&self) -> Health;
}

/// One part's answer.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Component {
    /// Which part.
    #[schema(example = "database")]
    pub name: &'static str,
    /// How it is.
    pub status: Status,
    /// Whether requests need it.
    pub required: bool,
    /// Why it is not up.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

/// All parts that can be asked. Clones share what was answered last.
#[derive(Clone, Default)]
pub struct HealthChecks {
    checks: Vec<Arc<dyn HealthCheck>>,
    /// Locked while the parts are asked: whoever comes meanwhile waits for that answer.
    last: Arc<Mutex<Option<Answered>>>,
}

/// What the parts answered, and when.
struct Answered {
    at: Instant,
    components: Vec<Component>,
}

impl HealthChecks {
    /// Adds a part.
    #[must_use]
    pub fn with(mut self, check: Arc<dyn HealthCheck>) -> Self {
        self.checks.push(check);
        self
    }

    /// How the parts are: asked all at once, unless they were within the last second. Anybody may ask, as often as they
    /// like, and costs no more than a question a second.
    pub async fn ask(&self) -> Vec<Component> {
        let mut last = self.last.lock().await;
        if let Some(answered) = &*last
            && answered.at.elapsed() < FRESH
        {
            return answered.components.clone();
        }
        let components = self.ask_all().await;
        *last = Some(Answered { at: Instant::now(), components: components.clone() });
        components
    }

    async fn ask_all(&self) -> Vec<Component> {
        join_all(self.checks.iter().map(|check| async move {
            let health = match tokio::time::timeout(DEADLINE, check.check()).await {
                Ok(health) => health,
                Err(_) => Health::down("did not answer in time"),
            };
            Component { name: check.name(), status: health.status, required: check.required(), detail: health.detail }
        }))
        .await
    }
}

/// The worst that matters: a required part that is down, else degraded when any is not up.
#[must_use]
pub fn overall(components: &[Component]) -> Status {
    if components.iter().any(|part| part.required && part.status == Status::Down) {
        Status::Down
    } else if components.iter().any(|part| part.status != Status::Up) {
        Status::Degraded
    } else {
        Status::Up
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    /// Counts how often it is asked, and takes its time.
    #[derive(Default)]
    struct Slow(AtomicUsize);

    #[async_trait]
    impl HealthCheck for Slow {
        fn name(&self) -> &'static str {
            "slow"
        }

        async fn check(&self) -> Health {
            self.0.fetch_add(1, Ordering::SeqCst);
            tokio::time::sleep(Duration::from_millis(100)).await;
            Health::up()
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_flood_of_questions_is_one_a_second() {
        let slow = Arc::new(Slow::default());
        let part: Arc<dyn HealthCheck> = slow.clone();
        let checks = HealthChecks::default().with(part);
        let clone = checks.clone();
        let flood = join_all((0..100).map(|_| clone.ask())).await;
        assert!(flood.iter().all(|components| overall(components) == Status::Up));
        checks.ask().await;
        assert_eq!(slow.0.load(Ordering::SeqCst), 1);
        tokio::time::advance(FRESH).await;
        assert!(tokio::time::timeout(Duration::from_millis(50), checks.ask()).await.is_err());
        checks.ask().await;
        assert_eq!(slow.0.load(Ordering::SeqCst), 3, "a question that was given up leaves no answer");
    }
}
