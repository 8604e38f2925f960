//! `log_out`, `log_out_everywhere`, `list_sessions`, `revoke_session`, `prune_sessions`.

use std::time::Duration;

use velox_identity::{
    AuthenticateError, authenticate, list_sessions, log_out, log_out_everywhere, prune_sessions, revoke_session,
    still_stands,
};

use crate::house::{House, PASSWORD};

#[tokio::test]
async fn logging_out_ends_this_session_only_and_twice_does_no_harm() {
    let house = House::open();
    let (here, there) =
        (house.newcomer("ada@example.com").await, house.log_in("ada@example.com", PASSWORD).await.unwrap());
    let actor = house.actor(&here).await;
    assert!(still_stands(&house.identity, &actor, Duration::from_secs(1)).await.unwrap());
    log_out(&house.identity, &actor).await.unwrap();
    log_out(&house.identity, &actor).await.unwrap();
    assert_eq!(house.ended.take(), [here.session], "told once");
    let token = here.tokens.access.reveal();
    assert_eq!(authenticate(&house.identity, token).await, Err(AuthenticateError::SessionEnded));
    assert!(!still_stands(&house.identity, &actor, Duration::from_secs(1)).await.unwrap());
    house.actor(&there).await;
}

#[tokio::test]
async fn logging_out_everywhere_ends_all_of_ones_own() {
    let house = House::open();
    let (here, there) =
        (house.newcomer("ada@example.com").await, house.log_in("ada@example.com", PASSWORD).await.unwrap());
    let bob = house.newcomer("bob@example.com").await;
    let actor = house.actor(&here).await;
    house.actor(&there).await;
    assert_eq!(log_out_everywhere(&house.identity, &actor).await.unwrap().len(), 2);
    for old in [&here, &there] {
        let token = old.tokens.access.reveal();
        assert_eq!(authenticate(&house.identity, token).await, Err(AuthenticateError::SessionEnded));
    }
    house.actor(&bob).await;
    assert!(house.log_in("ada@example.com", PASSWORD).await.is_ok());
}

#[tokio::test]
async fn sessions_are_listed_and_revoked_by_their_user_only() {
    let house = House::open();
    let here = house.newcomer("ada@example.com").await;
    house.clock.advance(Duration::from_secs(1));
    let there = house.log_in("ada@example.com", PASSWORD).await.unwrap();
    let bob = house.newcomer("bob@example.com").await;
    let (ada, other) = (house.actor(&here).await, house.actor(&bob).await);
    let listed = list_sessions(&house.identity, &ada).await.unwrap();
    assert_eq!(listed.iter().map(|session| session.id).collect::<Vec<_>>(), [there.session, here.session]);
    assert_eq!(listed[1].label.as_str(), "a browser");

    assert!(!revoke_session(&house.identity, &other, there.session).await.unwrap(), "not somebody else's");
    house.actor(&there).await;
    assert!(revoke_session(&house.identity, &ada, there.session).await.unwrap());
    assert!(!revoke_session(&house.identity, &ada, there.session).await.unwrap());
    let token = there.tokens.access.reveal();
    assert_eq!(authenticate(&house.identity, token).await, Err(AuthenticateError::SessionEnded));
    assert_eq!(list_sessions(&house.identity, &ada).await.unwrap().len(), 1);
}

#[tokio::test]
async fn what_ended_is_kept_for_a_day() {
    let house = House::open();
    let ada = house.newcomer("ada@example.com").await;
    log_out(&house.identity, &house.actor(&ada).await).await.unwrap();
    house.clock.advance(Duration::from_secs(86_400));
    assert_eq!(prune_sessions(&house.identity).await.unwrap(), 0);
    house.clock.advance(Duration::from_secs(1));
    assert!(prune_sessions(&house.identity).await.unwrap() > 0);
    assert_eq!(prune_sessions(&house.identity).await.unwrap(), 0);
}
