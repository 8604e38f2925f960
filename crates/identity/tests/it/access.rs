//! `change_access`.

use velox_identity::{AuthenticateError, ChangeAccessError, authenticate, change_access, is_host};
use velox_kernel::{Actor, Role};

use crate::house::{House, PASSWORD};

#[tokio::test]
async fn another_role_takes_a_new_sign_in_and_a_disabled_user_has_none() {
    let house = House::open();
    let bob = house.newcomer("bob@example.com").await;
    // An admin of the same organisation; only their organisation and their being somebody else matter here.
    let admin = Actor { user: house.newcomer("ada@example.com").await.user.id, ..house.actor(&bob).await };
    let token = bob.tokens.access.reveal();
    change_access(&house.identity, &admin, bob.user.id, Role::Viewer, false).await.unwrap();
    assert_eq!(authenticate(&house.identity, token).await, Err(AuthenticateError::SessionEnded));
    assert_eq!(house.ended.take(), [bob.session]);
    let again = house.log_in("bob@example.com", PASSWORD).await.unwrap();
    assert_eq!(house.actor(&again).await.role, Role::Viewer);

    change_access(&house.identity, &admin, bob.user.id, Role::Viewer, true).await.unwrap();
    let token = again.tokens.access.reveal();
    assert_eq!(authenticate(&house.identity, token).await, Err(AuthenticateError::SessionEnded));
    assert!(house.log_in("bob@example.com", PASSWORD).await.is_err());
}

#[tokio::test]
async fn nobody_changes_their_own_access_or_another_tenants() {
    let house = House::open();
    let (ada, bob) = (house.newcomer("ada@example.com").await, house.newcomer("bob@example.com").await);
    let actor = house.actor(&ada).await;
    let own = change_access(&house.identity, &actor, ada.user.id, Role::Viewer, false).await;
    assert_eq!(own.unwrap_err(), ChangeAccessError::OwnAccess);
    let foreign = change_access(&house.identity, &actor, bob.user.id, Role::Viewer, true).await;
    assert_eq!(foreign.unwrap_err(), ChangeAccessError::NotFound);
    house.actor(&bob).await;
}

#[tokio::test]
async fn the_host_is_the_organisation_of_the_first_user() {
    let house = House::open();
    let ada = house.newcomer("ada@example.com").await;
    let ada = house.actor(&ada).await;
    assert!(is_host(&house.identity, &ada).await.unwrap());
    let bob = house.newcomer("bob@example.com").await;
    let bob = house.actor(&bob).await;
    assert_eq!(bob.role, Role::Admin, "of an organisation of his own");
    assert!(!is_host(&house.identity, &bob).await.unwrap());
    // A colleague of the first user belongs to it too, whatever they may do there.
    let colleague = Actor { user: bob.user, role: Role::Viewer, ..ada };
    assert!(is_host(&house.identity, &colleague).await.unwrap());
}
