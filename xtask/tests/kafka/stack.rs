//! `cargo xtask stack` with Kafka and the registry, on a folder of the test's own.

use super::wire::{Registry, ask, make_topic};
use super::{Folder, ID, listens, ports, signal, value, wait_for, xtask};
use std::path::Path;
use std::process::{Command, Output};

/// A stack in a folder that nobody else uses, with the programs that were fetched already; stopped at the end.
struct Stack(Folder);

impl Stack {
    fn new() -> Stack {
        let folder = Folder::new("stack");
        let target = Path::new(env!("CARGO_BIN_EXE_xtask")).ancestors().nth(2).unwrap();
        std::fs::create_dir(folder.0.join("xtask")).unwrap();
        std::os::unix::fs::symlink(target.join("xtask/tools"), folder.0.join("xtask/tools")).unwrap();
        Stack(folder)
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = xtask(&[&["stack"], args].concat());
        command.env("CARGO_TARGET_DIR", &self.0.0);
        command
    }

    fn must(&self, args: &[&str]) -> String {
        let Output { status, stdout, stderr } = self.command(args).output().unwrap();
        assert!(status.success(), "{args:?}: {}", String::from_utf8_lossy(&stderr));
        String::from_utf8(stdout).unwrap()
    }

    /// The number of a service's process.
    fn pid(&self, service: &str) -> u32 {
        let text = std::fs::read_to_string(self.0.0.join("stack/state.json")).unwrap();
        let (_, known) = text.split_once(&format!("\"{service}\": {{")).unwrap();
        let (_, pid) = known.split_once("\"pid\": ").unwrap();
        pid.split(',').next().unwrap().parse().unwrap()
    }
}

impl Drop for Stack {
    fn drop(&mut self) {
        let _stopped_already = self.command(&["down"]).status();
    }
}

#[test]
fn the_stack_keeps_topics_and_schemas_and_starts_a_broker_that_was_killed() {
    let stack = Stack::new();
    let printed = stack.must(&["up", "--native", "--kafka-nodes", "3", "kafka", "registry"]);
    let brokers = ports(value(&printed, "VELOX_TEST_KAFKA_BROKERS"));
    let registry = Registry(value(&printed, "VELOX_TEST_SCHEMA_REGISTRY_URL").to_owned());
    assert!(brokers.len() == 3 && !printed.contains("postgres") && !printed.contains("redis"), "{printed}");
    assert!(registry.level().contains("FULL_TRANSITIVE"));
    assert_eq!(make_topic(brokers[0], "orders", 3).unwrap(), 0);
    let (status, id) = registry.register("orders-value", ID);
    assert_eq!(status, 200);

    signal(stack.pid("kafka-3"), "-KILL");
    wait_for("its end", || !listens(brokers[2]));
    let status = stack.command(&["status"]).output().unwrap();
    assert!(!status.status.success() && String::from_utf8(status.stdout).unwrap().contains("kafka-3    stopped"));
    assert_eq!(ports(value(&stack.must(&["up"]), "VELOX_TEST_KAFKA_BROKERS")), brokers);
    assert_eq!(ask(brokers[2], "orders").unwrap().error, 0);
    let other = stack.command(&["up", "--kafka-nodes", "1"]).output().unwrap();
    assert!(!other.status.success() && String::from_utf8(other.stderr).unwrap().contains("stack reset"));

    stack.must(&["down"]);
    assert!(!brokers.iter().any(|port| listens(*port)));
    let printed = stack.must(&["up"]);
    assert_eq!(ports(value(&printed, "VELOX_TEST_KAFKA_BROKERS")), brokers);
    assert_eq!(value(&printed, "VELOX_TEST_SCHEMA_REGISTRY_URL"), registry.0);
    wait_for("the topic", || brokers.iter().all(|port| ask(*port, "orders").unwrap().error == 0));
    assert_eq!(registry.register("orders-value", ID), (200, id));
    assert!(stack.must(&["logs", "kafka-2"]).contains("Kafka Server started"));
}
