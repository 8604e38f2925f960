//! `velox doctor` names what is wrong and how to mend it.

use std::fs::{self, Permissions};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;

use serde_json::Value;
use velox_crypto::KeyRing;

use super::database::Embedded;
use super::{Said, velox};

fn doctor(database: &Embedded, arguments: &[&str]) -> Said {
    let mut all = vec!["doctor", "--port", "0"];
    all.extend_from_slice(arguments);
    velox(database.0.path(), &all, &[])
}

/// A database with keys, as after a first start.
async fn installed() -> Embedded {
    let (database, _) = Embedded::traded().await;
    let data = database.0.path().join("data");
    fs::set_permissions(&data, Permissions::from_mode(0o700)).unwrap();
    KeyRing::create(&data.join("keys.json")).unwrap();
    database
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_wrong_with_a_new_or_a_whole_installation() {
    let nothing = tempfile::tempdir().unwrap();
    velox(nothing.path(), &["doctor", "--port", "0"], &[]).ends(0).says(&[
        "ok    data dir       data is not there yet",
        "ok    database",
        "ok    keys",
        "ok    server",
    ]);
    assert!(!nothing.path().join("data").exists(), "it changes nothing");

    let database = installed().await;
    let report = doctor(&database, &["--json"]).ends(0).out;
    let report: Value = serde_json::from_str(&report).unwrap();
    assert_eq!(report["ok"], true);
    let of = |name: &str| {
        let checks = report["checks"].as_array().unwrap();
        checks.iter().find(|check| check["check"] == name).unwrap_or(&Value::Null)["verdict"].clone()
    };
    for check in ["configuration", "data dir", "disk space", "clock", "database", "keys", "server"] {
        assert_ne!(of(check), "fail", "{check}: {report}");
        assert_ne!(of(check), Value::Null, "{check}: {report}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_configuration_is_named() {
    let database = Embedded::new();
    doctor(&database, &["--set", "server.prot=1"]).ends(1).says(&["FAIL  configuration", "did you mean `server.port`"]);
    doctor(&database, &["--set", "log.filter=a=b=c"]).ends(1).says(&["log.filter"]);
    doctor(&database, &["--set", "market.feed=replay"]).ends(1).says(&["market.replay_path"]);
    doctor(&database, &["--bind", "0.0.0.0"]).ends(0).says(&["warn  configuration", "unencrypted"]);
    doctor(&database, &["--bind", "192.0.2.1"]).ends(1).says(&["FAIL  server", "no address of this machine"]);
    let secret = "postgres://velox:hunter2hunter2@127.0.0.1:1/velox";
    let said = velox(database.0.path(), &["doctor"], &[("VELOX_DATABASE_URL", secret)]);
    let said = said.ends(1).says(&["FAIL  database", "start PostgreSQL"]);
    assert!(!said.out.contains("hunter2") && !said.error.contains("hunter2"), "{said:?}");
}

/// Velox serves without either, so that it is no failure when they do not answer.
#[tokio::test(flavor = "multi_thread")]
async fn redis_and_kafka_are_asked_where_they_are_configured() {
    let database = installed().await;
    let said = doctor(&database, &[]).ends(0);
    assert!(!said.out.contains("redis") && !said.out.contains("kafka"), "{said:?}");
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = nobody.local_addr().unwrap().port();
    drop(nobody);
    let (redis, brokers) =
        (format!("redis.url=redis://:hunter2@127.0.0.1:{port}"), format!("kafka.brokers=127.0.0.1:{port}"));
    let registry = format!("kafka.registry_url=http://me:hunter2@127.0.0.1:{port}");
    let said = doctor(&database, &["--set", &redis, "--set", &brokers, "--set", &registry]).ends(0).says(&[
        "warn  redis",
        "start Redis",
        "warn  kafka",
        "start Kafka",
        "warn  registry",
        "start the registry",
    ]);
    assert!(!said.out.contains("hunter2") && !said.error.contains("hunter2"), "{said:?}");
    doctor(&database, &["--set", &brokers]).ends(1).says(&["FAIL  registry", "kafka.json_topics = all"]);
    let json = ["--set", &brokers, "--set", "kafka.json_topics=all"];
    doctor(&database, &json).ends(0).says(&["ok    registry       none is needed"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_are_there_whole_and_closed_to_others() {
    let database = installed().await;
    let keys = database.0.path().join("data/keys.json");
    fs::set_permissions(&keys, Permissions::from_mode(0o644)).unwrap();
    doctor(&database, &[]).ends(1).says(&["FAIL  keys", "To mend it: chmod 600 data/keys.json"]);
    fs::set_permissions(&keys, Permissions::from_mode(0o600)).unwrap();
    doctor(&database, &[]).ends(0);

    let text = fs::read_to_string(&keys).unwrap();
    let mut weak: Value = serde_json::from_str(&text).unwrap();
    weak["digests"] = "00".repeat(32).into();
    fs::write(&keys, weak.to_string()).unwrap();
    doctor(&database, &[]).ends(1).says(&["FAIL  keys", "digests"]);
    fs::remove_file(&keys).unwrap();
    doctor(&database, &[]).ends(1).says(&["FAIL  keys", "restore the file from a backup"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_data_directory_is_looked_at() {
    let database = installed().await;
    let data = database.0.path().join("data");
    fs::set_permissions(&data, Permissions::from_mode(0o755)).unwrap();
    fs::write(data.join("first-sign-in.txt"), "password").unwrap();
    doctor(&database, &[]).ends(0).says(&[
        "warn  data dir",
        "chmod 700 data",
        "warn  first sign-in",
        "delete the file",
    ]);
    let misplaced = tempfile::tempdir().unwrap();
    fs::write(misplaced.path().join("data"), "a file").unwrap();
    let said = velox(misplaced.path(), &["doctor", "--port", "0"], &[]);
    said.ends(1).says(&["FAIL  data dir", "is no directory", "set data.dir to a directory"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_cannot_be_used_is_named() {
    let database = installed().await;
    database.tamper("INSERT INTO __diesel_schema_migrations (version) VALUES ('9999_later')");
    doctor(&database, &[]).ends(1).says(&["FAIL  database", "newer Velox", "9999_later", "start the newer program"]);
    database.tamper("DELETE FROM __diesel_schema_migrations");
    doctor(&database, &[]).ends(0).says(&["warn  database", "older Velox", "0001_trading"]);
    database.damage();
    doctor(&database, &[]).ends(1).says(&["FAIL  database", "is damaged", "restore a backup"]);

    let foreign = Embedded::new();
    foreign.tamper("CREATE TABLE notes (text TEXT)");
    doctor(&foreign, &[]).ends(1).says(&["FAIL  database", "not one of Velox"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_holds_the_database_and_the_port_is_told() {
    let database = installed().await;
    let server = database.open();
    doctor(&database, &[]).ends(0).says(&["ok    lock", "a running server holds the database"]);
    server.close();
    let said = doctor(&database, &[]).ends(0);
    assert!(!said.out.contains("a running server"), "{said:?}");

    let other = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = other.local_addr().unwrap().port().to_string();
    let neighbour = std::thread::spawn(move || drop(other.accept()));
    let said = velox(database.0.path(), &["doctor", "--port", &port], &[]);
    said.ends(1).says(&["FAIL  server", "taken by another program", "set server.port"]);
    neighbour.join().unwrap();
}
