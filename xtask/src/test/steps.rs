//! The steps of each tier, in the order they run. To add one, add a line.
//!
//! A Python check needs no line: each `tests/check_*.py` is a step of the default tier, run with the packages of
//! `tests/requirements.txt` and these variables: `VELOX_TEST_BIN` (the binary to test), `VELOX_TEST_POSTGRES_URL`,
//! `VELOX_TEST_TIER` (`default` or `full`), and, when its name says `kafka` or `java`, `VELOX_TEST_KAFKA_BROKERS` and
//! `VELOX_TEST_SCHEMA_REGISTRY_URL`. It passes by exit code 0; when its last line reads
//! `N passed, N failed, N skipped`, its checks are counted one by one.

use super::step::{Step, Tier};
use crate::servers::Need;
use crate::{chaos, postgres, workspace};
use anyhow::Context;

/// What the end-to-end tests cannot show on a given PostgreSQL: they need the server's processes under a trace, and one
/// without syncs.
const NOT_ON_A_GIVEN_SERVER: [&str; 2] = ["--skip", "sync_order::on_postgres"];
/// What cannot be shown on one whose certificate nobody has vouched for.
const NOT_WITHOUT_AUTHORITY: [&str; 3] = ["--", "--skip", "tls::"];

/// The steps of a tier: its own and those of the smaller tiers.
pub(super) fn of(tier: Tier, database_given: bool) -> anyhow::Result<Vec<Step>> {
    let authority_given = std::env::var_os(postgres::AUTHORITY).is_some();
    let mut steps = vec![
        Step::cargo("format", Tier::Quick, &["fmt", "--all", "--check"]),
        Step::cargo("clippy", Tier::Quick, &["clippy", "-q", "--workspace", "--all-targets", "--", "-D", "warnings"]),
        Step::xtask("layers", Tier::Quick, &["layers"])?,
        Step::xtask("codegen", Tier::Quick, &["codegen", "--check"])?,
        Step::cargo("unit tests", Tier::Quick, &["test", "--workspace", "--lib", "--bins", "--no-fail-fast"]),
        Step::cargo("tests", Tier::Default, &["test", "--workspace", "--test", "it", "--no-fail-fast"])
            .last_args(if database_given && !authority_given { &NOT_WITHOUT_AUTHORITY } else { &[] })
            .needs(&[Need::Postgres, Need::DurablePostgres, Need::Redis])
            .part_needs(&[Need::Kafka], &["--exclude", "velox-kafka", "--exclude", "velox-schema-registry"]),
        // `xtask kafka` itself. `--workspace` for the same features as above, so that nothing is compiled twice.
        Step::cargo("kafka", Tier::Default, &["test", "--workspace", "--test", "kafka", "--", "--test-threads=1"])
            .needs(&[Need::Kafka, Need::OwnKafka]),
        // Real processes, and times that are asserted: one test after the other, with what they measured in the log.
        e2e("end to end", &["--skip", "chaos::"])
            .args(if database_given { &NOT_ON_A_GIVEN_SERVER } else { &[] })
            .needs(&[Need::Postgres, Need::DurablePostgres, Need::OwnPostgres, Need::Redis, Need::Nginx])
            .part_needs(&[Need::Kafka, Need::OwnKafka], &["--skip", "split", "--skip", "topic"]),
        e2e("chaos", &["chaos::", "--skip", "network"])
            .needs(&chaos::NEEDS)
            .part_needs(&chaos::KAFKA_NEEDS, &["--skip", "chaos::kafka"]),
        // Toxiproxy is in no distribution, and takes Go to build.
        e2e("chaos network", &["network"])
            .needs(&chaos::NEEDS)
            .needs(&[Need::Toxiproxy])
            .part_needs(&chaos::KAFKA_NEEDS, &["--skip", "kafka"])
            .optional(),
        Step::cargo("doc tests", Tier::Default, &["test", "--workspace", "--doc", "--no-fail-fast"]),
        Step::cargo("build velox", Tier::Default, &workspace::BUILD_VELOX),
    ];
    steps.extend(python_checks()?);
    steps.retain(|step| step.tier <= tier);
    Ok(steps)
}

/// A step that is some of the end-to-end tests.
fn e2e(name: &str, arguments: &[&str]) -> Step {
    Step::cargo(name, Tier::Default, &["test", "-p", "velox", "--test", "e2e", "--", "--test-threads=1"])
        .args(arguments)
}

fn python_checks() -> anyhow::Result<Vec<Step>> {
    let folder = workspace::root().join("tests");
    let mut scripts = Vec::new();
    if folder.is_dir() {
        for entry in std::fs::read_dir(&folder)? {
            let name = entry?.file_name().into_string().ok().context("a file name under tests/ is not UTF-8")?;
            scripts.extend(Some(name).filter(|name| name.starts_with("check_") && name.ends_with(".py")));
        }
    }
    scripts.sort();
    let step = |script: &String| {
        let reads_topics = script.contains("kafka") || script.contains("java");
        let kafka: &[Need] = if reads_topics { &[Need::Kafka] } else { &[] };
        Step::python(Tier::Default, script).needs(&[Need::Python, Need::Postgres]).needs(kafka)
    };
    Ok(scripts.iter().map(|script| step(script).after(&["build velox"])).collect())
}
