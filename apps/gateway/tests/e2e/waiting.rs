//! Waiting for conditions, each with a deadline.

use std::io::Write;
use std::time::{Duration, Instant};

/// How long anything may take that has no bound of its own: a busy machine is slow, and nothing waits this long in vain.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);
/// How long to wait before looking again.
const LOOK: Duration = Duration::from_millis(5);

/// Looks again and again until there is something.
pub(crate) fn wait_for<T>(what: &str, limit: Duration, mut look: impl FnMut() -> Option<T>) -> T {
    let began = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(began.elapsed() < limit, "waited {limit:?} in vain: {what}");
        std::thread::park_timeout(LOOK);
    }
}

/// Says something to whoever reads the log of a run that passed: the harness keeps `print!` for those that fail.
pub(crate) fn say(text: &str) {
    // A closed terminal is no reason to fail.
    let _ = writeln!(std::io::stderr(), "    {text}");
}
