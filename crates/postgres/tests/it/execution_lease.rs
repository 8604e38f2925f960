//! The right to execute orders.

use velox_sql::Failure;

use crate::database::Database;

#[tokio::test]
async fn one_store_has_it_at_a_time() {
    let database = Database::migrated().await;
    let (one, two) = (database.store().await, database.store().await);
    let (mut first, mut second) = (one.execution_lease(), two.execution_lease());
    assert_eq!(first.try_acquire().await, Ok(true));
    assert_eq!(second.try_acquire().await, Ok(false));
    assert_eq!(first.confirm().await, Ok(()));
    assert!(second.confirm().await.is_err(), "it is not the second one's");
    drop(first);
    // The server frees the lock when it sees that the connection is closed.
    while second.try_acquire().await != Ok(true) {}
    assert_eq!(second.confirm().await, Ok(()));
    database.drop().await;
}

#[tokio::test]
async fn who_is_cut_off_hears_of_it_and_has_it_no_more() {
    let database = Database::migrated().await;
    let store = database.store().await;
    let mut lease = store.execution_lease();
    assert_eq!(lease.try_acquire().await, Ok(true));
    let cut = "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND granted \
               AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";
    database.client().await.batch_execute(cut).await.unwrap();
    lease.ended().await;
    assert!(matches!(lease.confirm().await, Err(Failure::Unavailable(_))));
    // It may be taken again, once the server has freed it: a session says that it ends before it has.
    while lease.try_acquire().await != Ok(true) {}
    database.drop().await;
}
