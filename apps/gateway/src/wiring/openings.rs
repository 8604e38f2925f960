//! [`Openings`]: broker connections whose making was interrupted are finished, for as long as the process runs.

use std::sync::Arc;
use std::time::Duration;

use velox_brokers::{Brokers, finish_openings};

use crate::shutdown::Shutdown;

/// How long to wait after a look that left nothing, and at most after one that did.
const QUIET: Duration = Duration::from_secs(60);
/// How long to wait after the first look that left something; twice as long after each further one.
const AGAIN: Duration = Duration::from_secs(1);

/// Finishes connections that are still opening: those of an earlier process, and those whose making meets a failure
/// while this one runs.
pub(super) struct Openings(pub(super) Arc<Brokers>);

impl Openings {
    /// Looks again and again until the shutdown begins. The first look is at once.
    pub(super) async fn run(self, shutdown: Shutdown) {
        let begun = shutdown.begun();
        tokio::pin!(begun);
        let mut patience = AGAIN;
        loop {
            let none_left = tokio::select! {
                () = &mut begun => return,
                none_left = self.look() => none_left,
            };
            let wait = if none_left { QUIET } else { patience };
            patience = if none_left { AGAIN } else { patience.saturating_mul(2).min(QUIET) };
            tokio::select! {
                () = &mut begun => return,
                () = tokio::time::sleep(wait) => {}
            }
        }
    }

    /// Tries each opening once, a page at a time, and says whether none is left.
    async fn look(&self) -> bool {
        let (mut after, mut none_left) = (None, true);
        loop {
            let look = match finish_openings(&self.0, after).await {
                Ok(look) => look,
                Err(error) => {
                    tracing::warn!(%error, "connections that are still opening could not be listed; this is tried again");
                    return false;
                }
            };
            if look.finished > 0 {
                tracing::info!(connections = look.finished, "interrupted connections were finished");
            }
            for (connection, error) in &look.left {
                tracing::warn!(%connection, %error, "a connection is still opening; it is tried again");
            }
            none_left &= look.left.is_empty();
            match look.next {
                Some(next) => after = Some(next),
                None => return none_left,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use std::sync::atomic::Ordering;

    use velox_brokers::{BrokerStore, Catalog, ConnectionStatus, NewConnection, PaperSettings};
    use velox_testkit::brokers::{FakeAccounts, FakeProbe, MemoryBrokerStore, PlainSecretBox, sample_connection};
    use velox_testkit::{CountingIds, TestClock};

    use super::*;

    struct Desk {
        store: Arc<MemoryBrokerStore>,
        accounts: Arc<FakeAccounts>,
        shutdown: Shutdown,
        running: tokio::task::JoinHandle<()>,
    }

    /// Connections 1 to `count` are opening; the accounts cannot be reached.
    async fn desk(count: u8) -> Desk {
        let (store, accounts) = (Arc::new(MemoryBrokerStore::default()), Arc::new(FakeAccounts::default()));
        for number in 1..=count {
            let connection = sample_connection(1, number);
            store.create(&NewConnection { connection, credentials: Vec::new(), idempotency: None }).await.unwrap();
        }
        accounts.unreachable.store(true, Ordering::SeqCst);
        let brokers = Brokers {
            store: store.clone(),
            secret_box: Arc::new(PlainSecretBox),
            accounts: accounts.clone(),
            probe: Arc::new(FakeProbe),
            catalog: Arc::new(Catalog::paper_alone(PaperSettings::usual("USD".parse().unwrap()))),
            clock: Arc::new(TestClock::default()),
            ids: Arc::new(CountingIds::default()),
        };
        let shutdown = Shutdown::default();
        let running = tokio::spawn(Openings(Arc::new(brokers)).run(shutdown.clone()));
        Desk { store, accounts, shutdown, running }
    }

    impl Desk {
        async fn is_active(&self, number: u8) -> bool {
            let connection = sample_connection(1, number);
            let kept = self.store.get(connection.org, connection.id).await.unwrap().unwrap();
            kept.status == ConnectionStatus::Active
        }

        async fn end(self) {
            assert!(!self.running.is_finished(), "it lives as long as the process");
            self.shutdown.begin();
            self.running.await.unwrap();
        }
    }

    #[tokio::test(start_paused = true)]
    async fn openings_are_tried_until_none_is_left_and_a_later_one_too() {
        let desk = desk(3).await;
        tokio::time::sleep(Duration::from_secs(600)).await;
        assert!(!desk.is_active(1).await);
        desk.accounts.unreachable.store(false, Ordering::SeqCst);
        tokio::time::sleep(QUIET).await;
        assert!(desk.is_active(1).await && desk.is_active(3).await);
        let connection = sample_connection(1, 9);
        desk.store.create(&NewConnection { connection, credentials: Vec::new(), idempotency: None }).await.unwrap();
        tokio::time::sleep(QUIET).await;
        assert!(desk.is_active(9).await);
        desk.end().await;
    }

    #[tokio::test(start_paused = true)]
    async fn many_that_fail_keep_none_behind_them_waiting() {
        let desk = desk(130).await;
        desk.accounts.unreachable.store(false, Ordering::SeqCst);
        *desk.accounts.lost.lock() = Some(sample_connection(1, 1).account);
        tokio::time::sleep(QUIET).await;
        assert!(!desk.is_active(1).await);
        assert!(desk.is_active(2).await && desk.is_active(130).await, "beyond the first page too");
        desk.end().await;
    }

    #[tokio::test(start_paused = true)]
    async fn a_store_that_is_away_is_asked_again() {
        let desk = desk(1).await;
        desk.accounts.unreachable.store(false, Ordering::SeqCst);
        desk.store.set_away_after(Some(0));
        tokio::time::sleep(QUIET).await;
        desk.store.set_away_after(None);
        tokio::time::sleep(QUIET).await;
        assert!(desk.is_active(1).await);
        desk.end().await;
    }
}
