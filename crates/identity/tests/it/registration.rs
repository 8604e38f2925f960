//! `register` and `create_first_owner`.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use velox_identity::{
    HasherError, Identity, IdentityConfig, IdentityFailure, RegisterError, WeakPassword, create_first_owner, register,
};
use velox_kernel::Role;
use velox_testkit::identity::MemoryIdentityStore;

use crate::house::{House, PASSWORD, registration};

async fn make_owner(identity: &Identity) -> Option<velox_identity::FirstOwner> {
    create_first_owner(identity, "owner@velox.local".parse().unwrap(), "Owner".parse().unwrap()).await.unwrap()
}

#[tokio::test]
async fn registration_is_closed_unless_opened() {
    assert!(!IdentityConfig::default().registration_open);
    let house = House::with(Arc::new(MemoryIdentityStore::default()), IdentityConfig::default());
    let refused = register(&house.identity, registration("ada@example.com", PASSWORD)).await;
    assert_eq!(refused.unwrap_err(), RegisterError::Closed);
}

#[tokio::test]
async fn a_newcomer_is_admin_of_their_own_organisation_and_signed_in() {
    let house = House::open();
    let (ada, bob) = (house.newcomer("Ada@Example.com").await, house.newcomer("bob@example.com").await);
    assert_eq!(ada.user.email.as_str(), "ada@example.com");
    assert_eq!(ada.user.role, Role::Admin);
    assert_ne!(ada.user.org, bob.user.org);
    let actor = house.actor(&ada).await;
    assert_eq!((actor.user, actor.org, actor.session), (ada.user.id, ada.user.org, ada.session));
    assert!(house.log_in("ADA@example.com", PASSWORD).await.is_ok());
}

#[tokio::test]
async fn one_address_is_one_user_and_weak_passwords_are_refused() {
    let house = House::open();
    house.newcomer("ada@example.com").await;
    let again = register(&house.identity, registration("ADA@example.com", PASSWORD)).await;
    assert_eq!(again.unwrap_err(), RegisterError::EmailTaken);
    let weak = register(&house.identity, registration("bob@example.com", "short")).await;
    assert_eq!(weak.unwrap_err(), RegisterError::WeakPassword(WeakPassword::TooShort));
    house.hasher.overloaded.store(true, Ordering::SeqCst);
    let busy = register(&house.identity, registration("bob@example.com", PASSWORD)).await;
    let overloaded = RegisterError::Failure(IdentityFailure::Hasher(HasherError::Overloaded));
    assert_eq!(busy.unwrap_err(), overloaded);
}

#[tokio::test]
async fn the_first_owner_is_made_once_and_only_while_there_is_nobody() {
    let house = House::with(Arc::new(MemoryIdentityStore::default()), IdentityConfig::default());
    let owner = make_owner(&house.identity).await.unwrap();
    assert_eq!(owner.user.role, Role::Admin);
    assert!(!format!("{owner:?}").contains(owner.password.reveal()), "it prints nothing");
    assert!(house.log_in("owner@velox.local", owner.password.reveal()).await.is_ok());
    assert!(make_owner(&house.identity).await.is_none());

    let taken = House::open();
    taken.newcomer("ada@example.com").await;
    assert!(make_owner(&taken.identity).await.is_none());
}
