//! Kafka's programs: fetched once, and prepared so that a broker starts quickly.

use super::layout::Layout;
use super::{broker, protocol};
use crate::java::{Java, Tuned};
use crate::{maven, tools};
use anyhow::{Context, ensure};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

const VERSION: &str = "4.4.0";
/// Kafka, and what writes its log. It brings slf4j 1.7, for which there is no `log4j-slf4j2`.
const JARS: [&str; 2] = ["org.apache.kafka:kafka_2.13:4.4.0", "org.apache.logging.log4j:log4j-slf4j-impl:2.25.5"];
/// Of every cluster of ours: they never meet.
const CLUSTER: &str = "dmVsb3gtbG9jYWwta2Fma2";
/// Where a formatted folder keeps what all nodes agree about.
const METADATA: &str = "__cluster_metadata-0";
/// Raised when what a formatted folder holds changes.
const FORMAT: u32 = 2;
/// A user whom every cluster knows by SCRAM, for listeners that ask.
const USER: &str = "name=velox,password=of-velox";

/// What it logs, on its standard output: everything but the list of its hundreds of settings.
const LOGGING: &str = "\
status=error
appender.out.type=Console
appender.out.name=out
appender.out.layout.type=PatternLayout
appender.out.layout.pattern=%d %p %m (%c)%n
rootLogger.level=info
rootLogger.appenderRef.out.ref=out
logger.settings.name=org.apache.kafka.common.config.AbstractConfig
logger.settings.level=warn
";

/// The programs, and the Java that runs them.
pub(crate) struct Installation {
    java: Java,
    folder: PathBuf,
}

impl Installation {
    /// Finds them; the first time, on this clone, fetches them. An error names what is missing.
    pub(crate) fn prepare() -> anyhow::Result<Installation> {
        let java = Java::find()?;
        let folder = tools::prepare(&format!("kafka-{VERSION}.{FORMAT}"), |folder| {
            maven::find()?;
            println!("fetching Kafka {VERSION}, once");
            maven::copy_jars(&JARS, folder)?;
            std::fs::write(folder.join("log4j2.properties"), LOGGING)?;
            format_data(&java, folder)
        })?;
        let installation = Installation { java, folder };
        installation.train()?;
        Ok(installation)
    }

    /// Its Java's program.
    pub(crate) fn java(&self) -> &Path {
        self.java.program()
    }

    /// The flags of Java before the name of the program.
    pub(super) fn flags(&self, tuned: Tuned) -> Vec<String> {
        let mut flags = self.java.flags(&self.folder, tuned);
        flags.extend(class_path(&self.folder));
        flags
    }

    /// Makes an empty folder of a broker, whole or not at all.
    ///
    /// It is a copy of what Kafka's own tool made when it was fetched: only the broker's number differs, and the folder's
    /// own id, which the broker gives it.
    pub(super) fn make_data(&self, data: &Path, number: u16) -> anyhow::Result<()> {
        let half = data.with_extension("half");
        if half.exists() {
            std::fs::remove_dir_all(&half)?;
        }
        std::fs::create_dir_all(half.join(METADATA)).with_context(|| format!("cannot make {}", half.display()))?;
        std::fs::write(half.join("meta.properties"), format!("version=1\ncluster.id={CLUSTER}\nnode.id={number}\n"))?;
        for entry in std::fs::read_dir(self.folder.join("formatted").join(METADATA))? {
            let entry = entry?;
            std::fs::copy(entry.path(), half.join(METADATA).join(entry.file_name()))?;
        }
        Ok(std::fs::rename(&half, data)?)
    }

    fn train(&self) -> anyhow::Result<()> {
        let layout = Layout::free(1)?;
        let folder = self.folder.join("first-start");
        let port = layout.broker(1)?.clients;
        let serve = |java: &mut Command| {
            if folder.exists() {
                std::fs::remove_dir_all(&folder)?;
            }
            std::fs::create_dir(&folder)?;
            let data = folder.join("broker");
            self.make_data(&data, 1)?;
            let settings = folder.join("broker.properties");
            std::fs::write(&settings, broker::properties(1, &layout, &data)?)?;
            java.args(class_path(&self.folder)).arg("kafka.Kafka").arg(settings);
            Ok(())
        };
        self.java.train("Kafka", &self.folder, serve, || protocol::is_usable(1, port))?;
        let _none_was_needed = std::fs::remove_dir_all(&folder);
        Ok(())
    }
}

fn class_path(folder: &Path) -> [String; 3] {
    let logging = format!("-Dlog4j2.configurationFile={}", folder.join("log4j2.properties").display());
    [logging, "-cp".to_owned(), folder.join("libs/*").display().to_string()]
}

/// Has Kafka's own tool make the first entries of a cluster's log: which features it begins with, and a user.
fn format_data(java: &Java, folder: &Path) -> anyhow::Result<()> {
    let settings = folder.join("formatted.properties");
    std::fs::write(&settings, broker::properties(1, &Layout::free(1)?, &folder.join("formatted"))?)?;
    let mut format = Command::new(java.program());
    format.args(class_path(folder)).arg("kafka.tools.StorageTool").args(["format", "-t", CLUSTER, "-c"]).arg(settings);
    for mechanism in ["SCRAM-SHA-256", "SCRAM-SHA-512"] {
        format.args(["--add-scram", &format!("{mechanism}=[{USER}]")]);
    }
    let output = format.stdin(Stdio::null()).output().context("cannot run java")?;
    ensure!(output.status.success(), "Kafka's format: {}", String::from_utf8_lossy(&output.stderr).trim());
    ensure!(folder.join("formatted").join(METADATA).is_dir(), "Kafka's format made no {METADATA}");
    Ok(())
}
