//! `create_connection` and `finish_openings`.

use std::sync::atomic::Ordering;
use std::time::Duration;

use velox_brokers::{
    BrokerSettings, ConnectionStatus, CreateConnection, CreateConnectionError, Environment, FinishOpeningError,
    IdempotencyKey, OpeningsLook, PaperSettings, StoreError, UpdateConnection, create_connection, finish_openings,
    get_connection, list_connections, prune_idempotency_keys, update_connection,
};
use velox_kernel::{Decimal, Digest, PageRequest};

use crate::desk::{Desk, ada, paper};

fn keyed(name: &str, fingerprint: u8) -> CreateConnection {
    let fingerprint = Digest::new([fingerprint; 32]);
    let key = IdempotencyKey { route: "POST /v1/brokers", key: "key".into(), fingerprint };
    CreateConnection { idempotency: Some(key), ..paper(name) }
}

#[tokio::test]
async fn a_connection_is_active_once_its_account_is_open() {
    let desk = Desk::new();
    let made = desk.paper("Mine").await;
    assert_eq!(made.status, ConnectionStatus::Active);
    assert_eq!((made.org, made.created_by), (ada().org, ada().user));
    assert_eq!(*desk.accounts.opened.lock(), [made.account]);
    assert_eq!(get_connection(&desk.brokers, &ada(), made.id).await.unwrap().unwrap(), made);
    let BrokerSettings::Paper(settings) = made.settings;
    assert_eq!(settings, PaperSettings::usual("USD".parse().unwrap()));
}

#[tokio::test]
async fn what_the_catalog_does_not_hold_is_refused() {
    let desk = Desk::new();
    let kind = "alpaca".parse().unwrap();
    let unknown = create_connection(&desk.brokers, &ada(), CreateConnection { kind, ..paper("x") }).await;
    assert_eq!(unknown.unwrap_err(), CreateConnectionError::UnsupportedBroker(kind));
    let live = CreateConnection { environment: Environment::Live, ..paper("x") };
    let live = create_connection(&desk.brokers, &ada(), live).await;
    assert_eq!(live.unwrap_err(), CreateConnectionError::UnsupportedEnvironment(Environment::Live));
    let settings = PaperSettings { leverage: Decimal::from_int(101), ..PaperSettings::usual("USD".parse().unwrap()) };
    let settings = CreateConnection { settings: Some(BrokerSettings::Paper(settings)), ..paper("x") };
    let refused = create_connection(&desk.brokers, &ada(), settings).await;
    assert!(matches!(refused, Err(CreateConnectionError::Settings(wrong)) if wrong.field == "leverage"));
    let page = list_connections(&desk.brokers, &ada(), &PageRequest::first()).await.unwrap();
    assert_eq!(page.items, []);
}

#[tokio::test]
async fn the_same_request_twice_gets_the_same_answer() {
    let desk = Desk::new();
    let first = create_connection(&desk.brokers, &ada(), keyed("Mine", 1)).await.unwrap();
    let again = create_connection(&desk.brokers, &ada(), keyed("Mine", 1)).await.unwrap();
    assert_eq!(again, first);
    let other = create_connection(&desk.brokers, &ada(), keyed("Other", 2)).await;
    assert_eq!(other.unwrap_err(), CreateConnectionError::KeyReused);
    assert_eq!(desk.accounts.opened.lock().len(), 1);
    desk.clock.advance(Duration::from_secs(86_400));
    let tomorrow = create_connection(&desk.brokers, &ada(), keyed("Mine", 1)).await.unwrap();
    assert_ne!(tomorrow.id, first.id, "a key stands for a day");
}

#[tokio::test]
async fn an_interrupted_making_is_finished_by_the_same_request() {
    let desk = Desk::new();
    desk.accounts.unreachable.store(true, Ordering::SeqCst);
    let refused = create_connection(&desk.brokers, &ada(), keyed("Mine", 1)).await;
    assert!(matches!(refused, Err(CreateConnectionError::Unfinished(FinishOpeningError::Accounts(_)))));
    desk.accounts.unreachable.store(false, Ordering::SeqCst);
    let made = create_connection(&desk.brokers, &ada(), keyed("Mine", 1)).await.unwrap();
    assert_eq!(get_connection(&desk.brokers, &ada(), made.id).await.unwrap().unwrap(), made);
    assert_eq!(*desk.accounts.opened.lock(), [made.account]);
}

#[tokio::test]
async fn an_interrupted_making_is_finished_at_the_next_start() {
    let desk = Desk::new();
    desk.accounts.unreachable.store(true, Ordering::SeqCst);
    for name in ["One", "Two"] {
        create_connection(&desk.brokers, &ada(), paper(name)).await.unwrap_err();
    }
    let look = finish_openings(&desk.brokers, None).await.unwrap();
    assert_eq!((look.finished, look.left.len(), look.next), (0, 2, None), "each was tried");
    desk.accounts.unreachable.store(false, Ordering::SeqCst);
    assert_eq!(finish_openings(&desk.brokers, None).await.unwrap().finished, 2);
    assert_eq!(finish_openings(&desk.brokers, None).await.unwrap(), OpeningsLook::default());
    let page = list_connections(&desk.brokers, &ada(), &PageRequest::first()).await.unwrap();
    assert!(page.items.iter().all(|connection| connection.status == ConnectionStatus::Active));
    assert_eq!(desk.accounts.opened.lock().len(), 2);
}

#[tokio::test]
async fn one_that_cannot_be_finished_does_not_keep_the_others_waiting() {
    let desk = Desk::new();
    desk.accounts.unreachable.store(true, Ordering::SeqCst);
    for name in ["One", "Two", "Three"] {
        create_connection(&desk.brokers, &ada(), paper(name)).await.unwrap_err();
    }
    desk.accounts.unreachable.store(false, Ordering::SeqCst);
    let openings = desk.brokers.store.openings(None, 3).await.unwrap();
    *desk.accounts.lost.lock() = Some(openings[0].account);
    let look = finish_openings(&desk.brokers, None).await.unwrap();
    assert_eq!((look.finished, look.left.len()), (2, 1));
    assert_eq!(look.left[0].0, openings[0].id);
}

#[tokio::test]
async fn a_change_between_the_two_commits_is_kept_and_the_making_finished() {
    let desk = Desk::new();
    let brokers = desk.brokers.clone();
    let settings = PaperSettings { latency_ms: 77, ..PaperSettings::usual("USD".parse().unwrap()) };
    let settings = BrokerSettings::Paper(settings);
    let wanted = settings.clone();
    desk.accounts.meanwhile.set(async move {
        let opening = brokers.store.openings(None, 1).await.unwrap().remove(0);
        let change = UpdateConnection { settings: Some(settings), ..UpdateConnection::default() };
        let changed = update_connection(&brokers, &ada(), opening.id, change).await.unwrap();
        assert_eq!((changed.status, changed.version), (ConnectionStatus::Opening, 2), "it writes what it read");
    });
    let made = desk.paper("Mine").await;
    let kept = get_connection(&desk.brokers, &ada(), made.id).await.unwrap().unwrap();
    assert_eq!((kept.status, kept.version), (ConnectionStatus::Active, 3));
    assert_eq!(kept.settings, wanted);
    assert_eq!(desk.accounts.settings.lock()[&made.account], wanted, "the account has them as well");
}

#[tokio::test]
async fn only_the_first_commits_failure_says_that_nothing_was_done() {
    let desk = Desk::new();
    desk.store.set_away_after(Some(0));
    let refused = create_connection(&desk.brokers, &ada(), keyed("Mine", 1)).await;
    assert!(matches!(refused, Err(CreateConnectionError::Store(StoreError::Unavailable(_)))));
    desk.store.set_away_after(Some(1));
    let cut = create_connection(&desk.brokers, &ada(), keyed("Mine", 1)).await;
    assert!(matches!(cut, Err(CreateConnectionError::Unfinished(FinishOpeningError::Store(_)))), "{cut:?}");
    // The key is known now: even a repeated request that fails is about something that was done.
    desk.store.set_away_after(Some(1));
    let again = create_connection(&desk.brokers, &ada(), keyed("Mine", 1)).await;
    assert!(matches!(again, Err(CreateConnectionError::Unfinished(FinishOpeningError::Store(_)))), "{again:?}");
    desk.store.set_away_after(None);
    let made = create_connection(&desk.brokers, &ada(), keyed("Mine", 1)).await.unwrap();
    assert_eq!(get_connection(&desk.brokers, &ada(), made.id).await.unwrap().unwrap(), made);
}

#[tokio::test]
async fn keys_are_pruned_once_their_day_is_over() {
    let desk = Desk::new();
    create_connection(&desk.brokers, &ada(), keyed("Mine", 1)).await.unwrap();
    assert_eq!(prune_idempotency_keys(&desk.brokers).await.unwrap(), 0);
    desk.clock.advance(Duration::from_secs(86_400));
    assert_eq!(prune_idempotency_keys(&desk.brokers).await.unwrap(), 1);
    assert_eq!(prune_idempotency_keys(&desk.brokers).await.unwrap(), 0);
}
