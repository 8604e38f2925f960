//! [`Tasks`]: what runs for the life of the process, by name.

use std::collections::HashMap;

use tokio::task::{Id, JoinSet};

/// A task has ended that lives as long as the process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0} ended while the process was to go on")]
pub struct TaskEnded(pub(super) &'static str);

/// What runs for the life of the process.
#[derive(Default)]
pub(super) struct Tasks {
    set: JoinSet<()>,
    names: HashMap<Id, &'static str>,
}

impl Tasks {
    /// Starts one.
    pub(super) fn spawn(&mut self, name: &'static str, task: impl Future<Output = ()> + Send + 'static) {
        let started = self.set.spawn(task);
        self.names.insert(started.id(), name);
    }

    /// The next one that ends; `None` when all have.
    pub(super) async fn next_ended(&mut self) -> Option<TaskEnded> {
        let id = match self.set.join_next_with_id().await? {
            Ok((id, ())) => id,
            Err(broken) => broken.id(),
        };
        Some(TaskEnded(self.names.remove(&id).unwrap_or("a task")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn says_which_one_has_ended() {
        let mut tasks = Tasks::default();
        tasks.spawn("one that goes on", std::future::pending());
        tasks.spawn("one that ends", async {});
        assert_eq!(tasks.next_ended().await, Some(TaskEnded("one that ends")));
    }
}
