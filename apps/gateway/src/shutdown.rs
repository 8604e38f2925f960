//! [`Shutdown`]: the one word that everything long-lived listens for.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::sync::watch;

/// Tells streams, tasks and the readiness probe that the process is leaving. Clones share one state.
#[derive(Clone, Debug)]
pub struct Shutdown {
    draining: Arc<AtomicBool>,
    announce: Arc<watch::Sender<bool>>,
}

impl Default for Shutdown {
    fn default() -> Self {
        Self { draining: Arc::default(), announce: Arc::new(watch::Sender::new(false)) }
    }
}

impl Shutdown {
    /// Starts the shutdown. Doing it twice is the same as once.
    pub fn begin(&self) {
        self.draining.store(true, Ordering::Release);
        self.announce.send_replace(true);
    }

    /// Whether it has begun: one atomic read.
    #[must_use]
    pub fn has_begun(&self) -> bool {
        self.draining.load(Ordering::Acquire)
    }

    /// Looks again and again, `period` apart, until it has begun.
    pub async fn every(&self, period: Duration, mut look: impl FnMut()) {
        let mut times = tokio::time::interval(period);
        let begun = self.begun();
        tokio::pin!(begun);
        loop {
            tokio::select! {
                () = &mut begun => return,
                _ = times.tick() => look(),
            }
        }
    }

    /// Returns once it has begun.
    pub async fn begun(&self) {
        let mut listener = self.announce.subscribe();
        // The sender lives in `self`, so the wait can only end by the value.
        let _ = listener.wait_for(|begun| *begun).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn wakes_those_who_waited_and_those_who_come_late() {
        let shutdown = Shutdown::default();
        let waiter = tokio::spawn({
            let shutdown = shutdown.clone();
            async move { shutdown.begun().await }
        });
        assert!(!shutdown.has_begun());
        shutdown.begin();
        assert!(waiter.await.is_ok());
        shutdown.begun().await;
        assert!(shutdown.has_begun());
    }
}
