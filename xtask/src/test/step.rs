//! One step: a command, what it needs, and what came of it.

use super::tally::{self, Tally};
use crate::process::{self, Ended};
use crate::servers::{Need, Servers};
use crate::{python, workspace};
use anyhow::Context;
use std::ffi::OsString;
use std::fs::File;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

/// No step may run longer; the tier `full` may take 75 minutes in all.
const LIMIT: Duration = Duration::from_secs(60 * 60);

/// How much is tested. Each tier includes those before it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Tier {
    /// Before every commit.
    Quick,
    /// Before every landing: what the build server runs.
    Default,
    /// Before a release: long campaigns.
    Full,
}

impl Tier {
    /// The value of `VELOX_TEST_TIER`: campaigns size themselves by it.
    fn name(self) -> &'static str {
        match self {
            Tier::Quick => "quick",
            Tier::Default => "default",
            Tier::Full => "full",
        }
    }
}

/// One step.
pub(super) struct Step {
    pub(super) name: String,
    pub(super) tier: Tier,
    command: Vec<OsString>,
    needs: Vec<Need>,
    /// What a part of it needs besides, and the arguments that leave this part out.
    part: Option<(Vec<Need>, Vec<OsString>)>,
    /// Arguments that come after all others.
    last: Vec<OsString>,
    /// Steps that must have passed.
    after: Vec<&'static str>,
    /// Whether the build server, too, may go without what it needs.
    optional: bool,
}

/// What came of a step.
pub(super) struct Report {
    pub(super) name: String,
    pub(super) outcome: Outcome,
    pub(super) tally: Tally,
    /// Why a part of it was left out.
    pub(super) left_out: Option<String>,
    pub(super) took: Duration,
    /// Where its output is; `None` when it did not run.
    pub(super) log: Option<PathBuf>,
}

/// The end of a step.
#[derive(PartialEq, Eq, Debug)]
pub(super) enum Outcome {
    Passed,
    /// With the reason.
    Failed(String),
    /// With the reason.
    Skipped(String),
}

impl Step {
    /// A step that is a command of cargo.
    pub(super) fn cargo(name: &str, tier: Tier, args: &[&str]) -> Step {
        Step::new(name, tier, workspace::cargo().get_program().to_owned(), args)
    }

    /// A step that is a command of this program.
    pub(super) fn xtask(name: &str, tier: Tier, args: &[&str]) -> anyhow::Result<Step> {
        let program = std::env::current_exe().context("cannot find myself")?;
        Ok(Step::new(name, tier, program.into_os_string(), args))
    }

    /// A step that is a script of tests/.
    pub(super) fn python(tier: Tier, script: &str) -> Step {
        Step::new(script, tier, python::interpreter().into_os_string(), &[&format!("tests/{script}")])
    }

    fn new(name: &str, tier: Tier, program: OsString, args: &[&str]) -> Step {
        let command = std::iter::once(program).chain(args.iter().map(OsString::from)).collect();
        let (needs, part, last, after) = (Vec::new(), None, Vec::new(), Vec::new());
        Step { name: name.to_owned(), tier, command, needs, part, last, after, optional: false }
    }

    /// The same step with needs.
    pub(super) fn needs(mut self, needs: &[Need]) -> Step {
        self.needs.extend(needs);
        self
    }

    /// The same step, of which a part has needs of its own: where they cannot be had, the step runs without it, with
    /// these arguments more.
    pub(super) fn part_needs(mut self, needs: &[Need], without: &[&str]) -> Step {
        self.part = Some((needs.to_vec(), without.iter().map(OsString::from).collect()));
        self
    }

    /// All that it needs.
    pub(super) fn needed(&self) -> impl Iterator<Item = Need> {
        let part = self.part.iter().flat_map(|(needs, _)| needs);
        self.needs.iter().chain(part).copied()
    }

    /// The same step, to be run only when others have passed.
    pub(super) fn after(mut self, steps: &[&'static str]) -> Step {
        self.after = steps.to_vec();
        self
    }

    /// The same step, skipped wherever what it needs cannot be had.
    pub(super) fn optional(mut self) -> Step {
        self.optional = true;
        self
    }

    /// The same step with further arguments.
    pub(super) fn args(mut self, args: &[&str]) -> Step {
        self.command.extend(args.iter().map(OsString::from));
        self
    }

    /// The same step with arguments that come after all others.
    pub(super) fn last_args(mut self, args: &[&str]) -> Step {
        self.last = args.iter().map(OsString::from).collect();
        self
    }

    /// Runs it. An error is trouble of our own; a failure of the step is in its report.
    pub(super) fn run(&self, tier: Tier, servers: &mut Servers, before: &[Report]) -> anyhow::Result<Report> {
        let clock = stopwatch();
        let report = |outcome, tally, log| {
            let (name, took) = (self.name.clone(), clock());
            Report { name, outcome, tally, left_out: None, took, log }
        };
        if let Some(reason) = self.missing_step(before) {
            return Ok(report(Outcome::Skipped(reason), Tally::skipped(), None));
        }
        let mut command = Command::new(&self.command[0]);
        command.args(&self.command[1..]).current_dir(workspace::root()).stdin(Stdio::null());
        command
            .env("VELOX_TEST_TIER", tier.name())
            .env("VELOX_TEST_BIN", workspace::velox())
            .env("CARGO_TERM_COLOR", "never");
        // The build server has everything, or is broken; elsewhere one may go without.
        let must_have = std::env::var_os("CI").is_some() && !self.optional;
        if let Err(trouble) = servers.provide(&self.needs, &mut command) {
            let reason = format!("{trouble:#}");
            return Ok(if must_have {
                report(Outcome::Failed(reason), Tally::failed(), None)
            } else {
                report(Outcome::Skipped(reason), Tally::skipped(), None)
            });
        }
        let mut left_out = None;
        if let Some((needs, without)) = &self.part
            && let Err(trouble) = servers.provide(needs, &mut command)
        {
            if must_have {
                return Ok(report(Outcome::Failed(format!("{trouble:#}")), Tally::failed(), None));
            }
            command.args(without);
            left_out = Some(format!("a part left out: {trouble:#}"));
        }
        command.args(&self.last);
        let log = workspace::scratch().join(format!("{}.log", self.name.replace(' ', "-")));
        let output = File::create(&log).with_context(|| format!("cannot write {}", log.display()))?;
        command.stdout(output.try_clone()?).stderr(output);
        let outcome = match process::run(&mut command, LIMIT)? {
            Ended::Exited(status) if status.success() => Outcome::Passed,
            Ended::Exited(status) => Outcome::Failed(status.to_string()),
            Ended::TimedOut => Outcome::Failed(format!("killed after {} minutes", LIMIT.as_secs() / 60)),
        };
        let output = String::from_utf8_lossy(&std::fs::read(&log)?).into_owned();
        let tally = tally::of(&output, outcome == Outcome::Passed);
        Ok(Report { left_out, ..report(outcome, tally, Some(log)) })
    }

    /// Whether the step of this name has to pass first.
    pub(super) fn needs_step(&self, name: &str) -> bool {
        self.after.contains(&name)
    }

    /// The reason not to run, when a step that this one stands on did not pass. One that was not asked for is no reason.
    fn missing_step(&self, before: &[Report]) -> Option<String> {
        let broken = before.iter().find(|report| self.needs_step(&report.name) && report.outcome != Outcome::Passed)?;
        Some(format!("needs the step `{}`", broken.name))
    }
}

/// Measures from now on.
fn stopwatch() -> impl Fn() -> Duration {
    #[expect(clippy::disallowed_methods, reason = "the time a step takes is told to a person")]
    let start = std::time::Instant::now();
    move || start.elapsed()
}
