//! Kafka and the Schema Registry as tests are given them, and as whoever breaks them starts them.
//!
//! They run by `cargo xtask test --only kafka`: a machine without Java goes without them, and only without them.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

mod cluster;
mod stack;
mod wire;

use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use wire::{Registry, UNKNOWN_TOPIC, ask, make_topic};

/// How long a server may take for anything, on a busy machine.
const PATIENCE: Duration = Duration::from_secs(120);

const ID: &str = r#"{"name":"id","type":"string"}"#;
/// Neither reads what the other wrote.
const OTHER_ID: &str = r#"{"name":"id","type":"long"}"#;
/// Each reads what the other wrote: it has a default.
const MORE: &str = r#"{"name":"id","type":"string"},{"name":"note","type":"string","default":""}"#;

fn xtask(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_xtask"));
    command.args(args).stdin(Stdio::null());
    command
}

/// A folder of the test's own, gone at the end.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Folder {
        let folder = std::env::temp_dir().join(format!("velox-xtask-kafka-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        Folder(folder)
    }

    fn path(&self) -> &str {
        self.0.to_str().unwrap()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _removed_by_the_system_one_day = std::fs::remove_dir_all(&self.0);
    }
}

#[expect(clippy::disallowed_methods, reason = "the deadline of a test")]
fn wait_for(what: &str, mut is_so: impl FnMut() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < PATIENCE, "waited in vain for {what}");
        std::thread::park_timeout(Duration::from_millis(20));
    }
}

fn signal(pid: u32, name: &str) {
    assert!(Command::new("kill").args([name, &pid.to_string()]).status().unwrap().success());
}

fn listens(port: u16) -> bool {
    TcpStream::connect(("127.0.0.1", port)).is_ok()
}

/// The ports in `127.0.0.1:1,127.0.0.1:2`.
fn ports(addresses: &str) -> Vec<u16> {
    addresses.trim().split(',').map(|address| address.rsplit_once(':').unwrap().1.parse().unwrap()).collect()
}

/// The value of a variable among lines.
fn value<'a>(printed: &'a str, name: &str) -> &'a str {
    let mut lines = printed.lines().filter_map(|line| line.split_once('='));
    lines.find(|(there, _)| *there == name).expect("it is among the lines").1
}

fn given(name: &str) -> String {
    std::env::var(name).expect("the variable names a server: `cargo xtask test --only kafka` starts one")
}

#[test]
fn tests_are_given_a_broker_that_makes_no_topic_unasked() {
    let ports = ports(&given("VELOX_TEST_KAFKA_BROKERS"));
    let topic = format!("tests-{}", std::process::id());
    assert_eq!(ask(ports[0], &topic).unwrap().brokers, [1]);
    // A broker that makes topics by itself says so at once, and has it a moment later.
    for _ in 0..10 {
        assert_eq!(ask(ports[0], &topic).unwrap().error, UNKNOWN_TOPIC);
    }
    assert_eq!(make_topic(ports[0], &topic, 1).unwrap(), 0);
    wait_for("the topic", || ask(ports[0], &topic).unwrap().error == 0);
}

#[test]
fn tests_are_given_a_registry_that_refuses_what_does_not_go_together() {
    let registry = Registry(given("VELOX_TEST_SCHEMA_REGISTRY_URL"));
    assert_eq!(registry.level(), r#"{"compatibilityLevel":"FULL_TRANSITIVE"}"#);
    let subject = format!("tests-{}-value", std::process::id());
    let (status, first) = registry.register(&subject, ID);
    assert_eq!(status, 200, "{first}");
    let (status, refusal) = registry.register(&subject, OTHER_ID);
    assert!(status == 409 && refusal.contains("\"error_code\":409"), "{status} {refusal}");
    let (status, second) = registry.register(&subject, MORE);
    assert!(status == 200 && second != first, "{status} {second}");
    assert_eq!(registry.register(&subject, ID), (200, first), "the same schema has the same id");
}

#[test]
fn what_is_missing_is_named_with_the_command_that_installs_it() {
    let folder = Folder::new("missing");
    let path = std::env::var("PATH").unwrap();
    let java = std::env::split_paths(&path).map(|folder| folder.join("java")).find(|java| java.exists()).unwrap();
    let run = |path: &Path| {
        let output = xtask(&["kafka", "--", "true"]).env("CARGO_TARGET_DIR", &folder.0).env("PATH", path).output();
        String::from_utf8(output.unwrap().stderr).unwrap()
    };
    let said = run(&folder.0);
    assert!(said.contains("java is not installed: ") && said.contains("install --yes default-jre-headless"), "{said}");
    std::os::unix::fs::symlink(java, folder.0.join("java")).unwrap();
    let said = run(&folder.0);
    assert!(said.contains("mvn is not installed: ") && said.contains("install --yes maven"), "{said}");
}
