//! Configuration: which source wins, and what is said about what is wrong.

use std::path::PathBuf;

use velox::config::{KEYS, Sources, load, print_effective, to_json_schema, to_markdown};

fn file(content: &str) -> (tempfile::TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("velox.toml");
    std::fs::write(&path, content).unwrap();
    (directory, path)
}

fn variables(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn flags(pairs: &[(&str, &str)]) -> Vec<(String, String, String)> {
    pairs.iter().map(|(key, value)| ("--set".to_owned(), (*key).to_owned(), (*value).to_owned())).collect()
}

#[test]
fn the_later_source_wins() {
    let (_directory, path) =
        file("[server]\nport = 1\nworkers = 2\ndrain_ms = 3\ncors_origins = [\"https://a\", \"https://b\"]\n");
    let sources = Sources {
        file: Some(path.clone()),
        environment: variables(&[
            ("VELOX_SERVER_WORKERS", "4"),
            ("VELOX_SERVER_DRAIN_MS", "5"),
            ("VELOX_TEST_X", "1"),
            ("HOME", "/"),
        ]),
        flags: flags(&[("server.drain_ms", "6")]),
    };
    let settings = load(&sources).unwrap();
    let server = &settings.config.server;
    assert_eq!((server.port, server.workers, server.drain_ms), (1, 4, 6));
    assert_eq!(server.cors_origins, ["https://a", "https://b"]);
    assert_eq!(server.request_timeout_ms, 30_000);
    let printed = print_effective(&settings, true);
    for line in [format!("# {}:2", path.display()), "# VELOX_SERVER_WORKERS".to_owned(), "# --set".to_owned()] {
        assert!(printed.contains(&line), "{printed}");
    }
}

#[test]
fn what_is_wrong_is_named_with_its_place() {
    let wrong = |content: &str, environment: &[(&str, &str)], set: &[(&str, &str)]| {
        let (_directory, path) = file(content);
        let sources = Sources { file: Some(path), environment: variables(environment), flags: flags(set) };
        load(&sources).unwrap_err().to_string()
    };
    for (error, parts) in [
        (wrong("[server]\nport = 70000", &[], &[]), ["server.port = `70000`", "velox.toml:2", "0 to 65535"]),
        (wrong("", &[("VELOX_LOG_FORMAT", "xml")], &[]), ["log.format", "VELOX_LOG_FORMAT", "auto, pretty, json"]),
        (wrong("", &[], &[("server.bind", "here")]), ["server.bind", "--set", "IP address"]),
        (wrong("", &[], &[("auth.access_ttl_s", "601")]), ["auth.access_ttl_s", "30 to 600", "(s)"]),
        (wrong("", &[], &[("market.speed", "-1")]), ["market.speed", "--set", "from 0.001 to 10000"]),
        (wrong("[server]\nprot = 1", &[], &[]), ["server.prot", "velox.toml:2", "did you mean `server.port`"]),
        (wrong("", &[("VELOX_SERVER_PROT", "1")], &[]), ["VELOX_SERVER_PROT", "environment", "`VELOX_SERVER_PORT`"]),
        (wrong("port = 1", &[], &[]), ["velox.toml:1", "`port`", "[server]"]),
        (wrong("[server]\nport = ", &[], &[]), ["velox.toml:2", "", ""]),
        (wrong("[server]\nport = 1\nport = 2", &[], &[]), ["velox.toml:3", "duplicate", ""]),
        (
            wrong("", &[("VELOX_DATABASE_URL", "mysql://u:hunter2@h/d")], &[]),
            ["database.url", "VELOX_DATABASE_URL", "postgres://"],
        ),
        (wrong("", &[("VELOX_DATABASE_URL", "mysql://u:hunter2@h/d")], &[]), ["database.url", "postgres://", ""]),
        (wrong("", &[("VELOX_DATABASE_URL_FILE", "/no/such")], &[]), ["database.url_file", "/no/such", ""]),
    ] {
        assert!(parts.iter().all(|part| error.contains(part)), "{error}");
        assert!(!error.contains("hunter2"), "{error}");
    }
}

#[test]
fn a_speed_is_taken_when_the_feed_can_run_at_it() {
    let read = |speed: &str| load(&Sources { flags: flags(&[("market.speed", speed)]), ..Sources::default() });
    for speed in ["0.001", "1", "2.5", "1.500000", "10000"] {
        assert_eq!(read(speed).unwrap().config.market.speed, speed.parse().unwrap(), "{speed}");
    }
    for speed in ["0", "0.0005", "1.0001", "10000.001", "100000", "fast"] {
        let refused = read(speed).unwrap_err().to_string();
        assert!(refused.contains("a decimal number from 0.001 to 10000 with at most 3 decimals"), "{refused}");
        assert!(speed.parse::<velox_feed_replay::Speed>().is_err(), "{speed}");
    }
}

#[test]
fn secrets_come_from_files_and_are_not_printed() {
    let (_directory, path) = file("postgres://velox:hunter2@db/velox\n");
    let variable = path.display().to_string();
    let environment = variables(&[("VELOX_DATABASE_URL_FILE", &variable)]);
    let settings = load(&Sources { environment, ..Sources::default() }).unwrap();
    assert!(matches!(settings.config.database.url, velox::config::DatabaseUrl::Postgres(_)));
    for shown in [print_effective(&settings, true), format!("{:?}", settings.config)] {
        assert!(!shown.contains("hunter2"), "{shown}");
    }
}

#[test]
fn the_documents_name_every_key() {
    let (markdown, schema) = (to_markdown(), to_json_schema());
    let schema: serde_json::Value = serde_json::from_str(&schema).unwrap();
    for key in KEYS {
        assert!(markdown.contains(&format!("`{}`", key.full_name())), "{}", key.full_name());
        let pointer = format!("/properties/{}/properties/{}/description", key.section, key.name);
        assert_eq!(schema.pointer(&pointer).unwrap(), key.doc);
    }
}
