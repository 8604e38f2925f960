//! The steps of each tier, in the order they run. To add one, add a line.
//!
//! A Python check needs no line: each `tests/check_*.py` is a step of the default tier, run with the packages of
//! `tests/requirements.txt` and these variables: `VELOX_TEST_BIN` (the binary to test), `VELOX_TEST_POSTGRES_URL`, and
//! `VELOX_TEST_TIER` (`default` or `full`). It passes by exit code 0; when its last line reads
//! `N passed, N failed, N skipped`, its checks are counted one by one.

use super::step::{Need, Step, Tier};
use crate::workspace;
use anyhow::Context;

/// The steps of a tier: its own and those of the smaller tiers.
pub(super) fn of(tier: Tier) -> anyhow::Result<Vec<Step>> {
    let mut steps = vec![
        Step::cargo("format", Tier::Quick, &["fmt", "--all", "--check"]),
        Step::cargo("clippy", Tier::Quick, &["clippy", "-q", "--workspace", "--all-targets", "--", "-D", "warnings"]),
        Step::xtask("layers", Tier::Quick, &["layers"])?,
        Step::xtask("codegen", Tier::Quick, &["codegen", "--check"])?,
        Step::cargo("unit tests", Tier::Quick, &["test", "--workspace", "--lib", "--bins", "--no-fail-fast"]),
        Step::cargo("tests", Tier::Default, &["test", "--workspace", "--test", "it", "--no-fail-fast"])
            .needs(&[Need::Postgres, Need::DurablePostgres]),
        // Real processes, and times that are asserted: one test after the other, with what they measured in the log.
        Step::cargo("end to end", Tier::Default, &["test", "-p", "velox", "--test", "e2e", "--", "--test-threads=1"])
            .needs(&[Need::Postgres, Need::DurablePostgres]),
        Step::cargo("doc tests", Tier::Default, &["test", "--workspace", "--doc", "--no-fail-fast"]),
        Step::cargo("build velox", Tier::Default, &workspace::BUILD_VELOX),
    ];
    steps.extend(python_checks()?);
    steps.retain(|step| step.tier <= tier);
    Ok(steps)
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
    let needs = [Need::Step("build velox"), Need::Python, Need::Postgres];
    Ok(scripts.iter().map(|script| Step::python(Tier::Default, script).needs(&needs)).collect())
}
