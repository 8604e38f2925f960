//! The packages and their dependencies, from `cargo metadata`.

use crate::workspace;
use anyhow::{Context, ensure};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::Path;

/// Every package that the workspace resolves to, by cargo's package id.
pub(crate) struct Graph {
    /// The packages by id.
    pub(crate) packages: BTreeMap<String, Package>,
}

/// One package.
pub(crate) struct Package {
    /// Its name, as in `Cargo.toml`.
    pub(crate) name: String,
    /// Its folder from the root of the workspace (`crates/kernel`); `None` for a package from outside.
    pub(crate) folder: Option<String>,
    /// What it depends on.
    pub(crate) dependencies: Vec<Dependency>,
}

/// One edge.
pub(crate) struct Dependency {
    /// The id of the package depended on.
    pub(crate) id: String,
    /// False for dev-dependencies, which never reach the binary.
    pub(crate) ships: bool,
    /// True for build-dependencies: they run while building and are not linked.
    pub(crate) build: bool,
}

impl Graph {
    /// The packages of the workspace, with id and folder.
    pub(crate) fn members(&self) -> impl Iterator<Item = (&str, &Package, &str)> {
        self.packages.iter().filter_map(|(id, package)| Some((id.as_str(), package, package.folder.as_deref()?)))
    }
}

/// Asks cargo. Needs no network: the lock file is taken as it is.
pub(crate) fn read() -> anyhow::Result<Graph> {
    let output = workspace::cargo().args(["metadata", "--format-version", "1"]).output().context("cannot run cargo")?;
    ensure!(output.status.success(), "cargo metadata: {}", String::from_utf8_lossy(&output.stderr));
    let metadata: Metadata = serde_json::from_slice(&output.stdout).context("cargo metadata")?;
    Ok(graph(metadata))
}

fn graph(metadata: Metadata) -> Graph {
    let root = Path::new(&metadata.workspace_root);
    let mut packages = BTreeMap::new();
    for package in metadata.packages {
        let member = metadata.workspace_members.contains(&package.id);
        let folder = Path::new(&package.manifest_path).parent().and_then(|folder| folder.strip_prefix(root).ok());
        let folder = folder.filter(|_| member).map(|folder| folder.to_string_lossy().into_owned());
        packages.insert(package.id, Package { name: package.name, folder, dependencies: Vec::new() });
    }
    for node in metadata.resolve.nodes {
        let dependencies = node.deps.into_iter().map(|dep| Dependency {
            ships: dep.dep_kinds.iter().any(|kind| kind.kind.as_deref() != Some("dev")),
            build: dep.dep_kinds.iter().all(|kind| kind.kind.as_deref() == Some("build")),
            id: dep.pkg,
        });
        if let Some(package) = packages.get_mut(&node.id) {
            package.dependencies = dependencies.collect();
        }
    }
    Graph { packages }
}

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<MetadataPackage>,
    workspace_members: Vec<String>,
    workspace_root: String,
    resolve: Resolve,
}

#[derive(Deserialize)]
struct MetadataPackage {
    id: String,
    name: String,
    manifest_path: String,
}

#[derive(Deserialize)]
struct Resolve {
    nodes: Vec<Node>,
}

#[derive(Deserialize)]
struct Node {
    id: String,
    deps: Vec<NodeDep>,
}

#[derive(Deserialize)]
struct NodeDep {
    pkg: String,
    dep_kinds: Vec<DepKind>,
}

/// `kind` is null for an ordinary dependency, or "dev", or "build".
#[derive(Deserialize)]
struct DepKind {
    kind: Option<String>,
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn an_edge_ships_unless_it_is_only_for_tests() {
        let metadata = serde_json::json!({
            "packages": [
                {"id": "a#1", "name": "a", "manifest_path": "/w/crates/a/Cargo.toml"},
                {"id": "b#1", "name": "b", "manifest_path": "/elsewhere/b/Cargo.toml"},
            ],
            "workspace_members": ["a#1"],
            "workspace_root": "/w",
            "resolve": {"nodes": [{"id": "a#1", "deps": [
                {"pkg": "b#1", "dep_kinds": [{"kind": "dev"}]},
                {"pkg": "b#1", "dep_kinds": [{"kind": "dev"}, {"kind": null}]},
                {"pkg": "b#1", "dep_kinds": [{"kind": "build"}]},
            ]}]},
        });
        let graph = graph(serde_json::from_value(metadata).unwrap());
        let a = &graph.packages["a#1"];
        assert_eq!(a.folder.as_deref(), Some("crates/a"));
        assert_eq!(graph.packages["b#1"].folder, None);
        let kinds: Vec<_> = a.dependencies.iter().map(|d| (d.ships, d.build)).collect();
        assert_eq!(kinds, [(false, false), (true, false), (true, true)]);
    }
}
