//! Which package may depend on which.

use super::graph::Graph;
use std::collections::BTreeMap;
use std::fmt;

/// The rooms with business rules, each alone on top of the kernel.
const DOMAINS: [&str; 6] = ["identity", "brokers", "market", "strategies", "trading", "analytics"];

/// Adapters that other adapters are built on: SQL written once, for both databases; messages, which know neither Kafka
/// nor HTTP, and whose registry is another adapter.
const SHARED_BY_ADAPTERS: [&str; 2] = ["messages", "sql"];

/// What kernel, domains and engine must not reach, even through another package: runtimes, servers, databases, brokers
/// of messages, HTTP clients. A name covers the packages that continue it with `-` or `_` (`actix-web`, `tokio-util`).
const FORBIDDEN: [&str; 16] = [
    "actix",
    "axum",
    "deadpool",
    "diesel",
    "hyper",
    "libsqlite3-sys",
    "postgres",
    "rdkafka",
    "redis",
    "reqwest",
    "rskafka",
    "rusqlite",
    "sqlx",
    "tokio",
    "tonic",
    "ureq",
];

/// The room of a package, from its folder.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Layer {
    Kernel,
    Domain,
    Engine,
    Adapter,
    SharedAdapter,
    Testkit,
    App,
    Tool,
}

/// One dependency that must not be.
#[derive(PartialEq, Eq, Debug)]
pub(crate) struct Violation {
    /// The package and, step by step, what it must not reach.
    path: Vec<String>,
    /// The rule, as a sentence.
    rule: &'static str,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path.join(" -> "), self.rule)
    }
}

/// Every wrong edge of the workspace. Dev-dependencies are exempt: they never reach the binary.
pub(crate) fn check(graph: &Graph) -> Vec<Violation> {
    let mut violations = Vec::new();
    for (id, package, folder) in graph.members() {
        let from = layer(folder);
        for dependency in package.dependencies.iter().filter(|dependency| dependency.ships) {
            let Some(to) = graph.packages.get(&dependency.id) else { continue };
            let Some(to_folder) = &to.folder else { continue };
            if let Some(rule) = broken_rule(from, layer(to_folder)) {
                violations.push(Violation { path: vec![package.name.clone(), to.name.clone()], rule });
            }
        }
        if matches!(from, Layer::Kernel | Layer::Domain | Layer::Engine) {
            violations.extend(forbidden_paths(graph, id).into_iter().map(|path| Violation {
                path,
                rule: "kernel, domains and engine reach no runtime, server, database or HTTP client",
            }));
        }
    }
    violations
}

fn layer(folder: &str) -> Layer {
    match folder.split_once('/') {
        Some(("apps", _)) => Layer::App,
        Some(("crates", "kernel")) => Layer::Kernel,
        Some(("crates", "engine")) => Layer::Engine,
        Some(("crates", "testkit")) => Layer::Testkit,
        Some(("crates", name)) if DOMAINS.contains(&name) => Layer::Domain,
        Some(("crates", name)) if SHARED_BY_ADAPTERS.contains(&name) => Layer::SharedAdapter,
        Some(("crates", _)) => Layer::Adapter,
        _ => Layer::Tool,
    }
}

/// The rule that an edge from one room to another breaks, if it breaks one.
fn broken_rule(from: Layer, to: Layer) -> Option<&'static str> {
    use Layer::{Adapter, App, Domain, Engine, Kernel, SharedAdapter, Testkit, Tool};
    match (from, to) {
        (_, Tool) => Some("nothing depends on the developers' tools"),
        (_, App) => Some("nothing depends on an app"),
        (Testkit | App | Tool, _) | (_, Kernel) => None,
        (_, Testkit) => Some("testkit is a dev-dependency"),
        (Kernel, _) => Some("the kernel depends on no other room"),
        (Domain, Domain) => Some("domains do not depend on each other: share through the kernel, or define a port"),
        (Domain, _) => Some("a domain depends on the kernel alone"),
        (Engine, Domain) | (Adapter | SharedAdapter, Domain) | (Adapter, SharedAdapter) => None,
        (Engine, _) => Some("the engine depends on kernel and domains: an adapter is handed in as a port"),
        (Adapter | SharedAdapter, _) => Some("an adapter depends on kernel and domains: adapters meet in the app"),
    }
}

/// For each forbidden package that `start` reaches through linked dependencies, one shortest path of names.
fn forbidden_paths(graph: &Graph, start: &str) -> Vec<Vec<String>> {
    let mut came_from: BTreeMap<&str, Option<&str>> = BTreeMap::from([(start, None)]);
    let mut queue = std::collections::VecDeque::from([start]);
    let mut paths = Vec::new();
    while let Some(id) = queue.pop_front() {
        let Some(package) = graph.packages.get(id) else { continue };
        if id != start && is_forbidden(&package.name) {
            let steps = std::iter::successors(Some(id), |step| came_from.get(step).copied().flatten());
            let mut path: Vec<_> = steps.filter_map(|step| Some(graph.packages.get(step)?.name.clone())).collect();
            path.reverse();
            paths.push(path);
            continue; // What lies behind a forbidden package is its own affair: one complaint is enough.
        }
        for dependency in package.dependencies.iter().filter(|dependency| dependency.ships && !dependency.build) {
            if !came_from.contains_key(dependency.id.as_str()) {
                came_from.insert(&dependency.id, Some(id));
                queue.push_back(&dependency.id);
            }
        }
    }
    paths
}

fn is_forbidden(name: &str) -> bool {
    FORBIDDEN
        .iter()
        .any(|word| name.strip_prefix(word).is_some_and(|rest| rest.is_empty() || rest.starts_with(['-', '_'])))
}

#[cfg(test)]
mod tests {
    use super::super::graph::{Dependency, Package};
    use super::*;

    /// A graph from lines `from -> to`; `=>` is a dev-dependency, `~>` a build-dependency. A name with a slash is a
    /// folder of the workspace.
    fn graph(lines: &[&str]) -> Graph {
        let mut packages = BTreeMap::new();
        for line in lines {
            let parts: Vec<_> = line.split(' ').collect();
            for name in [parts[0], parts[2]] {
                packages.entry(name.to_owned()).or_insert_with(|| Package {
                    name: name.to_owned(),
                    folder: (name.contains('/') || name == "xtask").then(|| name.to_owned()),
                    dependencies: Vec::new(),
                });
            }
            let edge = Dependency { id: parts[2].to_owned(), ships: parts[1] != "=>", build: parts[1] == "~>" };
            packages.entry(parts[0].to_owned()).and_modify(|package| package.dependencies.push(edge));
        }
        Graph { packages }
    }

    fn wrong(lines: &[&str]) -> Vec<String> {
        check(&graph(lines)).iter().map(|violation| violation.path.join(" -> ")).collect()
    }

    #[test]
    fn what_points_inward_is_right() {
        let right = [
            "crates/trading -> crates/kernel",
            "crates/engine -> crates/trading",
            "crates/engine -> crates/market",
            "crates/sql -> crates/trading",
            "crates/sqlite -> crates/sql",
            "crates/messages -> crates/market",
            "crates/schema-registry -> crates/messages",
            "crates/postgres -> crates/trading",
            "crates/testkit -> crates/trading",
            "apps/gateway -> crates/engine",
            "apps/gateway -> crates/sqlite",
            "apps/gateway -> tokio",
            "crates/sqlite -> diesel",
            "crates/kernel -> serde",
        ];
        assert_eq!(wrong(&right), [""; 0]);
    }

    #[test]
    fn each_outward_or_sideways_edge_is_named() {
        for edge in [
            "crates/kernel -> crates/trading",
            "crates/trading -> crates/market",
            "crates/trading -> crates/engine",
            "crates/trading -> crates/sqlite",
            "crates/engine -> crates/sqlite",
            "crates/sqlite -> crates/engine",
            "crates/sqlite -> crates/postgres",
            "crates/sql -> crates/sqlite",
            "crates/sql -> crates/messages",
            "crates/messages -> crates/kafka",
            "crates/engine -> apps/gateway",
            "crates/engine -> crates/testkit",
            "crates/sqlite -> crates/testkit",
            "apps/gateway -> xtask",
            "crates/trading ~> crates/market",
        ] {
            assert_eq!(wrong(&[edge]), [edge.replace("~>", "->")], "{edge}");
        }
    }

    #[test]
    fn dev_dependencies_are_exempt() {
        assert_eq!(wrong(&["crates/trading => crates/testkit", "crates/trading => tokio"]), [""; 0]);
    }

    #[test]
    fn a_forbidden_package_is_found_through_others_and_the_path_is_told() {
        let lines = ["crates/market -> helper", "helper -> inner", "inner -> tokio-util", "tokio-util -> tokio"];
        assert_eq!(wrong(&lines), ["crates/market -> helper -> inner -> tokio-util"]);
        assert_eq!(wrong(&["crates/engine -> actix-web"]), ["crates/engine -> actix-web"]);
    }

    #[test]
    fn what_only_runs_while_building_does_not_reach_the_binary() {
        assert_eq!(wrong(&["crates/market -> helper", "helper ~> ureq"]), [""; 0]);
    }

    #[test]
    fn a_forbidden_name_is_a_whole_word() {
        assert!(is_forbidden("tokio") && is_forbidden("actix-http") && is_forbidden("diesel_migrations"));
        assert!(!is_forbidden("tokiolike") && !is_forbidden("hyperloglog") && !is_forbidden("my-tokio"));
    }
}
