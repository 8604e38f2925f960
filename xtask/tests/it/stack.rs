//! `cargo xtask stack`, on a folder of the test's own.

use super::xtask;
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Command, Output};

/// A stack in a folder that nobody else uses; stopped at the end.
struct Stack(PathBuf);

impl Stack {
    fn new(name: &str) -> Stack {
        // Where PostgreSQL's user gets at it, unlike a clone in root's home.
        let folder = std::env::temp_dir().join(format!("velox-xtask-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        Stack(folder)
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = xtask(&[&["stack"], args].concat());
        command.env("CARGO_TARGET_DIR", &self.0);
        command
    }

    fn run(&self, args: &[&str]) -> Output {
        self.command(args).output().unwrap()
    }

    /// Runs what must succeed, and gives what it printed.
    fn must(&self, args: &[&str]) -> String {
        let Output { status, stdout, stderr } = self.run(args);
        assert!(status.success(), "{args:?}: {}", String::from_utf8_lossy(&stderr));
        String::from_utf8(stdout).unwrap()
    }
}

impl Drop for Stack {
    fn drop(&mut self) {
        let _stopped_already = self.command(&["down"]).status();
        let _removed_by_the_system_one_day = std::fs::remove_dir_all(&self.0);
    }
}

/// The ports in the variables that were printed.
fn ports(printed: &str) -> Vec<u16> {
    let variables = printed.lines().filter_map(|line| line.strip_prefix("VELOX_")?.split_once("_URL="));
    variables.map(|(_, url)| url.rsplit_once(':').unwrap().1.split('/').next().unwrap().parse().unwrap()).collect()
}

fn listens(port: u16) -> bool {
    TcpStream::connect(("127.0.0.1", port)).is_ok()
}

#[test]
fn the_stack_stays_until_it_is_told_to_go_and_comes_back_on_its_ports() {
    let stack = Stack::new("stays");
    let first = ports(&stack.must(&["up", "--native", "redis", "postgres"]));
    assert_eq!(first.len(), 2);
    assert!(first.iter().all(|port| listens(*port)), "it outlives the command that started it");
    let known = std::fs::read_to_string(stack.0.join("stack/state.json")).unwrap();
    assert_eq!(ports(&stack.must(&["up"])), first, "what runs is left alone");
    assert_eq!(std::fs::read_to_string(stack.0.join("stack/state.json")).unwrap(), known);
    stack.must(&["status"]);
    assert!(stack.must(&["logs", "postgres"]).contains("ready to accept connections"));

    stack.must(&["down"]);
    assert!(!first.iter().any(|port| listens(*port)));
    assert_eq!(stack.run(&["status"]).status.code(), Some(1));
    stack.must(&["down"]);
    assert_eq!(ports(&stack.must(&["up"])), first);

    let mark = stack.0.join("stack/redis/mark");
    std::fs::write(&mark, "").unwrap();
    assert!(!stack.run(&["reset"]).status.success(), "nobody was asked");
    assert!(mark.exists() && first.iter().all(|port| listens(*port)));
    assert_eq!(ports(&stack.must(&["reset", "--yes", "--native"])), first);
    assert!(!mark.exists());
}

#[test]
fn what_is_missing_is_named_and_what_was_started_is_stopped_again() {
    let stack = Stack::new("missing");
    let Output { status, stderr, .. } = stack.command(&["up", "--native"]).env("PATH", "/nowhere").output().unwrap();
    let said = String::from_utf8(stderr).unwrap();
    assert!(!status.success());
    // A machine may have no PostgreSQL under Debian's path; then that is what is missing.
    assert!(said.contains("is not installed: ") && said.contains("apt-get install --yes "), "{said}");
    let status = stack.run(&["status"]);
    assert!(String::from_utf8(status.stdout).unwrap().lines().all(|line| line.contains("stopped")));
}

/// An engine that only writes down what it is told; `broken` makes it fail to start anything.
const DOCKER: &str = r#"#!/bin/sh
cd "$(dirname "$0")"
echo "$VELOX_STACK_POSTGRES_PORT $*" >> calls
case "$*" in
    *" ps "*) cat running 2>/dev/null || true ;;
    *" up "*)
        test ! -e broken && printf '%s healthy\n' "$@" > running && echo "$COMPOSE_PROFILES $VELOX_STACK_KAFKA_VOTERS" > brokers ;;
    *" down"*) rm -f running ;;
esac
"#;

#[test]
fn where_an_engine_runs_it_is_told_to_start_and_stop() {
    let stack = Stack::new("compose");
    let docker = stack.0.join("docker");
    std::fs::write(&docker, DOCKER).unwrap();
    std::fs::set_permissions(&docker, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let path = format!("{}:{}", stack.0.display(), std::env::var("PATH").unwrap());
    let run = |args: &[&str]| {
        let output = stack.command(args).env("PATH", &path).output().unwrap();
        let calls = std::fs::read_to_string(stack.0.join("calls")).unwrap();
        std::fs::remove_file(stack.0.join("calls")).unwrap();
        (output.status.success(), String::from_utf8(output.stdout).unwrap(), calls)
    };
    std::fs::write(stack.0.join("broken"), "").unwrap();
    // Without the registry, which is asked for its level when its container runs.
    let (fine, _, calls) = run(&["up", "--kafka-nodes", "3", "postgres", "redis", "kafka"]);
    assert!(!fine && calls.lines().last().unwrap().ends_with(" stop postgres redis kafka kafka-2 kafka-3"), "{calls}");
    std::fs::remove_file(stack.0.join("broken")).unwrap();

    let (fine, printed, calls) = run(&["up"]);
    let port = ports(&printed)[0];
    assert!(fine && calls.contains(&format!("{port} compose --project-name velox-")), "{printed}{calls}");
    assert!(calls.contains("/deploy/compose/stack.yml up --detach --wait"), "{calls}");
    let brokers = std::fs::read_to_string(stack.0.join("brokers")).unwrap();
    assert_eq!(brokers.trim(), "kafka-nodes-3 1@kafka:9093,2@kafka-2:9093,3@kafka-3:9093");
    let (fine, printed, _) = run(&["status"]);
    assert!(fine && ports(&printed)[0] == port, "{printed}");
    let (fine, _, calls) = run(&["logs", "redis", "--follow"]);
    assert!(fine && calls.contains(" logs --tail 200 --follow redis"), "{calls}");
    let (fine, printed, calls) = run(&["reset", "--yes"]);
    assert!(fine && calls.contains(" down --volumes") && ports(&printed)[0] == port, "{printed}{calls}");
    assert!(run(&["down"]).0 && !run(&["status"]).0);
    // What follows would ask the machine's own engine.
    std::fs::remove_file(stack.0.join("stack/state.json")).unwrap();
}
