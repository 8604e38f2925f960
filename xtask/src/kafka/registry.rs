//! The Schema Registry: Apicurio, which answers on Confluent's paths.

use crate::java::{Java, Tuned};
use crate::{maven, ports, process, tools};
use anyhow::{Context, ensure};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// The newest one that Java 17 runs.
const VERSION: &str = "2.6.13.Final";
/// Where Confluent's paths begin.
const PATH: &str = "/apis/ccompat/v7";
/// Each schema of a subject must read what every other one wrote.
const COMPATIBILITY: &str = "FULL_TRANSITIVE";
/// How long an answer may take.
const LIMIT: Duration = Duration::from_secs(10);

/// The program, and the Java that runs it.
pub(crate) struct Registry {
    java: Java,
    folder: PathBuf,
}

impl Registry {
    /// Finds it; the first time, on this clone, fetches it. An error names what is missing.
    pub(crate) fn prepare() -> anyhow::Result<Registry> {
        let java = Java::find()?;
        let folder = tools::prepare(&format!("apicurio-registry-{VERSION}"), |folder| {
            maven::find()?;
            println!("fetching the Schema Registry {VERSION}, once");
            maven::unpack(&format!("io.apicurio:apicurio-registry-app:{VERSION}:tar.gz:all"), folder)
        })?;
        let registry = Registry { java, folder };
        registry.train()?;
        Ok(registry)
    }

    /// Its Java's program.
    pub(crate) fn java(&self) -> &Path {
        self.java.program()
    }

    /// The command that serves on a port of 127.0.0.1, on data in a folder or on none that stay. `java` is the command
    /// that Java is, or that starts it.
    pub(crate) fn command(&self, mut java: Command, data: Option<&Path>, port: u16, tuned: Tuned) -> Command {
        java.args(self.java.flags(&self.folder, tuned));
        self.serve(&mut java, port);
        if let Some(data) = data {
            // Written when it is answered: an id that was given out is never given to another schema.
            let database = format!("jdbc:h2:file:{}/registry;WRITE_DELAY=0", data.display());
            java.env("REGISTRY_DATASOURCE_URL", database);
        }
        java
    }

    fn serve(&self, java: &mut Command, port: u16) {
        java.args(["-Dquarkus.http.host=127.0.0.1", &format!("-Dquarkus.http.port={port}"), "-jar"]);
        java.arg(self.folder.join(format!("apicurio-registry-app-{VERSION}-runner.jar"))).current_dir(&self.folder);
    }

    fn train(&self) -> anyhow::Result<()> {
        let port = ports::free(1)?.first().copied().context("no port is free")?;
        let serve = |java: &mut Command| {
            self.serve(java, port);
            Ok(())
        };
        self.java.train("Schema Registry", &self.folder, serve, || is_usable(port))
    }
}

/// Its address.
pub(crate) fn url(port: u16) -> String {
    format!("http://127.0.0.1:{port}{PATH}")
}

/// Whether the one on this port tells its subjects.
pub(crate) fn is_usable(port: u16) -> bool {
    process::answers_ok(port, &format!("{PATH}/subjects"))
}

/// From now on it refuses, with a 409, a schema that does not go together with each earlier one of its subject. It starts
/// without such a rule.
pub(crate) fn demand_compatibility(port: u16) -> anyhow::Result<()> {
    let answer = put_compatibility(port).with_context(|| format!("the Schema Registry on port {port}"))?;
    let status = answer.lines().next().unwrap_or_default();
    ensure!(status.starts_with("HTTP/1.1 200"), "the Schema Registry does not take {COMPATIBILITY}: {status}");
    Ok(())
}

fn put_compatibility(port: u16) -> std::io::Result<String> {
    let mut stream = TcpStream::connect_timeout(&SocketAddr::from(([127, 0, 0, 1], port)), LIMIT)?;
    stream.set_read_timeout(Some(LIMIT))?;
    let body = format!(r#"{{"compatibility":"{COMPATIBILITY}"}}"#);
    write!(
        stream,
        "PUT {PATH}/config HTTP/1.1\r\nhost: xtask\r\nconnection: close\r\ncontent-type: application/json\r\n\
         content-length: {}\r\n\r\n{body}",
        body.len()
    )?;
    let mut answer = String::new();
    stream.take(1 << 16).read_to_string(&mut answer)?;
    Ok(answer)
}
