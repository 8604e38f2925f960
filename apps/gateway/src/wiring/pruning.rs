//! [`Pruning`]: sessions and idempotency keys whose time is long over are deleted, hourly.

use std::sync::Arc;
use std::time::Duration;

use velox_brokers::{Brokers, prune_idempotency_keys};
use velox_identity::{Identity, prune_sessions};

use crate::shutdown::Shutdown;

/// How long after the start the first time comes: a server that starts has better things to do.
const FIRST: Duration = Duration::from_secs(30);
/// How long after it is done it comes again.
const AGAIN: Duration = Duration::from_secs(3_600);

/// Deletes what nobody needs any more, a bounded batch at a time, so that orders pass between two batches.
pub(super) struct Pruning {
    pub(super) identity: Arc<Identity>,
    pub(super) brokers: Arc<Brokers>,
}

/// What is pruned.
#[derive(Clone, Copy, Debug)]
enum Rows {
    /// Sessions and refresh tokens.
    Sessions,
    /// Idempotency keys.
    Keys,
}

impl Pruning {
    /// Prunes again and again until the shutdown begins.
    pub(super) async fn run(self, shutdown: Shutdown) {
        let begun = shutdown.begun();
        tokio::pin!(begun);
        let mut wait = FIRST;
        loop {
            tokio::select! {
                () = &mut begun => return,
                () = tokio::time::sleep(wait) => {}
            }
            for rows in [Rows::Sessions, Rows::Keys] {
                tokio::select! {
                    () = &mut begun => return,
                    () = self.prune(rows) => {}
                }
            }
            wait = AGAIN;
        }
    }

    /// Deletes until nothing is left.
    async fn prune(&self, rows: Rows) {
        let mut gone = 0_u64;
        loop {
            match self.batch(rows).await {
                Ok(0) => break,
                Ok(count) => gone = gone.saturating_add(count),
                Err(error) => {
                    tracing::warn!(?rows, %error, "what is over could not be deleted; it is tried again in an hour");
                    break;
                }
            }
        }
        if gone > 0 {
            tracing::info!(?rows, gone, "what is over was deleted");
        }
    }

    async fn batch(&self, rows: Rows) -> Result<u64, String> {
        match rows {
            Rows::Sessions => prune_sessions(&self.identity).await.map_err(|error| error.to_string()),
            Rows::Keys => prune_idempotency_keys(&self.brokers).await.map_err(|error| error.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use velox_brokers::{BrokerStore, Catalog, Creation, IdempotencyRecord, NewConnection, PaperSettings};
    use velox_identity::{IdentityConfig, IdentityPorts, IdentityStore};
    use velox_kernel::Digest;
    use velox_testkit::brokers::{FakeAccounts, FakeProbe, MemoryBrokerStore, PlainSecretBox, sample_connection};
    use velox_testkit::identity::{
        CountingSecrets, EndedSessions, MemoryIdentityStore, PlainHasher, PlainSigner, sample_session, sample_user,
    };
    use velox_testkit::{CountingIds, TestClock};

    use super::*;

    fn pruning(users: &Arc<MemoryIdentityStore>, keys: &Arc<MemoryBrokerStore>, clock: &Arc<TestClock>) -> Pruning {
        let identity = IdentityPorts {
            store: users.clone(),
            hasher: Arc::new(PlainHasher::default()),
            signer: Arc::new(PlainSigner::default()),
            secrets: Arc::new(CountingSecrets::default()),
            access_listener: Arc::new(EndedSessions::default()),
            clock: clock.clone(),
            ids: Arc::new(CountingIds::default()),
        };
        let brokers = Brokers {
            store: keys.clone(),
            secret_box: Arc::new(PlainSecretBox),
            accounts: Arc::new(FakeAccounts::default()),
            probe: Arc::new(FakeProbe),
            catalog: Arc::new(Catalog::paper_alone(PaperSettings::usual("USD".parse().unwrap()))),
            clock: clock.clone(),
            ids: Arc::new(CountingIds::default()),
        };
        Pruning { identity: Arc::new(Identity::new(identity, IdentityConfig::default())), brokers: Arc::new(brokers) }
    }

    fn keyed(number: u8, fingerprint: u8) -> NewConnection {
        let connection = sample_connection(1, number);
        let record = IdempotencyRecord {
            user: connection.created_by,
            route: "POST /v1/brokers".to_owned(),
            key: "key".to_owned(),
            fingerprint: Digest::new([fingerprint; 32]),
            reply: "{}".to_owned(),
            created_at: connection.created_at,
            expires_at: connection.created_at.plus(Duration::from_secs(86_400)),
        };
        NewConnection { connection, credentials: Vec::new(), idempotency: Some(record) }
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_over_goes_soon_after_the_start_and_then_every_hour() {
        let (users, keys) = (Arc::new(MemoryIdentityStore::default()), Arc::new(MemoryBrokerStore::default()));
        let clock = Arc::new(TestClock::default());
        let mut user = sample_user(1);
        let session = sample_session(&user.user, 1);
        user.session = Some(session.clone());
        users.create_user(&user).await.unwrap();
        keys.create(&keyed(1, 7)).await.unwrap();
        let shutdown = Shutdown::default();
        let running = tokio::spawn(pruning(&users, &keys, &clock).run(shutdown.clone()));

        tokio::time::sleep(FIRST * 2).await;
        assert!(users.session_standing(session.session.id).await.unwrap().is_some(), "it is not over");
        assert_eq!(keys.create(&keyed(2, 8)).await.unwrap(), Creation::KeyReused);
        clock.set(session.session.expires_at.plus(Duration::from_secs(2 * 86_400)));
        tokio::time::sleep(AGAIN + FIRST).await;
        assert_eq!(users.session_standing(session.session.id).await.unwrap(), None);
        assert_eq!(keys.create(&keyed(3, 8)).await.unwrap(), Creation::Created, "the key is free");

        keys.set_away_after(Some(0));
        tokio::time::sleep(AGAIN * 2).await;
        assert!(!running.is_finished(), "a store that is away does not end it");
        shutdown.begin();
        running.await.unwrap();
    }
}
