//! `refresh_session`.

use std::time::Duration;

use futures_util::future::join_all;
use velox_identity::{
    AuthenticateError, RefreshSessionError, RefreshToken, authenticate, change_access, log_out, refresh_session,
};
use velox_kernel::{Actor, Role};

use crate::house::House;

#[tokio::test]
async fn a_token_buys_the_next_pair_for_the_same_session() {
    let house = House::open();
    let ada = house.newcomer("ada@example.com").await;
    house.clock.advance(Duration::from_secs(301));
    let token = ada.tokens.access.reveal();
    assert_eq!(authenticate(&house.identity, token).await, Err(AuthenticateError::Expired));
    let tokens = refresh_session(&house.identity, &ada.tokens.refresh).await.unwrap();
    let actor = authenticate(&house.identity, tokens.access.reveal()).await.unwrap();
    assert_eq!((actor.user, actor.session), (ada.user.id, ada.session));
    assert!(tokens.access_expires_at > ada.tokens.access_expires_at);
}

#[tokio::test]
async fn reuse_ends_the_whole_family() {
    let house = House::open();
    let ada = house.newcomer("ada@example.com").await;
    let elsewhere = house.log_in("ada@example.com", crate::house::PASSWORD).await.unwrap();
    let second = refresh_session(&house.identity, &ada.tokens.refresh).await.unwrap();
    let third = refresh_session(&house.identity, &second.refresh).await.unwrap();
    assert!(authenticate(&house.identity, third.access.reveal()).await.is_ok());

    let stolen = refresh_session(&house.identity, &ada.tokens.refresh).await;
    assert_eq!(stolen.unwrap_err(), RefreshSessionError::Reused);
    assert_eq!(house.ended.take(), [ada.session]);
    let access = authenticate(&house.identity, third.access.reveal()).await;
    assert_eq!(access, Err(AuthenticateError::SessionEnded), "although it was remembered a moment ago");
    let newest = refresh_session(&house.identity, &third.refresh).await;
    assert_eq!(newest.unwrap_err(), RefreshSessionError::Invalid);
    assert!(refresh_session(&house.identity, &elsewhere.tokens.refresh).await.is_ok(), "another family lives on");
}

#[tokio::test]
async fn requests_that_cross_both_get_a_pair_that_works() {
    let house = House::open();
    let ada = house.newcomer("ada@example.com").await;
    let crossed = join_all((0..4).map(|_| refresh_session(&house.identity, &ada.tokens.refresh))).await;
    for tokens in crossed {
        assert!(authenticate(&house.identity, tokens.unwrap().access.reveal()).await.is_ok());
    }
    house.clock.advance(Duration::from_secs(10));
    let late = refresh_session(&house.identity, &ada.tokens.refresh).await;
    assert_eq!(late.unwrap_err(), RefreshSessionError::Reused, "ten seconds later it is a copy");
}

#[tokio::test]
async fn unknown_expired_and_ended_are_refused_alike() {
    let house = House::open();
    let ada = house.newcomer("ada@example.com").await;
    for text in ["", "refresh-999", &"x".repeat(100_000)] {
        let refused = refresh_session(&house.identity, &RefreshToken::new(text)).await;
        assert_eq!(refused.unwrap_err(), RefreshSessionError::Invalid);
    }
    let bob = house.newcomer("bob@example.com").await;
    log_out(&house.identity, &house.actor(&bob).await).await.unwrap();
    let refused = refresh_session(&house.identity, &bob.tokens.refresh).await;
    assert_eq!(refused.unwrap_err(), RefreshSessionError::Invalid);
    house.clock.advance(Duration::from_secs(7 * 86_400));
    let refused = refresh_session(&house.identity, &ada.tokens.refresh).await;
    assert_eq!(refused.unwrap_err(), RefreshSessionError::Invalid);
}

#[tokio::test]
async fn a_disabled_user_refreshes_nothing_and_no_session_outlives_its_end() {
    let house = House::open();
    let ada = house.newcomer("ada@example.com").await;
    let mut tokens = ada.tokens.clone();
    for _ in 0..5 {
        house.clock.advance(Duration::from_secs(6 * 86_400 - 1));
        if let Ok(next) = refresh_session(&house.identity, &tokens.refresh).await {
            tokens = next;
        }
    }
    assert_eq!(tokens.refresh_expires_at, ada.user.created_at.plus(Duration::from_secs(30 * 86_400)));
    house.clock.advance(Duration::from_secs(5));
    assert!(refresh_session(&house.identity, &tokens.refresh).await.is_err(), "30 days are over");

    let bob = house.newcomer("bob@example.com").await;
    let admin = Actor { user: ada.user.id, ..house.actor(&bob).await };
    change_access(&house.identity, &admin, bob.user.id, Role::Trader, true).await.unwrap();
    let refused = refresh_session(&house.identity, &bob.tokens.refresh).await;
    assert_eq!(refused.unwrap_err(), RefreshSessionError::Invalid);
}
