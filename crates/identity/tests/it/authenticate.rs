//! `authenticate` and its memory.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use parking_lot::Mutex;
use velox_identity::{
    AccessChange, AuthenticateError, Email, EndSessions, IdentityConfig, IdentityStore, NewSession, NewUser,
    PasswordChange, PasswordChanged, RotateRefresh, Rotation, Session, SessionStanding, StoreError, User, UserCreation,
    authenticate, get_me, log_out, still_stands,
};
use velox_kernel::{Actor, OrgId, Role, SessionId, Timestamp, UserId};
use velox_testkit::identity::MemoryIdentityStore;

use crate::house::House;

/// The memory store, with its reads of standings counted and, once, something done between a read and its answer.
#[derive(Default)]
struct Watched {
    inner: MemoryIdentityStore,
    standings: AtomicUsize,
    users: AtomicUsize,
    end_meanwhile: Mutex<Option<EndSessions>>,
}

#[async_trait]
impl IdentityStore for Watched {
    async fn is_empty(&self) -> Result<bool, StoreError> {
        self.inner.is_empty().await
    }
    async fn host(&self) -> Result<Option<OrgId>, StoreError> {
        self.inner.host().await
    }
    async fn create_user(&self, new: &NewUser) -> Result<UserCreation, StoreError> {
        self.inner.create_user(new).await
    }
    async fn user_by_email(&self, email: &Email) -> Result<Option<User>, StoreError> {
        self.inner.user_by_email(email).await
    }
    async fn user(&self, org: OrgId, user: UserId) -> Result<Option<User>, StoreError> {
        self.users.fetch_add(1, Ordering::SeqCst);
        self.inner.user(org, user).await
    }
    async fn session_standing(&self, session: SessionId) -> Result<Option<SessionStanding>, StoreError> {
        self.standings.fetch_add(1, Ordering::SeqCst);
        let standing = self.inner.session_standing(session).await;
        let end = self.end_meanwhile.lock().take();
        if let Some(end) = end {
            self.inner.end_sessions(&end).await?;
            tokio::task::yield_now().await;
        }
        standing
    }
    async fn live_sessions(
        &self,
        org: OrgId,
        user: UserId,
        now: Timestamp,
        limit: u16,
    ) -> Result<Vec<Session>, StoreError> {
        self.inner.live_sessions(org, user, now, limit).await
    }
    async fn open_session(&self, new: &NewSession, session_version: u64) -> Result<bool, StoreError> {
        self.inner.open_session(new, session_version).await
    }
    async fn rotate_refresh(&self, rotate: &RotateRefresh) -> Result<Rotation, StoreError> {
        self.inner.rotate_refresh(rotate).await
    }
    async fn end_sessions(&self, end: &EndSessions) -> Result<Vec<SessionId>, StoreError> {
        self.inner.end_sessions(end).await
    }
    async fn change_password(&self, change: &PasswordChange) -> Result<PasswordChanged, StoreError> {
        self.inner.change_password(change).await
    }
    async fn update_user(&self, user: &User) -> Result<bool, StoreError> {
        self.inner.update_user(user).await
    }
    async fn change_access(&self, change: &AccessChange) -> Result<Option<Vec<SessionId>>, StoreError> {
        self.inner.change_access(change).await
    }
    async fn prune(&self, before: Timestamp) -> Result<u64, StoreError> {
        self.inner.prune(before).await
    }
}

fn watched() -> (Arc<Watched>, House) {
    let store = Arc::new(Watched::default());
    let config = IdentityConfig { registration_open: true, ..IdentityConfig::default() };
    (Arc::clone(&store), House::with(store, config))
}

#[tokio::test]
async fn the_second_time_costs_neither_a_signature_nor_a_read() {
    let (store, house) = watched();
    let ada = house.newcomer("ada@example.com").await;
    for _ in 0..100 {
        let actor = house.actor(&ada).await;
        assert_eq!(get_me(&house.identity, &actor).await.unwrap().unwrap().id, ada.user.id);
    }
    let reads = (store.standings.load(Ordering::SeqCst), store.users.load(Ordering::SeqCst));
    assert_eq!((house.signer.verified.load(Ordering::SeqCst), reads), (1, (1, 1)));
}

#[tokio::test]
async fn another_process_is_heard_of_within_the_cache_age() {
    let (store, house) = watched();
    let ada = house.newcomer("ada@example.com").await;
    let actor = house.actor(&ada).await;
    let end = EndSessions { org: actor.org, user: actor.user, only: Some(actor.session), now: ada.user.created_at };
    assert_eq!(store.inner.end_sessions(&end).await.unwrap(), [actor.session], "behind this process's back");
    house.clock.advance(Duration::from_millis(400));
    let stands = async |age: u64| still_stands(&house.identity, &actor, Duration::from_millis(age)).await.unwrap();
    assert!(stands(500).await, "what was read 400 ms ago is young enough");
    assert!(!stands(300).await, "a stream believes memory no longer than it says");
    house.clock.advance(Duration::from_secs(1));
    assert!(!stands(60_000).await, "nor longer than memory is believed at all");
    let token = ada.tokens.access.reveal();
    assert_eq!(authenticate(&house.identity, token).await, Err(AuthenticateError::SessionEnded));
}

#[tokio::test]
async fn an_end_in_this_process_is_seen_at_once_even_by_a_read_under_way() {
    let (store, house) = watched();
    let ada = house.newcomer("ada@example.com").await;
    let actor = Actor { org: ada.user.org, user: ada.user.id, role: Role::Admin, session: ada.session };
    let token = ada.tokens.access.reveal();
    let end = EndSessions { org: actor.org, user: actor.user, only: Some(actor.session), now: ada.user.created_at };
    *store.end_meanwhile.lock() = Some(end);
    // The read has its answer, live, when the session ends in the store and `log_out` clears the memory; then the read
    // comes back with what it has.
    let (crossed, logged_out) = tokio::join!(
        biased;
        authenticate(&house.identity, token),
        log_out(&house.identity, &actor)
    );
    assert!(crossed.is_ok() && logged_out.is_ok());
    assert_eq!(authenticate(&house.identity, token).await, Err(AuthenticateError::SessionEnded));
}

#[tokio::test]
async fn strange_and_expired_tokens_let_nobody_in() {
    let house = House::open();
    let ada = house.newcomer("ada@example.com").await;
    house.actor(&ada).await;
    let token = ada.tokens.access.reveal().to_owned();
    let long = "x".repeat(100_000);
    for text in ["", "plain", "Bearer", long.as_str(), &token[1..]] {
        assert_eq!(authenticate(&house.identity, text).await, Err(AuthenticateError::Invalid));
    }
    house.clock.set(ada.tokens.access_expires_at);
    assert_eq!(authenticate(&house.identity, &token).await, Err(AuthenticateError::Expired), "remembered or not");
}

#[tokio::test]
async fn a_session_of_one_user_does_not_carry_another() {
    let house = House::open();
    let (ada, bob) = (house.newcomer("ada@example.com").await, house.newcomer("bob@example.com").await);
    let mixed = ada.tokens.access.reveal().replace(&ada.session.to_string(), &bob.session.to_string());
    assert_eq!(authenticate(&house.identity, &mixed).await, Err(AuthenticateError::Invalid));
    let unknown = ada.tokens.access.reveal().replace(&ada.session.to_string(), "ses_01h455vb4pex5vsknk084sn02q");
    assert_eq!(authenticate(&house.identity, &unknown).await, Err(AuthenticateError::SessionEnded));
}
