//! What every [`IdentityStore`] must do.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a contract fails by panicking, as a test does")]

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use velox_identity::{
    AccessChange, EndSessions, IdentityStore, NewSession, PasswordChange, PasswordChanged, PasswordHash, RiskSettings,
    RotateRefresh, Rotation, Theme, User, UserCreation,
};
use velox_kernel::{Digest, OrgId, Role, SessionId, Timestamp};

use super::{sample_session, sample_user};

const OVERLAP: Duration = Duration::from_secs(10);
const WEEK: Duration = Duration::from_secs(7 * 86_400);

/// Runs the whole contract; `make` gives an empty store each time.
///
/// # Panics
/// When the store breaks the contract.
pub async fn identity_store_contract(make: impl AsyncFn() -> Arc<dyn IdentityStore>) {
    keeps_what_it_was_given(&*make().await).await;
    makes_one_first_user(&*make().await).await;
    knows_its_host(&*make().await).await;
    holds_users_to_their_tenant(&*make().await).await;
    opens_sessions_of_the_present_version_only(&*make().await).await;
    rotates_the_newest_and_overlaps_briefly(&*make().await).await;
    ends_a_family_whose_token_comes_back(&*make().await).await;
    lets_one_of_many_rotate(&*make().await).await;
    refuses_what_is_unknown_expired_or_ended(&*make().await).await;
    ends_one_or_all_sessions(&*make().await).await;
    changes_a_password_once(&*make().await).await;
    updates_the_version_it_was_made_on(&*make().await).await;
    changes_access(&*make().await).await;
    prunes_what_ended(&*make().await).await;
    prunes_many_tokens_in_parts(&*make().await).await;
}

fn born() -> Timestamp {
    sample_user(1).user.created_at
}

fn after(seconds: u64) -> Timestamp {
    born().plus(Duration::from_secs(seconds))
}

/// A user and a live session of theirs, kept.
async fn signed_in(store: &dyn IdentityStore, number: u8) -> (User, NewSession) {
    let mut new = sample_user(number);
    let session = sample_session(&new.user, number);
    new.session = Some(session.clone());
    assert_eq!(store.create_user(&new).await.unwrap(), UserCreation::Created);
    (new.user, session)
}

async fn rotate(store: &dyn IdentityStore, presented: u8, successor: u8, now: Timestamp) -> Rotation {
    let (presented, successor) = (Digest::new([presented; 32]), Digest::new([successor; 32]));
    store.rotate_refresh(&RotateRefresh { presented, successor, now, overlap: OVERLAP, lifetime: WEEK }).await.unwrap()
}

fn sibling_of(rotation: &Rotation) -> bool {
    match rotation {
        Rotation::Rotated { sibling, .. } => *sibling,
        other => panic!("expected a successor, got {other:?}"),
    }
}

async fn is_live(store: &dyn IdentityStore, session: SessionId, now: Timestamp) -> bool {
    store.session_standing(session).await.unwrap().unwrap().is_live(now)
}

async fn version(store: &dyn IdentityStore, user: &User) -> u64 {
    store.user(user.org, user.id).await.unwrap().unwrap().session_version
}

async fn keeps_what_it_was_given(store: &dyn IdentityStore) {
    assert!(store.is_empty().await.unwrap());
    let mut new = sample_user(1);
    new.user.settings.theme = Theme::Dark;
    new.user.settings.timezone = "Europe/Berlin".parse().unwrap();
    new.user.risk_settings =
        RiskSettings { max_daily_loss: Some("250.000000000001".parse().unwrap()), ..RiskSettings::default() };
    let session = sample_session(&new.user, 1);
    new.session = Some(session.clone());
    assert_eq!(store.create_user(&new).await.unwrap(), UserCreation::Created);
    assert!(!store.is_empty().await.unwrap());
    assert_eq!(store.user_by_email(&new.user.email).await.unwrap().unwrap(), new.user);
    assert_eq!(store.user(new.user.org, new.user.id).await.unwrap().unwrap(), new.user);
    assert_eq!(store.user_by_email(&"nobody@example.com".parse().unwrap()).await.unwrap(), None);
    let sessions = store.live_sessions(new.user.org, new.user.id, born(), 10).await.unwrap();
    assert_eq!(sessions.len(), 1);
    assert_eq!(sessions[0], session.session);
    let standing = store.session_standing(session.session.id).await.unwrap().unwrap();
    assert_eq!((standing.org, standing.user), (new.user.org, new.user.id));
    assert_eq!((standing.role, standing.session_version), (Role::Admin, 1));
    assert_eq!((standing.disabled, standing.revoked), (false, false));
    assert_eq!(standing.expires_at, session.session.expires_at);
    assert_eq!(store.session_standing(sample_session(&new.user, 9).session.id).await.unwrap(), None);
}

async fn makes_one_first_user(store: &dyn IdentityStore) {
    let first = |number| {
        let mut new = sample_user(number);
        new.only_if_empty = true;
        new
    };
    let news: Vec<_> = (1..=8).map(first).collect();
    let creations = join_all(news.iter().map(|new| store.create_user(new))).await;
    let created = creations.iter().filter(|creation| **creation == Ok(UserCreation::Created)).count();
    let refused = creations.iter().filter(|creation| **creation == Ok(UserCreation::NotEmpty)).count();
    assert_eq!((created, refused), (1, 7));
    let mut again = sample_user(20);
    assert_eq!(store.create_user(&again).await.unwrap(), UserCreation::Created);
    let taken = again.user.email.clone();
    again = sample_user(21);
    again.user.email = taken;
    again.session = Some(sample_session(&again.user, 21));
    assert_eq!(store.create_user(&again).await.unwrap(), UserCreation::EmailTaken);
    assert_eq!(store.user(again.user.org, again.user.id).await.unwrap(), None, "nothing of it is kept");
    assert_eq!(store.session_standing(sample_session(&again.user, 21).session.id).await.unwrap(), None);
}

async fn knows_its_host(store: &dyn IdentityStore) {
    assert_eq!(store.host().await.unwrap(), None);
    // The later user has the smaller ids and the earlier address: neither makes anybody the first.
    let (first, _) = signed_in(store, 9).await;
    assert_eq!(store.host().await.unwrap(), Some(first.org));
    signed_in(store, 1).await;
    assert_eq!(store.host().await.unwrap(), Some(first.org));
}

async fn holds_users_to_their_tenant(store: &dyn IdentityStore) {
    let (one, session) = signed_in(store, 1).await;
    let (two, _) = signed_in(store, 2).await;
    let foreign: OrgId = two.org;
    assert_eq!(store.user(foreign, one.id).await.unwrap(), None);
    assert_eq!(store.live_sessions(foreign, one.id, born(), 10).await.unwrap(), []);
    let end = EndSessions { org: foreign, user: one.id, only: None, now: born() };
    assert_eq!(store.end_sessions(&end).await.unwrap(), []);
    let only = EndSessions { org: two.org, user: two.id, only: Some(session.session.id), now: born() };
    assert_eq!(store.end_sessions(&only).await.unwrap(), [], "another user's session");
    let mut stolen = one.clone();
    stolen.org = foreign;
    assert!(!store.update_user(&stolen).await.unwrap());
    let access = AccessChange { org: foreign, user: one.id, role: Role::Viewer, disabled: true, now: born() };
    assert_eq!(store.change_access(&access).await.unwrap(), None);
    assert_eq!(store.user(one.org, one.id).await.unwrap().unwrap(), one);
    assert!(is_live(store, session.session.id, born()).await);
}

async fn opens_sessions_of_the_present_version_only(store: &dyn IdentityStore) {
    let (user, _) = signed_in(store, 1).await;
    let second = sample_session(&user, 2);
    assert!(!store.open_session(&second, 7).await.unwrap());
    assert_eq!(store.session_standing(second.session.id).await.unwrap(), None);
    assert!(store.open_session(&second, 1).await.unwrap());
    assert!(is_live(store, second.session.id, born()).await);
    let mut newest = sample_session(&user, 3);
    newest.session.last_used_at = after(1);
    assert!(store.open_session(&newest, 1).await.unwrap());
    let sessions = store.live_sessions(user.org, user.id, after(1), 2).await.unwrap();
    assert_eq!(sessions.len(), 2, "no more than asked for");
    assert_eq!(sessions[0].id, newest.session.id, "the last used first");
    let access = AccessChange { org: user.org, user: user.id, role: Role::Admin, disabled: true, now: born() };
    store.change_access(&access).await.unwrap().unwrap();
    let version = version(store, &user).await;
    assert!(!store.open_session(&sample_session(&user, 4), version).await.unwrap(), "the user is disabled");
}

async fn rotates_the_newest_and_overlaps_briefly(store: &dyn IdentityStore) {
    let (user, new) = signed_in(store, 1).await;
    let first = rotate(store, 1, 101, after(60)).await;
    let Rotation::Rotated { standing, refresh_expires_at, sibling } = first else { panic!("{first:?}") };
    assert_eq!((standing.session, standing.user, standing.session_version), (new.session.id, user.id, 1));
    assert_eq!((refresh_expires_at, sibling), (after(60).plus(WEEK), false));
    let session = store.live_sessions(user.org, user.id, after(60), 1).await.unwrap().remove(0);
    assert_eq!((session.generation, session.rotated_at, session.last_used_at), (2, after(60), after(60)));

    assert!(sibling_of(&rotate(store, 1, 102, after(69)).await), "the predecessor, 9 seconds later");
    let session = store.live_sessions(user.org, user.id, after(69), 1).await.unwrap().remove(0);
    assert_eq!((session.generation, session.rotated_at, session.last_used_at), (2, after(60), after(69)));
    assert!(!sibling_of(&rotate(store, 102, 103, after(120)).await), "a sibling rotates as well");
    assert!(sibling_of(&rotate(store, 101, 104, after(121)).await), "and then the other is the predecessor");
    let late = after(29 * 86_400);
    let mut old = sample_session(&user, 9);
    old.refresh.expires_at = old.session.expires_at;
    assert!(store.open_session(&old, 1).await.unwrap());
    let Rotation::Rotated { refresh_expires_at, .. } = rotate(store, 9, 109, late).await else { panic!("it is live") };
    assert_eq!(refresh_expires_at, old.session.expires_at, "never longer than the session");
}

async fn ends_a_family_whose_token_comes_back(store: &dyn IdentityStore) {
    let (user, new) = signed_in(store, 1).await;
    let other = sample_session(&user, 2);
    assert!(store.open_session(&other, 1).await.unwrap());
    sibling_of(&rotate(store, 1, 101, after(60)).await);
    sibling_of(&rotate(store, 101, 102, after(61)).await);
    let reuse = rotate(store, 1, 103, after(62)).await;
    assert_eq!(reuse, Rotation::Reused { session: new.session.id, user: user.id }, "two generations old");
    assert!(!is_live(store, new.session.id, after(62)).await);
    assert!(is_live(store, other.session.id, after(62)).await, "another family is not touched");
    assert_eq!(rotate(store, 102, 104, after(63)).await, Rotation::Ended, "the newest ends with its family");
    assert_eq!(rotate(store, 103, 105, after(63)).await, Rotation::Unknown, "no successor was kept");

    sibling_of(&rotate(store, 2, 110, after(100)).await);
    let late = rotate(store, 2, 111, after(110)).await;
    assert_eq!(late, Rotation::Reused { session: other.session.id, user: user.id }, "the overlap is over");
}

async fn lets_one_of_many_rotate(store: &dyn IdentityStore) {
    let (user, _) = signed_in(store, 1).await;
    let rotations = join_all((101..=108).map(|successor| rotate(store, 1, successor, after(60)))).await;
    assert_eq!(rotations.iter().filter(|rotation| !sibling_of(rotation)).count(), 1);
    let session = store.live_sessions(user.org, user.id, after(60), 1).await.unwrap().remove(0);
    assert_eq!(session.generation, 2, "they crossed; nobody was thrown out");
}

async fn refuses_what_is_unknown_expired_or_ended(store: &dyn IdentityStore) {
    let (user, new) = signed_in(store, 1).await;
    assert_eq!(rotate(store, 77, 101, born()).await, Rotation::Unknown);
    assert_eq!(rotate(store, 1, 101, new.refresh.expires_at).await, Rotation::Expired);
    let end = EndSessions { org: user.org, user: user.id, only: Some(new.session.id), now: born() };
    assert_eq!(store.end_sessions(&end).await.unwrap(), [new.session.id]);
    assert_eq!(rotate(store, 1, 101, born()).await, Rotation::Ended);
    assert!(store.session_standing(new.session.id).await.unwrap().unwrap().revoked);
    assert_eq!(store.end_sessions(&end).await.unwrap(), [], "it has ended already");
}

async fn ends_one_or_all_sessions(store: &dyn IdentityStore) {
    let (user, first) = signed_in(store, 1).await;
    let (_, foreign) = signed_in(store, 50).await;
    for number in 2..=4 {
        assert!(store.open_session(&sample_session(&user, number), 1).await.unwrap());
    }
    let one = EndSessions { org: user.org, user: user.id, only: Some(first.session.id), now: born() };
    assert_eq!(store.end_sessions(&one).await.unwrap(), [first.session.id]);
    assert_eq!(version(store, &user).await, 1, "one session does not count for all");
    let all = EndSessions { only: None, ..one };
    let mut ended = store.end_sessions(&all).await.unwrap();
    ended.sort();
    assert_eq!(ended, [2, 3, 4].map(|number| sample_session(&user, number).session.id));
    assert_eq!(version(store, &user).await, 2);
    assert_eq!(store.live_sessions(user.org, user.id, born(), 10).await.unwrap(), []);
    assert!(is_live(store, foreign.session.id, born()).await);
}

async fn changes_a_password_once(store: &dyn IdentityStore) {
    let (user, old) = signed_in(store, 1).await;
    let change = |number| PasswordChange {
        org: user.org,
        user: user.id,
        expected_session_version: 1,
        hash: PasswordHash::new(format!("new {number}")),
        session: sample_session(&user, number),
        now: after(5),
    };
    let changed = PasswordChanged::Changed { ended: vec![old.session.id], session_version: 2 };
    assert_eq!(store.change_password(&change(2)).await.unwrap(), changed);
    assert_eq!(store.change_password(&change(3)).await.unwrap(), PasswordChanged::Stale);
    let kept = store.user(user.org, user.id).await.unwrap().unwrap();
    assert_eq!((kept.password_hash, kept.session_version), (PasswordHash::new("new 2"), 2));
    assert_eq!((kept.updated_at, kept.version), (after(5), 1));
    let sessions = store.live_sessions(user.org, user.id, after(5), 10).await.unwrap();
    assert_eq!(sessions.len(), 1);
    assert_eq!(sessions[0].id, sample_session(&user, 2).session.id);
    assert!(!sibling_of(&rotate(store, 2, 102, after(6)).await), "the new session's token works");
    assert_eq!(rotate(store, 1, 103, after(6)).await, Rotation::Ended);
    assert_eq!(rotate(store, 3, 104, after(6)).await, Rotation::Unknown, "the stale change left nothing");
}

async fn updates_the_version_it_was_made_on(store: &dyn IdentityStore) {
    let (mut user, _) = signed_in(store, 1).await;
    user.display_name = "Somebody else".parse().unwrap();
    user.settings.theme = Theme::Light;
    user.risk_settings.reduce_only = true;
    user.updated_at = after(9);
    let mut sneaky = user.clone();
    sneaky.role = Role::Viewer;
    sneaky.email = "other@example.com".parse().unwrap();
    sneaky.password_hash = PasswordHash::new("other");
    sneaky.session_version = 9;
    let tries = join_all([store.update_user(&sneaky), store.update_user(&sneaky)]).await;
    assert_eq!(tries.iter().filter(|updated| **updated == Ok(true)).count(), 1, "one of two at the same version");
    let kept = store.user(user.org, user.id).await.unwrap().unwrap();
    assert_eq!(kept, User { version: 2, ..user }, "profile and settings only");
}

async fn changes_access(store: &dyn IdentityStore) {
    let (user, new) = signed_in(store, 1).await;
    let change = AccessChange { org: user.org, user: user.id, role: Role::Viewer, disabled: true, now: after(3) };
    assert_eq!(store.change_access(&change).await.unwrap().unwrap(), [new.session.id]);
    let kept = store.user(user.org, user.id).await.unwrap().unwrap();
    assert_eq!((kept.role, kept.disabled, kept.session_version, kept.version), (Role::Viewer, true, 2, 2));
    let standing = store.session_standing(new.session.id).await.unwrap().unwrap();
    assert_eq!((standing.role, standing.disabled, standing.revoked), (Role::Viewer, true, true));
    assert_eq!(rotate(store, 1, 101, after(4)).await, Rotation::Ended);
    let password = PasswordChange {
        org: user.org,
        user: user.id,
        expected_session_version: 2,
        hash: PasswordHash::new("new"),
        session: sample_session(&user, 2),
        now: after(5),
    };
    assert_eq!(store.change_password(&password).await.unwrap(), PasswordChanged::Stale, "disabled");
}

async fn prunes_what_ended(store: &dyn IdentityStore) {
    let (user, ended) = signed_in(store, 1).await;
    let live = sample_session(&user, 2);
    assert!(store.open_session(&live, 1).await.unwrap());
    let end = EndSessions { org: user.org, user: user.id, only: Some(ended.session.id), now: after(1) };
    store.end_sessions(&end).await.unwrap();
    assert_eq!(store.prune(after(1)).await.unwrap(), 0, "not before its time");
    assert!(store.prune(after(2)).await.unwrap() >= 1);
    assert_eq!(store.session_standing(ended.session.id).await.unwrap(), None);
    assert_eq!(rotate(store, 1, 101, after(2)).await, Rotation::Unknown);
    assert!(is_live(store, live.session.id, after(2)).await);
    sibling_of(&rotate(store, 2, 102, after(2)).await);
    let expired = live.refresh.expires_at.plus(Duration::from_secs(1));
    assert!(store.prune(expired).await.unwrap() >= 1);
    assert_eq!(rotate(store, 2, 103, expired).await, Rotation::Unknown, "the spent token is gone");
    let mut left = 1;
    while left > 0 {
        left = store.prune(live.session.expires_at.plus(Duration::from_secs(1))).await.unwrap();
    }
    assert_eq!(store.session_standing(live.session.id).await.unwrap(), None);
    assert!(store.user(user.org, user.id).await.unwrap().is_some());
}

async fn prunes_many_tokens_in_parts(store: &dyn IdentityStore) {
    let (user, new) = signed_in(store, 1).await;
    let mut presented = new.refresh.digest;
    for number in 0..1_100_u64 {
        let mut bytes = [0; 32];
        bytes[..8].copy_from_slice(&number.to_be_bytes());
        let successor = Digest::new(bytes);
        let rotate = RotateRefresh { presented, successor, now: after(number), overlap: OVERLAP, lifetime: WEEK };
        sibling_of(&store.rotate_refresh(&rotate).await.unwrap());
        presented = successor;
    }
    let end = EndSessions { org: user.org, user: user.id, only: None, now: after(2_000) };
    assert_eq!(store.end_sessions(&end).await.unwrap(), [new.session.id]);
    assert_eq!(store.prune(after(3_000)).await.unwrap(), 1_000);
    assert!(store.session_standing(new.session.id).await.unwrap().is_some(), "it goes with its last token");
    assert_eq!(store.prune(after(3_000)).await.unwrap(), 102);
    assert_eq!(store.session_standing(new.session.id).await.unwrap(), None);
    assert_eq!(store.prune(after(3_000)).await.unwrap(), 0);
}
