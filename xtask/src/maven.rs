//! Maven, which fetches what is published for Java. It keeps what it fetched: another clone needs no network for it.

use crate::process::{self, Ended};
use crate::programs;
use anyhow::{Context, bail};
use std::fs::File;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

/// How long it may take: a slow line and two hundred megabytes.
const LIMIT: Duration = Duration::from_secs(15 * 60);
/// Named with its version, so that no newer one is looked for.
const PLUGIN: &str = "org.apache.maven.plugins:maven-dependency-plugin:3.6.1";
/// How many of its complaints are repeated.
const COMPLAINTS: usize = 3;

/// Whether it is here; the error names the command that installs it.
pub(crate) fn find() -> anyhow::Result<std::path::PathBuf> {
    programs::find("mvn", "maven")
}

/// Puts the jars of some artefacts (`group:artifact:version`), and all that they need to run, into `folder/libs`.
pub(crate) fn copy_jars(artifacts: &[&str], folder: &Path) -> anyhow::Result<()> {
    std::fs::write(folder.join("pom.xml"), pom(artifacts)?)?;
    run(&["copy-dependencies", "-DincludeScope=runtime", "-DoutputDirectory=libs"], folder)
}

/// Unpacks an archive (`group:artifact:version:type:classifier`) into a folder.
pub(crate) fn unpack(artifact: &str, folder: &Path) -> anyhow::Result<()> {
    // Without a project it would take notes in a folder called `${project.basedir}`.
    std::fs::write(folder.join("pom.xml"), pom(&[])?)?;
    run(&["unpack", &format!("-Dartifact={artifact}"), "-DoutputDirectory=."], folder)
}

/// A project that is nothing but what it depends on.
fn pom(artifacts: &[&str]) -> anyhow::Result<String> {
    let mut dependencies = String::new();
    for artifact in artifacts {
        let [group, name, version] = artifact.split(':').collect::<Vec<_>>()[..] else {
            bail!("{artifact}: no artefact")
        };
        dependencies += &format!(
            "    <dependency><groupId>{group}</groupId><artifactId>{name}</artifactId><version>{version}</version></dependency>\n"
        );
    }
    Ok(format!(
        r#"<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>velox</groupId>
  <artifactId>fetched</artifactId>
  <version>1</version>
  <packaging>pom</packaging>
  <dependencies>
{dependencies}  </dependencies>
</project>
"#
    ))
}

fn run(goal: &[&str], folder: &Path) -> anyhow::Result<()> {
    let mut maven = Command::new(find()?);
    let (name, options) = goal.split_first().context("no goal")?;
    maven.args(["--quiet", "--batch-mode", &format!("{PLUGIN}:{name}")]).args(options).current_dir(folder);
    let log = folder.join("maven.log");
    let output = File::create(&log).with_context(|| format!("cannot write {}", log.display()))?;
    maven.stdin(Stdio::null()).stdout(output.try_clone()?).stderr(output);
    let ended = process::run(&mut maven, LIMIT)?;
    // Notes of the plugin, for a next time that never comes.
    let _made_none = std::fs::remove_dir_all(folder.join("target"));
    match ended {
        Ended::Exited(status) if status.success() => Ok(()),
        _ if process::interrupted() => bail!("interrupted"),
        Ended::Exited(status) => bail!("mvn {name}: {status}: {}", complaints(&std::fs::read_to_string(&log)?)),
        Ended::TimedOut => bail!("mvn {name} took longer than {} minutes, see {}", LIMIT.as_secs() / 60, log.display()),
    }
}

/// What it says went wrong; the rest is where to read about Maven.
fn complaints(output: &str) -> String {
    let lines = output.lines().filter_map(|line| line.split_once("[ERROR] ")).map(|(_, complaint)| complaint.trim());
    lines.filter(|line| !line.is_empty()).take(COMPLAINTS).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_project_names_what_it_depends_on() {
        let pom = pom(&["org.example:one:1.0", "org.example:two:2.0"]).unwrap();
        assert_eq!(pom.matches("<dependency>").count(), 2);
        assert!(
            pom.contains("<groupId>org.example</groupId><artifactId>two</artifactId><version>2.0</version>"),
            "{pom}"
        );
        assert!(super::pom(&["org.example:one"]).is_err());
    }

    #[test]
    fn its_complaints_come_first() {
        let output = "[WARN] slow\n\u{1b}[0m[ERROR] Failed to execute goal: no such host\n[ERROR] \n[ERROR] two\n[ERROR] three\n[ERROR] -> [Help 1]\n";
        assert_eq!(complaints(output), "Failed to execute goal: no such host two three");
    }
}
