//! What a replica is asked for.

use std::sync::Arc;

use velox_kernel::{Freshness, Ids, OrgId, PageRequest, StorePosition};
use velox_postgres::{PostgresOptions, PostgresReplica, PostgresStore};
use velox_testkit::trading::FreshIds;
use velox_trading::{StoreError, TradingLists};

use crate::database::Database;

/// A server behind the replica's name that is none answers no list, whatever was found before.
#[tokio::test]
async fn a_list_is_read_from_a_replica_that_has_the_position_alone() {
    let database = Database::migrated().await;
    let replica = PostgresStore::replica(&database.url, &PostgresOptions::default()).unwrap();
    let lists = PostgresReplica::new(Arc::new(replica));
    let org = OrgId::new(FreshIds.next());
    for freshness in [Freshness::Since(StorePosition::new(0)), Freshness::Now] {
        let page = PageRequest::new(5, None).unwrap().as_new_as(freshness);
        let listed = lists.accounts(org, &page).await;
        assert!(matches!(listed, Err(StoreError::Unavailable(_))), "{listed:?}");
    }
    database.drop().await;
}
