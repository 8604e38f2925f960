//! What is printed: the end of a failed step's log, and the table at the end.

use super::step::{Outcome, Report};
use super::tally::Tally;

/// How much of a failed step's log is shown.
const LOG_LINES: usize = 100;
/// How many lines of a panic are shown: where it was, and what it said.
const PANIC_LINES: usize = 6;

/// Says at once what came of a step, with the end of its log when it failed.
pub(super) fn announce(report: &Report) {
    println!("{} {} in {:.1} s", report.name, word(&report.outcome), report.took.as_secs_f64());
    let Outcome::Failed(_) = report.outcome else { return };
    let Some(log) = &report.log else { return };
    let output = std::fs::read(log).unwrap_or_default();
    let output = String::from_utf8_lossy(&output);
    let lines: Vec<_> = output.lines().collect();
    let shown = lines.len().min(LOG_LINES);
    println!("--- the last {shown} of {} lines of {}", lines.len(), log.display());
    for line in &lines[lines.len() - shown..] {
        println!("{line}");
    }
    // Last, for logs of servers are long, and whoever cuts this short keeps its end.
    println!("--- what failed");
    for line in failures(&lines) {
        println!("{line}");
    }
    println!("---");
}

/// The tests of a log that failed, and what the panics said, wherever they stand in it.
fn failures<'a>(lines: &[&'a str]) -> Vec<&'a str> {
    let mut found = Vec::new();
    let mut left = 0;
    for line in lines {
        let panics = line.starts_with("thread '") && line.contains(" panicked at ");
        left = match () {
            () if panics => PANIC_LINES,
            () if line.is_empty() || line.starts_with("note: run with") => 0,
            () => left,
        };
        if left > 0 || (line.starts_with("test ") && line.ends_with(" FAILED")) {
            found.push(*line);
        }
        left = usize::saturating_sub(left, 1);
    }
    found.truncate(LOG_LINES);
    found
}

/// Prints the table and, as the last line, the sums. True when nothing failed.
pub(super) fn print(reports: &[Report]) -> bool {
    println!();
    for line in table(reports) {
        println!("{line}");
    }
    !reports.iter().any(|report| matches!(report.outcome, Outcome::Failed(_)))
}

fn table(reports: &[Report]) -> Vec<String> {
    let width = reports.iter().map(|report| report.name.len()).max().unwrap_or(0).max(4);
    let mut lines = vec![format!("{:width$}  {:7}  {:>7}  {:>8}  reason", "step", "result", "tests", "seconds")];
    for report in reports {
        let Tally { passed, failed, skipped } = report.tally;
        let mut reasons: Vec<_> = report.left_out.iter().cloned().collect();
        match &report.outcome {
            Outcome::Passed if skipped > 0 => reasons.push(format!("{skipped} skipped inside")),
            Outcome::Passed => {}
            Outcome::Failed(reason) | Outcome::Skipped(reason) => reasons.push(reason.clone()),
        }
        let reason = reasons.join("; ");
        let (result, seconds) = (word(&report.outcome), report.took.as_secs_f64());
        let tests = passed + failed;
        let line = format!("{:width$}  {result:7}  {tests:>7}  {seconds:>8.1}  {reason}", report.name);
        lines.push(line.trim_end().to_owned());
    }
    let Tally { passed, failed, skipped } =
        reports.iter().map(|report| report.tally).fold(Tally::default(), Tally::plus);
    lines.push(format!("{passed} passed, {failed} failed, {skipped} skipped"));
    lines
}

fn word(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Passed => "passed",
        Outcome::Failed(_) => "failed",
        Outcome::Skipped(_) => "skipped",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn what_failed_is_found_wherever_it_stands() {
        let log = "running 2 tests\ntest one ... ok\ntest two ... FAILED\n\nfailures:\n\n---- two stdout ----\n\n\
                   thread 'two' (12) panicked at tests/it.rs:3:5:\nassertion `left == right` failed\n  left: 1\n right: 2\n\
                   note: run with `RUST_BACKTRACE=1` environment variable to display a backtrace\n\
                   the end of the log of a server:\n{\"level\":\"INFO\"}\n";
        assert_eq!(
            failures(&log.lines().collect::<Vec<_>>()),
            [
                "test two ... FAILED",
                "thread 'two' (12) panicked at tests/it.rs:3:5:",
                "assertion `left == right` failed",
                "  left: 1",
                " right: 2",
            ]
        );
    }

    #[test]
    fn the_last_line_has_the_sums_and_each_step_its_reason() {
        let report = |name: &str, outcome, tally| Report {
            name: name.to_owned(),
            outcome,
            tally,
            left_out: None,
            took: Duration::from_millis(1500),
            log: None,
        };
        let part = Report {
            left_out: Some("a part left out: java is not installed".to_owned()),
            ..report("tests", Outcome::Passed, Tally { passed: 3, failed: 0, skipped: 0 })
        };
        let lines = table(&[
            report("unit tests", Outcome::Passed, Tally { passed: 5, failed: 0, skipped: 1 }),
            report("layers", Outcome::Failed("exit status: 1".to_owned()), Tally::failed()),
            part,
            report("chaos", Outcome::Skipped("PostgreSQL is not installed".to_owned()), Tally::skipped()),
        ]);
        assert_eq!(
            lines,
            [
                "step        result     tests   seconds  reason",
                "unit tests  passed         5       1.5  1 skipped inside",
                "layers      failed         1       1.5  exit status: 1",
                "tests       passed         3       1.5  a part left out: java is not installed",
                "chaos       skipped        0       1.5  PostgreSQL is not installed",
                "8 passed, 1 failed, 2 skipped",
            ]
        );
    }
}
