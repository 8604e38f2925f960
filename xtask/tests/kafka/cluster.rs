//! `cargo xtask kafka`: for a command, and for whoever kills its servers.

use super::wire::{Registry, ask, make_topic};
use super::{Folder, ID, MORE, OTHER_ID, listens, ports, signal, value, wait_for, xtask};
use std::io::{BufRead, BufReader};
use std::process::{Child, Stdio};

/// `xtask kafka` without a command, and what it printed: processes and addresses. Told to end when it is dropped.
struct Running {
    child: Child,
    printed: String,
}

impl Running {
    fn start(args: &[&str], last: &str) -> Running {
        let mut child = xtask(&[&["kafka"], args].concat()).stdout(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
        let mut printed = String::new();
        for line in lines.by_ref() {
            let is_last = line.starts_with(last);
            printed.push_str(&line);
            printed.push('\n');
            if is_last {
                break;
            }
        }
        // The pipe stays open: it says who ended.
        std::thread::spawn(move || lines.for_each(drop));
        Running { child, printed }
    }

    /// The number of a server's process: `broker-1 pid=4711 port=9092`.
    fn pid(&self, server: &str) -> u32 {
        let mut lines = self.printed.lines().filter_map(|line| line.strip_prefix(server)?.strip_prefix(" pid="));
        lines.next().unwrap().split(' ').next().unwrap().parse().unwrap()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        signal(self.child.id(), "-TERM");
        self.child.wait().unwrap();
    }
}

/// One server that is the test's own process. Killed when it is dropped.
struct Become(Child);

impl Become {
    fn start(folder: &Folder, server: &str) -> Become {
        let mut command = xtask(&["kafka", "--data", folder.path(), "--become", server]);
        Become(command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap())
    }
}

impl Drop for Become {
    fn drop(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

#[test]
fn a_command_gets_brokers_and_its_exit_code_comes_back() {
    let script = r#"test -z "${VELOX_TEST_SCHEMA_REGISTRY_URL-}"; echo "VELOX_TEST_KAFKA_BROKERS=$VELOX_TEST_KAFKA_BROKERS"; exit 7"#;
    let mut command = xtask(&["kafka", "--set", "message.max.bytes=1000", "--", "bash", "-euc", script]);
    let output = command.env_remove("VELOX_TEST_SCHEMA_REGISTRY_URL").output().unwrap();
    assert_eq!(output.status.code(), Some(7), "{}", String::from_utf8_lossy(&output.stderr));
    let ports = ports(value(&String::from_utf8(output.stdout).unwrap(), "VELOX_TEST_KAFKA_BROKERS"));
    assert!(!listens(ports[0]), "the broker outlived the command");
}

#[test]
fn one_of_three_brokers_is_killed_and_comes_back_on_its_data() {
    let folder = Folder::new("three");
    let cluster = Running::start(&["--nodes", "3", "--data", folder.path()], "VELOX_TEST_KAFKA_BROKERS");
    let ports = ports(value(&cluster.printed, "VELOX_TEST_KAFKA_BROKERS"));
    let sees = |port: u16, wanted: &[i32]| {
        ask(port, "orders").is_ok_and(|known| {
            let mut brokers = known.brokers;
            brokers.sort_unstable();
            brokers == wanted
        })
    };
    assert!(ports.iter().all(|port| sees(*port, &[1, 2, 3])), "it is usable when it is told");
    assert_eq!(make_topic(ports[0], "orders", 3).unwrap(), 0);
    let pid = cluster.pid("broker-2");
    assert_eq!(std::fs::read_to_string(folder.0.join("broker-2.pid")).unwrap().trim(), pid.to_string());

    signal(pid, "-KILL");
    wait_for("the others to notice", || sees(ports[0], &[1, 3]) && sees(ports[2], &[1, 3]));
    assert_eq!(ask(ports[0], "orders").unwrap().error, 0, "two of three copies are enough");

    let back = Become::start(&folder, "broker-2");
    wait_for("it to come back", || ports.iter().all(|port| sees(*port, &[1, 2, 3])));
    assert_eq!(ask(ports[1], "orders").unwrap().error, 0);
    let pid = std::fs::read_to_string(folder.0.join("broker-2.pid")).unwrap();
    assert_eq!(pid.trim(), back.0.id().to_string(), "the process is the broker");

    drop((back, cluster));
    assert!(!ports.iter().any(|port| listens(*port)));
}

#[test]
fn a_broker_and_a_registry_that_are_killed_forget_nothing_that_they_answered() {
    let folder = Folder::new("one");
    let servers = Running::start(&["--registry", "--data", folder.path()], "VELOX_TEST_SCHEMA_REGISTRY_URL");
    let port = ports(value(&servers.printed, "VELOX_TEST_KAFKA_BROKERS"))[0];
    let registry = Registry(value(&servers.printed, "VELOX_TEST_SCHEMA_REGISTRY_URL").to_owned());
    assert_eq!(make_topic(port, "orders", 1).unwrap(), 0);
    let (status, id) = registry.register("orders-value", ID);
    assert_eq!(status, 200);
    signal(servers.pid("registry"), "-KILL");
    signal(servers.pid("broker-1"), "-KILL");
    wait_for("them to be gone", || !listens(port));

    let back = ["broker-1", "registry"].map(|server| Become::start(&folder, server));
    wait_for("the topic", || ask(port, "orders").is_ok_and(|known| known.error == 0 && known.brokers == [1]));
    let at = registry.0.split('/').nth(2).unwrap().rsplit_once(':').unwrap().1.parse().unwrap();
    wait_for("the registry", || listens(at));
    assert_eq!(registry.register("orders-value", ID), (200, id.clone()));
    assert_eq!(registry.register("orders-value", OTHER_ID).0, 409);
    let (status, next) = registry.register("orders-value", MORE);
    assert!(status == 200 && next != id, "no id is given out twice");
    assert!(registry.level().contains("FULL_TRANSITIVE"));
    drop((back, servers));
    assert!(!listens(port) && !listens(at));
}
