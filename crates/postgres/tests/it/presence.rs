//! Whether members of roles are seen to be there.

use velox_kernel::{Ids, MemberId, ShardStore};
use velox_postgres::PostgresStore;
use velox_testkit::trading::FreshIds;

use crate::database::Database;

const ROLE: &str = "presence";
const CUT: &str = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
                   WHERE datname = current_database() AND application_name = 'velox presence'";

/// Whether a member is seen by whoever beats as another one.
async fn sees(store: &PostgresStore, me: MemberId, other: MemberId) -> bool {
    let look = store.beat(ROLE, me, 1, &[]).await.unwrap();
    look.members.iter().find(|member| member.id == other).unwrap().is_present
}

#[tokio::test]
async fn a_member_is_seen_until_its_session_ends_and_again_when_it_beats() {
    let database = Database::migrated().await;
    let (one, two) = (database.store().await, database.store().await);
    let (first, second) = (MemberId::new(FreshIds.next()), MemberId::new(FreshIds.next()));
    one.beat(ROLE, first, 1, &[]).await.unwrap();
    assert!(sees(&two, second, first).await);
    assert!(sees(&one, first, second).await);

    // Both sessions are cut; whoever beats has another one at once, when it has seen that.
    database.client().await.batch_execute(CUT).await.unwrap();
    while !sees(&two, second, second).await {}
    assert!(!sees(&two, second, first).await, "it has not come back");
    while !sees(&one, first, first).await {}
    assert!(sees(&two, second, first).await);

    // Its process has ended.
    drop(one);
    while sees(&two, second, first).await {}
    drop(two);
    database.drop().await;
}
