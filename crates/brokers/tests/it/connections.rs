//! `get_connection`, `list_connections`, `update_connection`, `delete_connection`.

use std::sync::atomic::Ordering;

use velox_brokers::{
    BrokerSettings, DeleteConnectionError, PaperSettings, TestConnectionError, UpdateConnection, UpdateConnectionError,
    delete_connection, get_connection, list_connections, test_connection, update_connection,
};
use velox_kernel::PageRequest;

use crate::desk::{Desk, ada, bob};

fn shorts_allowed() -> PaperSettings {
    PaperSettings { allow_short: true, ..PaperSettings::usual("USD".parse().unwrap()) }
}

#[tokio::test]
async fn another_tenants_connection_is_none() {
    let desk = Desk::new();
    let made = desk.paper("Mine").await;
    assert_eq!(get_connection(&desk.brokers, &bob(), made.id).await.unwrap(), None);
    assert_eq!(list_connections(&desk.brokers, &bob(), &PageRequest::first()).await.unwrap().items, []);
    let update = update_connection(&desk.brokers, &bob(), made.id, UpdateConnection::default()).await;
    assert_eq!(update.unwrap_err(), UpdateConnectionError::NotFound);
    let delete = delete_connection(&desk.brokers, &bob(), made.id).await;
    assert_eq!(delete.unwrap_err(), DeleteConnectionError::NotFound);
    let test = test_connection(&desk.brokers, &bob(), made.id).await;
    assert_eq!(test.unwrap_err(), TestConnectionError::NotFound);
    assert_eq!(get_connection(&desk.brokers, &ada(), made.id).await.unwrap(), Some(made));
}

#[tokio::test]
async fn lists_are_paged() {
    let desk = Desk::new();
    for name in ["One", "Two", "Three"] {
        desk.paper(name).await;
    }
    let first = list_connections(&desk.brokers, &ada(), &PageRequest::new(2, None).unwrap()).await.unwrap();
    assert_eq!(first.items.iter().map(|item| item.name.as_str()).collect::<Vec<_>>(), ["One", "Two"]);
    let rest = list_connections(&desk.brokers, &ada(), &PageRequest::new(2, first.next).unwrap()).await.unwrap();
    assert_eq!(rest.items.iter().map(|item| item.name.as_str()).collect::<Vec<_>>(), ["Three"]);
    assert_eq!(rest.next, None);
}

#[tokio::test]
async fn changed_settings_reach_the_accounts_and_a_name_does_not_trouble_them() {
    let desk = Desk::new();
    let made = desk.paper("Mine").await;
    let rename = UpdateConnection { name: Some("Ours".parse().unwrap()), ..UpdateConnection::default() };
    let renamed = update_connection(&desk.brokers, &ada(), made.id, rename).await.unwrap();
    assert_eq!((renamed.name.as_str(), renamed.version), ("Ours", made.version + 1));
    assert!(desk.accounts.configured.lock().is_empty());
    let settings = UpdateConnection {
        settings: Some(BrokerSettings::Paper(shorts_allowed())),
        expected_version: Some(renamed.version),
        ..UpdateConnection::default()
    };
    let changed = update_connection(&desk.brokers, &ada(), made.id, settings.clone()).await.unwrap();
    assert_eq!(changed.settings, BrokerSettings::Paper(shorts_allowed()));
    assert_eq!(*desk.accounts.configured.lock(), std::slice::from_ref(&changed));
    assert_eq!(get_connection(&desk.brokers, &ada(), made.id).await.unwrap().unwrap(), changed);
    let stale = update_connection(&desk.brokers, &ada(), made.id, settings).await;
    assert_eq!(stale.unwrap_err(), UpdateConnectionError::Conflict);
}

#[tokio::test]
async fn the_ledgers_currency_stays() {
    let desk = Desk::new();
    let made = desk.paper("Mine").await;
    let euros = PaperSettings { currency: "EUR".parse().unwrap(), ..shorts_allowed() };
    let euros = UpdateConnection { settings: Some(BrokerSettings::Paper(euros)), ..UpdateConnection::default() };
    let refused = update_connection(&desk.brokers, &ada(), made.id, euros).await;
    assert!(matches!(refused, Err(UpdateConnectionError::Settings(wrong)) if wrong.field == "currency"));
    assert_eq!(get_connection(&desk.brokers, &ada(), made.id).await.unwrap(), Some(made));
}

#[tokio::test]
async fn a_change_that_did_not_reach_the_accounts_can_be_sent_again() {
    let desk = Desk::new();
    let made = desk.paper("Mine").await;
    let change =
        UpdateConnection { settings: Some(BrokerSettings::Paper(shorts_allowed())), ..UpdateConnection::default() };
    desk.accounts.unreachable.store(true, Ordering::SeqCst);
    let cut = update_connection(&desk.brokers, &ada(), made.id, change.clone()).await;
    assert!(matches!(cut, Err(UpdateConnectionError::Accounts(_))));
    desk.accounts.unreachable.store(false, Ordering::SeqCst);
    update_connection(&desk.brokers, &ada(), made.id, change).await.unwrap();
    assert_eq!(desk.accounts.configured.lock().len(), 1);
}

#[tokio::test]
async fn a_connection_in_use_stays() {
    let desk = Desk::new();
    let made = desk.paper("Mine").await;
    desk.accounts.in_use.store(true, Ordering::SeqCst);
    let refused = delete_connection(&desk.brokers, &ada(), made.id).await;
    assert_eq!(refused.unwrap_err(), DeleteConnectionError::InUse);
    assert!(get_connection(&desk.brokers, &ada(), made.id).await.unwrap().is_some());
    desk.accounts.in_use.store(false, Ordering::SeqCst);
    delete_connection(&desk.brokers, &ada(), made.id).await.unwrap();
    assert_eq!(get_connection(&desk.brokers, &ada(), made.id).await.unwrap(), None);
    let again = delete_connection(&desk.brokers, &ada(), made.id).await;
    assert_eq!(again.unwrap_err(), DeleteConnectionError::NotFound);
}

#[tokio::test]
async fn a_delete_that_closed_the_account_says_so_and_is_finished_by_another() {
    let desk = Desk::new();
    let made = desk.paper("Mine").await;
    desk.store.set_away_after(Some(0));
    let unread = delete_connection(&desk.brokers, &ada(), made.id).await;
    assert!(matches!(unread, Err(DeleteConnectionError::Store(_))), "nothing was done");
    desk.store.set_away_after(Some(1));
    let cut = delete_connection(&desk.brokers, &ada(), made.id).await;
    assert!(matches!(cut, Err(DeleteConnectionError::Unfinished(_))), "{cut:?}");
    desk.store.set_away_after(None);
    delete_connection(&desk.brokers, &ada(), made.id).await.unwrap();
}
