//! Faults that tests ask for, in debug builds only: the end of the process at a chosen step of a command, and a store
//! that does not sync.
//!
//! `VELOX_TEST_KILL_AT=<step>[:<n>]` names the step and how many passages it takes (one when not given). Only commands
//! of clients are counted: what the broker and the clock cause passes freely.

/// A step of a client's command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// A lane took it from its queue.
    Received,
    /// Its events are known, and nothing of them was written.
    Decided,
    /// Its rows are written, and the commit was not sent.
    Appended,
    /// It is durable, and nobody was told.
    Committed,
    /// Its answer was handed over.
    Answered,
}

#[cfg(debug_assertions)]
mod armed {
    use std::sync::LazyLock;
    use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

    use super::Step;

    const STEPS: [(&str, Step); 5] = [
        ("received", Step::Received),
        ("decided", Step::Decided),
        ("appended", Step::Appended),
        ("committed", Step::Committed),
        ("answered", Step::Answered),
    ];

    /// The step, and the passages that are left before the last one.
    static TARGET: LazyLock<Option<(Step, AtomicU32)>> =
        LazyLock::new(|| target(&std::env::var("VELOX_TEST_KILL_AT").ok()?));
    /// Whether a client's command is on its way into the store.
    static WRITING: AtomicBool = AtomicBool::new(false);

    pub(super) fn target(text: &str) -> Option<(Step, AtomicU32)> {
        let (name, passages) = text.split_once(':').unwrap_or((text, "1"));
        let (_, step) = STEPS.into_iter().find(|(word, _)| *word == name)?;
        let passages: u32 = passages.parse().ok().filter(|passages| *passages > 0)?;
        Some((step, AtomicU32::new(passages - 1)))
    }

    pub(super) fn pass(step: Step) {
        WRITING.store(step == Step::Decided, Ordering::Release);
        reach(step);
    }

    pub(super) fn pass_write() {
        if WRITING.load(Ordering::Acquire) {
            reach(Step::Appended);
        }
    }

    fn reach(step: Step) {
        let Some((target, left)) = &*TARGET else { return };
        let last = || left.fetch_update(Ordering::AcqRel, Ordering::Acquire, |left| left.checked_sub(1)).is_err();
        if *target == step && last() {
            // As the system kills: no handler runs, nothing is flushed.
            let _ = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL);
        }
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn a_target_is_a_step_and_a_number_of_passages() {
            let read = |text: &str| target(text).map(|(step, left)| (step, left.into_inner()));
            assert_eq!(read("decided"), Some((Step::Decided, 0)));
            assert_eq!(read("answered:12"), Some((Step::Answered, 11)));
            for wrong in ["", "decide", "decided:", "decided:0", "decided:x"] {
                assert_eq!(read(wrong), None, "{wrong}");
            }
        }
    }
}

/// Ends the process when this is the step that a test has chosen.
#[inline]
pub fn pass(step: Step, of_client: bool) {
    #[cfg(debug_assertions)]
    if of_client {
        armed::pass(step);
    }
    #[cfg(not(debug_assertions))]
    let _ = (step, of_client);
}

/// [`Step::Appended`], told by the store, which does not know whose rows it writes.
#[inline]
pub fn pass_write() {
    #[cfg(debug_assertions)]
    armed::pass_write();
}

/// Whether the embedded store syncs: always, but for `VELOX_TEST_SYNCHRONOUS=off` in a debug build.
#[must_use]
pub fn syncs() -> bool {
    !cfg!(debug_assertions) || std::env::var_os("VELOX_TEST_SYNCHRONOUS").is_none_or(|word| word != "off")
}
