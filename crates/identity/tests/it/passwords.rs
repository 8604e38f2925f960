//! `log_in` and `change_password`.

use std::sync::atomic::Ordering;

use velox_identity::{
    AuthenticateError, ChangePassword, ChangePasswordError, HasherError, IdentityFailure, LogInError, Password,
    RefreshSessionError, SessionLabel, SignedIn, WeakPassword, authenticate, change_access, change_password,
    refresh_session,
};
use velox_kernel::{Actor, Role, SessionId};

use crate::house::{House, PASSWORD};

const NEW: &str = "copper-violin-eleven-moths";

async fn change(house: &House, actor: &Actor, current: &str, new: &str) -> Result<SignedIn, ChangePasswordError> {
    let current = Password::new(current).unwrap();
    let label = SessionLabel::new("a browser");
    change_password(&house.identity, actor, ChangePassword { current, new: new.into(), label }).await
}

#[tokio::test]
async fn wrong_unknown_and_disabled_look_alike_and_cost_one_check_each() {
    let house = House::open();
    let ada = house.newcomer("ada@example.com").await;
    let before = house.hasher.checks.load(Ordering::SeqCst);
    assert_eq!(house.log_in("ada@example.com", "wrong").await.unwrap_err(), LogInError::InvalidCredentials);
    assert_eq!(house.log_in("nobody@example.com", PASSWORD).await.unwrap_err(), LogInError::InvalidCredentials);
    let other = Actor { user: house.newcomer("b@example.com").await.user.id, ..house.actor(&ada).await };
    change_access(&house.identity, &other, ada.user.id, Role::Admin, true).await.unwrap();
    assert_eq!(house.log_in("ada@example.com", PASSWORD).await.unwrap_err(), LogInError::InvalidCredentials);
    assert_eq!(house.hasher.checks.load(Ordering::SeqCst) - before, 3);
}

#[tokio::test]
async fn an_overloaded_pool_is_told() {
    let house = House::open();
    house.newcomer("ada@example.com").await;
    house.hasher.overloaded.store(true, Ordering::SeqCst);
    let overloaded = LogInError::Failure(IdentityFailure::Hasher(HasherError::Overloaded));
    assert_eq!(house.log_in("ada@example.com", PASSWORD).await.unwrap_err(), overloaded);
    assert_eq!(house.log_in("nobody@example.com", PASSWORD).await.unwrap_err(), overloaded, "for nobody as well");
}

#[tokio::test]
async fn a_new_password_throws_everybody_else_out() {
    let house = House::open();
    let here = house.newcomer("ada@example.com").await;
    let there = house.log_in("ada@example.com", PASSWORD).await.unwrap();
    let actor = house.actor(&here).await;
    house.actor(&there).await;
    let renewed = change(&house, &actor, PASSWORD, NEW).await.unwrap();

    for old in [&here, &there] {
        let token = old.tokens.access.reveal();
        assert_eq!(authenticate(&house.identity, token).await, Err(AuthenticateError::SessionEnded));
        let refresh = refresh_session(&house.identity, &old.tokens.refresh).await;
        assert_eq!(refresh.unwrap_err(), RefreshSessionError::Invalid);
    }
    let mut ended: Vec<SessionId> = house.ended.take();
    ended.sort();
    let mut old = [here.session, there.session];
    old.sort();
    assert_eq!(ended, old, "whoever listens hears of both");
    assert_eq!(house.actor(&renewed).await.user, actor.user);
    assert!(refresh_session(&house.identity, &renewed.tokens.refresh).await.is_ok());
    assert!(house.log_in("ada@example.com", PASSWORD).await.is_err());
    assert!(house.log_in("ada@example.com", NEW).await.is_ok());
}

#[tokio::test]
async fn a_password_is_not_changed_without_the_current_one_or_to_a_weak_one() {
    let house = House::open();
    let ada = house.newcomer("ada@example.com").await;
    let actor = house.actor(&ada).await;
    assert_eq!(change(&house, &actor, "wrong", NEW).await.unwrap_err(), ChangePasswordError::WrongPassword);
    let weak = ChangePasswordError::WeakPassword(WeakPassword::OwnName);
    assert_eq!(change(&house, &actor, PASSWORD, "ada@example.com").await.unwrap_err(), weak);
    let stranger = Actor { org: house.newcomer("b@example.com").await.user.org, ..actor };
    assert_eq!(change(&house, &stranger, PASSWORD, NEW).await.unwrap_err(), ChangePasswordError::Conflict);
    assert!(house.log_in("ada@example.com", PASSWORD).await.is_ok());
    assert_eq!(house.ended.take(), []);
}
