//! What every [`BrokerStore`] must do.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a contract fails by panicking, as a test does")]

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use uuid::Uuid;
use velox_brokers::{
    BrokerSettings, BrokerStore, Connection, ConnectionStatus, Creation, Environment, IdempotencyRecord, NewConnection,
    PaperSettings, Sealed, SealedCredential, StoreError,
};
use velox_kernel::{AccountId, ConnectionId, Cursor, Digest, OrgId, PageRequest, Timestamp, UserId};

/// A connection of the organisation `org`, told apart by `number`, still opening.
#[must_use]
pub fn sample_connection(org: u8, number: u8) -> Connection {
    let now = Timestamp::from_seconds(1_767_614_400);
    let settings = PaperSettings { allow_short: true, ..PaperSettings::usual("USD".parse().unwrap()) };
    Connection {
        id: ConnectionId::new(Uuid::from_u128(0x0d00 + u128::from(number))),
        org: OrgId::new(Uuid::from_u128(0x0a00 + u128::from(org))),
        name: format!("Connection {number}").parse().unwrap(),
        kind: "paper".parse().unwrap(),
        environment: Environment::Paper,
        settings: BrokerSettings::Paper(settings),
        status: ConnectionStatus::Opening,
        account: AccountId::new(Uuid::from_u128(0x0e00 + u128::from(number))),
        created_by: UserId::new(Uuid::from_u128(0x0b00 + u128::from(org))),
        created_at: now,
        updated_at: now,
        version: 1,
    }
}

/// Runs the whole contract; `make` gives an empty store each time, which knows the organisations and users 1 and 2 of
/// [`sample_user`](crate::identity::sample_user).
///
/// # Panics
/// When the store breaks the contract.
pub async fn broker_store_contract(make: impl AsyncFn() -> Arc<dyn BrokerStore>) {
    keeps_what_it_was_given(&*make().await).await;
    pages_in_the_order_of_ids(&*make().await).await;
    holds_connections_to_their_tenant(&*make().await).await;
    answers_a_repeated_request_once(&*make().await).await;
    keeps_one_of_many_under_a_key(&*make().await).await;
    prunes_expired_keys(&*make().await).await;
    prunes_many_keys_in_parts(&*make().await).await;
    updates_the_version_it_was_made_on(&*make().await).await;
    deletes_for_good(&*make().await).await;
}

fn sealed(field: &str, byte: u8) -> SealedCredential {
    SealedCredential { field: field.into(), sealed: Sealed { key_id: "k1".into(), bytes: vec![byte, 0, 255] } }
}

async fn keep(store: &dyn BrokerStore, connection: Connection) -> Connection {
    let new = NewConnection { connection, credentials: Vec::new(), idempotency: None };
    assert_eq!(store.create(&new).await.unwrap(), Creation::Created);
    new.connection
}

async fn keeps_what_it_was_given(store: &dyn BrokerStore) {
    let connection = sample_connection(1, 1);
    let credentials = vec![sealed("api_secret", 2), sealed("api_key", 1)];
    let new = NewConnection { connection: connection.clone(), credentials, idempotency: None };
    assert_eq!(store.create(&new).await.unwrap(), Creation::Created);
    assert_eq!(store.get(connection.org, connection.id).await.unwrap().unwrap(), connection);
    let kept = store.credentials(connection.org, connection.id).await.unwrap();
    assert_eq!(kept, [sealed("api_key", 1), sealed("api_secret", 2)], "by field");
    assert_eq!(store.openings(None, 10).await.unwrap(), [connection]);
}

/// The id of the sample connection `number`, of whichever organisation.
fn id_of(number: u8) -> ConnectionId {
    sample_connection(1, number).id
}

async fn pages_in_the_order_of_ids(store: &dyn BrokerStore) {
    for number in [3, 1, 5, 2, 4] {
        keep(store, sample_connection(1, number)).await;
    }
    keep(store, sample_connection(2, 9)).await;
    let org = sample_connection(1, 1).org;
    let mut seen = Vec::new();
    let mut after = None;
    loop {
        let page = store.list(org, &PageRequest::new(2, after).unwrap()).await.unwrap();
        assert!(page.items.len() <= 2);
        seen.extend(page.items.into_iter().map(|connection| connection.id));
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(seen, [1, 2, 3, 4, 5].map(|number| sample_connection(1, number).id));
    let strange = PageRequest::new(2, Some(Cursor::new("nothing of ours"))).unwrap();
    assert_eq!(store.list(org, &strange).await, Err(StoreError::InvalidCursor));
    let openings = store.openings(None, 3).await.unwrap();
    assert_eq!(openings.len(), 3);
    assert_eq!(openings[0].id, sample_connection(1, 1).id, "the oldest first");
    let rest = store.openings(Some(openings[2].id), 10).await.unwrap();
    assert_eq!(
        rest.iter().map(|connection| connection.id).collect::<Vec<_>>(),
        [4, 5, 9].map(id_of),
        "of every tenant"
    );
}

async fn holds_connections_to_their_tenant(store: &dyn BrokerStore) {
    let new = NewConnection {
        connection: sample_connection(1, 1),
        credentials: vec![sealed("api_key", 1)],
        idempotency: None,
    };
    store.create(&new).await.unwrap();
    let mine = new.connection;
    let foreign = sample_connection(2, 1).org;
    assert_eq!(store.get(foreign, mine.id).await.unwrap(), None);
    assert_eq!(store.credentials(foreign, mine.id).await.unwrap(), []);
    assert_eq!(store.list(foreign, &PageRequest::first()).await.unwrap().items, []);
    assert!(!store.delete(foreign, mine.id).await.unwrap());
    let stolen = Connection { org: foreign, name: "Mine now".parse().unwrap(), ..mine.clone() };
    assert!(!store.update(&stolen, Some(&[])).await.unwrap());
    assert_eq!(store.get(mine.org, mine.id).await.unwrap().unwrap(), mine);
    assert_eq!(store.credentials(mine.org, mine.id).await.unwrap(), [sealed("api_key", 1)]);
}

fn keyed(number: u8, key: &str, fingerprint: u8, now: Timestamp) -> NewConnection {
    let connection = sample_connection(1, number);
    let record = IdempotencyRecord {
        user: connection.created_by,
        route: "POST /v1/brokers".into(),
        key: key.into(),
        fingerprint: Digest::new([fingerprint; 32]),
        reply: format!("{{\"number\":{number}}}"),
        created_at: now,
        expires_at: now.plus(Duration::from_secs(86_400)),
    };
    NewConnection { connection, credentials: Vec::new(), idempotency: Some(record) }
}

async fn answers_a_repeated_request_once(store: &dyn BrokerStore) {
    let now = sample_connection(1, 1).created_at;
    let first = keyed(1, "key", 7, now);
    assert_eq!(store.create(&first).await.unwrap(), Creation::Created);
    let replayed = Creation::Replayed { reply: "{\"number\":1}".into() };
    assert_eq!(store.create(&keyed(2, "key", 7, now)).await.unwrap(), replayed);
    assert_eq!(store.create(&keyed(3, "key", 8, now)).await.unwrap(), Creation::KeyReused);
    assert_eq!(store.create(&keyed(4, "other key", 8, now)).await.unwrap(), Creation::Created);
    let mut of_another = keyed(5, "key", 8, now);
    of_another.connection = sample_connection(2, 5);
    if let Some(record) = &mut of_another.idempotency {
        record.user = of_another.connection.created_by;
    }
    assert_eq!(store.create(&of_another).await.unwrap(), Creation::Created, "another actor's key");
    let tomorrow = now.plus(Duration::from_secs(86_400));
    assert_eq!(store.create(&keyed(6, "key", 9, tomorrow)).await.unwrap(), Creation::Created, "it has expired");
    assert_eq!(store.create(&keyed(7, "key", 7, tomorrow)).await.unwrap(), Creation::KeyReused);
    let page = store.list(first.connection.org, &PageRequest::first()).await.unwrap();
    let kept: Vec<_> = page.items.iter().map(|connection| connection.id).collect();
    assert_eq!(kept, [1, 4, 6].map(|number| sample_connection(1, number).id), "nothing of the refused is kept");
}

async fn keeps_one_of_many_under_a_key(store: &dyn BrokerStore) {
    let now = sample_connection(1, 1).created_at;
    let news: Vec<_> = (1..=8).map(|number| keyed(number, "key", 7, now)).collect();
    let creations = join_all(news.iter().map(|new| store.create(new))).await;
    let mut created = 0;
    for creation in creations {
        match creation.unwrap() {
            Creation::Created => created += 1,
            Creation::Replayed { .. } => {}
            Creation::KeyReused => panic!("all of them are the same request"),
        }
    }
    assert_eq!(created, 1);
    let page = store.list(sample_connection(1, 1).org, &PageRequest::first()).await.unwrap();
    assert_eq!(page.items.len(), 1);
}

async fn prunes_expired_keys(store: &dyn BrokerStore) {
    let now = sample_connection(1, 1).created_at;
    let (hour, day) = (Duration::from_secs(3_600), Duration::from_secs(86_400));
    store.create(&keyed(1, "old", 7, now)).await.unwrap();
    store.create(&keyed(2, "young", 7, now.plus(hour))).await.unwrap();
    let just_before = Timestamp::from_micros(now.plus(day).micros() - 1);
    assert_eq!(store.prune_keys(just_before).await.unwrap(), 0, "not before its time");
    let replayed = Creation::Replayed { reply: "{\"number\":1}".into() };
    assert_eq!(store.create(&keyed(3, "old", 7, now)).await.unwrap(), replayed);
    assert_eq!(store.prune_keys(now.plus(day)).await.unwrap(), 1);
    assert_eq!(store.prune_keys(now.plus(day)).await.unwrap(), 0);
    assert_eq!(store.create(&keyed(4, "old", 8, now)).await.unwrap(), Creation::Created, "the key is free again");
    assert_eq!(store.create(&keyed(5, "young", 8, now.plus(hour))).await.unwrap(), Creation::KeyReused);
}

async fn prunes_many_keys_in_parts(store: &dyn BrokerStore) {
    let now = sample_connection(1, 1).created_at;
    let mut news = Vec::new();
    for number in 0..1_100_u32 {
        let made = now.plus(Duration::from_micros(u64::from(number)));
        let mut new = keyed(1, &format!("key {number}"), 7, made);
        new.connection.id = ConnectionId::new(Uuid::from_u128(0x0d_0000 + u128::from(number)));
        news.push(new);
    }
    for part in news.chunks(50) {
        let created = join_all(part.iter().map(|new| store.create(new))).await;
        assert!(created.iter().all(|creation| *creation == Ok(Creation::Created)), "{created:?}");
    }
    let later = now.plus(Duration::from_secs(2 * 86_400));
    assert_eq!(store.prune_keys(later).await.unwrap(), 1_000);
    assert_eq!(store.prune_keys(later).await.unwrap(), 100);
    assert_eq!(store.prune_keys(later).await.unwrap(), 0);
}

async fn updates_the_version_it_was_made_on(store: &dyn BrokerStore) {
    let mut connection = keep(store, sample_connection(1, 1)).await;
    connection.status = ConnectionStatus::Active;
    connection.name = "Renamed".parse().unwrap();
    let BrokerSettings::Paper(settings) = &mut connection.settings;
    settings.taker_fee_bps = "2.5".parse().unwrap();
    connection.updated_at = connection.updated_at.plus(Duration::from_secs(5));
    let credentials = [sealed("api_key", 3)];
    let tries =
        join_all([store.update(&connection, Some(&credentials)), store.update(&connection, Some(&credentials))]).await;
    assert_eq!(tries.iter().filter(|updated| **updated == Ok(true)).count(), 1, "one of two at the same version");
    connection.version = 2;
    assert_eq!(store.get(connection.org, connection.id).await.unwrap().unwrap(), connection);
    assert_eq!(store.credentials(connection.org, connection.id).await.unwrap(), credentials);
    assert_eq!(store.openings(None, 10).await.unwrap(), [], "it is active");
    assert!(store.update(&connection, None).await.unwrap());
    assert_eq!(store.credentials(connection.org, connection.id).await.unwrap(), credentials, "left as they were");
}

async fn deletes_for_good(store: &dyn BrokerStore) {
    let new = NewConnection {
        connection: sample_connection(1, 1),
        credentials: vec![sealed("api_key", 1)],
        idempotency: None,
    };
    store.create(&new).await.unwrap();
    let connection = new.connection;
    assert!(store.delete(connection.org, connection.id).await.unwrap());
    assert!(!store.delete(connection.org, connection.id).await.unwrap());
    assert_eq!(store.get(connection.org, connection.id).await.unwrap(), None);
    assert_eq!(store.credentials(connection.org, connection.id).await.unwrap(), []);
    assert_eq!(store.openings(None, 10).await.unwrap(), []);
    assert!(!store.update(&connection, None).await.unwrap());
}
