//! `velox migrate status` says where the schema stands.

use super::database::Embedded;
use super::velox;

#[tokio::test(flavor = "multi_thread")]
async fn it_tells_applied_from_pending() {
    let empty = Embedded::new();
    velox(empty.0.path(), &["migrate", "status"], &[]).ends(0).says(&[
        "program   0.",
        "pending   0001_trading",
        "there is no database yet",
    ]);

    let (database, _) = Embedded::traded().await;
    let status = || velox(database.0.path(), &["migrate", "status"], &[]);
    let current = status().ends(0).says(&["database  data/velox.db", "applied   0001_trading"]);
    assert!(!current.out.contains("pending"), "{current:?}");

    database.tamper("DELETE FROM __diesel_schema_migrations");
    status().ends(0).says(&["pending   0001_trading", "the next start"]);
    database.tamper("INSERT INTO __diesel_schema_migrations (version) VALUES ('9999_later')");
    status().ends(1).says(&["unknown   9999_later", "newer Velox"]);
    database.damage();
    status().ends(2).says(&["damaged", "Restore a backup"]);
}
