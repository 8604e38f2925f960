//! Counting: the single tests inside a step, from what it printed.

/// How many tests ended how.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub(super) struct Tally {
    pub(super) passed: u64,
    pub(super) failed: u64,
    pub(super) skipped: u64,
}

impl Tally {
    /// One thing that passed.
    pub(super) fn passed() -> Tally {
        Tally { passed: 1, ..Tally::default() }
    }

    /// One thing that failed.
    pub(super) fn failed() -> Tally {
        Tally { failed: 1, ..Tally::default() }
    }

    /// One thing that did not run.
    pub(super) fn skipped() -> Tally {
        Tally { skipped: 1, ..Tally::default() }
    }

    /// Both together.
    pub(super) fn plus(self, other: Tally) -> Tally {
        Tally {
            passed: self.passed + other.passed,
            failed: self.failed + other.failed,
            skipped: self.skipped + other.skipped,
        }
    }
}

/// Sums the `test result:` lines of cargo and the last line of a script, `N passed, N failed, N skipped`. A step that
/// prints neither counts as one, and so does a failure that no single test explains (a build that broke, say).
pub(super) fn of(output: &str, step_passed: bool) -> Tally {
    let cargo = output.lines().filter_map(|line| line.strip_prefix("test result: "));
    let last = output.lines().rfind(|line| !line.trim().is_empty());
    let script = last.filter(|line| line.starts_with(|first: char| first.is_ascii_digit()));
    let sum = cargo.chain(script).map(of_line).fold(Tally::default(), Tally::plus);
    match (step_passed, sum) {
        (true, sum) if sum == Tally::default() => Tally::passed(),
        (false, sum) if sum.failed == 0 => sum.plus(Tally::failed()),
        (_, sum) => sum,
    }
}

/// Reads the numbers that stand before `passed`, `failed`, and `ignored` or `skipped`.
fn of_line(line: &str) -> Tally {
    let words: Vec<_> = line.split([' ', ';', ',', '.']).filter(|word| !word.is_empty()).collect();
    let before = |names: [&str; 2]| {
        let pair = words.windows(2).find(|pair| names.contains(&pair[1]) && pair[0].parse::<u64>().is_ok());
        pair.and_then(|pair| pair[0].parse().ok()).unwrap_or(0)
    };
    Tally {
        passed: before(["passed", "passed"]),
        failed: before(["failed", "failed"]),
        skipped: before(["ignored", "skipped"]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_results_of_all_test_binaries_are_summed() {
        let output = "running 3 tests\n\
            test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.01s\n\
            test result: FAILED. 4 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.01s\n\
            error: 1 target failed:\n";
        assert_eq!(of(output, false), Tally { passed: 7, failed: 2, skipped: 1 });
    }

    #[test]
    fn the_last_line_of_a_script_counts() {
        assert_eq!(
            of("1 of 3 ...\n5 passed, 0 failed, 2 skipped\n\n", true),
            Tally { passed: 5, failed: 0, skipped: 2 }
        );
    }

    #[test]
    fn a_step_without_tests_counts_as_one() {
        assert_eq!(of("layers are fine\n", true), Tally::passed());
        assert_eq!(of("error: could not compile\n", false), Tally::failed());
    }

    #[test]
    fn a_failure_that_no_test_explains_is_counted() {
        let output = "test result: ok. 3 passed; 0 failed; 0 ignored; 0 measured\nerror: could not compile\n";
        assert_eq!(of(output, false), Tally { passed: 3, failed: 1, skipped: 0 });
    }
}
