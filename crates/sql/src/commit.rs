//! [`CommitObserver`]: who hears of commits, for the metrics.

use std::time::Duration;

/// A commit of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Commit {
    /// How many appends shared it.
    pub members: usize,
    /// How many of them were conflicts.
    pub conflicts: usize,
    /// How many events it made durable.
    pub events: usize,
    /// How long it took, the sync included.
    pub took: Duration,
}

/// Hears of commits. It must not block.
pub trait CommitObserver: Send + Sync {
    /// A commit is durable.
    fn committed(&self, commit: Commit);

    /// The rows of a commit are written, and it is about to be sent. A store that writes and commits in one statement
    /// has no such moment and does not tell of it. For tests that end the process here.
    fn written(&self) {}
}

/// Hears nothing.
#[derive(Clone, Copy, Debug)]
pub struct Unobserved;

impl CommitObserver for Unobserved {
    fn committed(&self, _: Commit) {}
}
