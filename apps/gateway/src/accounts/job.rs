//! [`Job`]: a command that waits for its account's writer, the span that it stands for, and where its answer goes.

use std::collections::HashMap;

use tokio::sync::oneshot;
use tracing::{Span, field};
use velox_kernel::{AccountId, Fence, OrgId, Principal};
use velox_trading::{Cause, Command, ExecuteError, Executed, StoreError};

use super::OrderTraces;

/// A command's outcome.
pub(super) type Answer = Result<Executed, ExecuteError>;

/// What waits in a lane's queue.
pub(super) enum Queued {
    One(Job),
    /// Of one account; they share a commit.
    Together(Vec<Job>),
    /// Another process has written to this account, and an order waits in it: what is held is to be brought up to that.
    Elsewhere(AccountId),
}

impl Queued {
    /// Answers what a client waits for; gives the rest.
    pub(super) fn refuse_clients(self, error: &ExecuteError) -> Option<Self> {
        match self {
            Self::One(job) if job.is_of_client() || matches!(job.task, Task::Read) => {
                job.answer(Err(error.clone()));
                None
            }
            // Several together are this process's own.
            kept => Some(kept),
        }
    }

    /// Answers that too much waits; nothing was done.
    pub(super) fn refuse(self) {
        let jobs = match self {
            Self::One(job) => vec![job],
            Self::Together(jobs) => jobs,
            Self::Elsewhere(_) => vec![],
        };
        for job in jobs {
            job.answer(Err(ExecuteError::Overloaded));
        }
    }
}

pub(super) struct Job {
    pub(super) account: AccountId,
    pub(super) task: Task,
    /// The right that it needs, where it needs one.
    pub(super) fence: Option<Fence>,
    /// How far the topic of that right's shard is worked off with it, where it follows from a record.
    pub(super) position: Option<u64>,
    /// From when it was put into the queue until it is answered, below the span of whoever brought it.
    pub(super) span: Span,
    reply: oneshot::Sender<Answer>,
}

pub(super) enum Task {
    Execute { org: Option<OrgId>, command: Box<Command>, cause: Cause },
    Read,
}

impl Job {
    /// A task, and where its answer comes.
    pub(super) fn new(account: AccountId, task: Task) -> (Self, oneshot::Receiver<Answer>) {
        let (reply, answer) = oneshot::channel();
        let name = match &task {
            Task::Execute { command, .. } => command.kind(),
            Task::Read => "read",
        };
        let span = tracing::trace_span!(
            "account.write",
            otel.status_code = field::Empty,
            velox.account = %account,
            velox.command = name,
            "error.type" = field::Empty,
        );
        (Self { account, task, fence: None, position: None, span, reply }, answer)
    }

    /// A command of this process, which may need a right.
    pub(super) fn own(
        account: AccountId,
        command: Command,
        cause: Cause,
        fence: Option<Fence>,
    ) -> (Self, oneshot::Receiver<Answer>) {
        let (job, answer) = Self::new(account, Task::Execute { org: None, command: Box::new(command), cause });
        (Self { fence, ..job }, answer)
    }

    /// The job with which the topic of its right's shard is worked off up to `position`.
    pub(super) fn at(self, position: u64) -> Self {
        Self { position: Some(position), ..self }
    }

    /// Answers. A client that went away wants no answer.
    pub(super) fn answer(self, answer: Answer) {
        let Self { span, reply, .. } = self;
        if let Err(error) = &answer {
            let (name, failed) = name_of(error);
            span.record("error.type", name);
            if failed {
                span.record("otel.status_code", "ERROR");
            }
        }
        // It ends before the span of whoever waits for it.
        velox_telemetry::end(span);
        let _ = reply.send(answer);
    }

    /// Whether a client's request brought it.
    pub(super) fn is_of_client(&self) -> bool {
        matches!(&self.task, Task::Execute { cause: Cause { actor: Principal::User { .. }, .. }, .. })
    }

    /// What to say when the store did not answer after a conflict. The conflict may be about the command's name: then
    /// an earlier request under it was carried out, and "nothing was done" would invite another one under a new name.
    pub(super) fn after_conflict(&self, error: &ExecuteError) -> ExecuteError {
        match (&self.task, error) {
            (
                Task::Execute { command, .. },
                ExecuteError::Store(StoreError::Unavailable(reason) | StoreError::Full(reason)),
            ) if command.client_order_id().is_some() => StoreError::OutcomeUnknown(reason.clone()).into(),
            _ => error.clone(),
        }
    }

    /// Notes the trace of the orders that began with it.
    pub(super) fn note_trace(&self, answer: &Answer, traces: &OrderTraces) {
        if let (Task::Execute { cause: Cause { trace: Some(trace), .. }, .. }, Ok(executed)) = (&self.task, answer) {
            traces.note(executed, *trace);
        }
    }

    /// Whether somebody keeps the trace that it belongs to.
    fn is_sampled(&self) -> bool {
        matches!(&self.task, Task::Execute { cause: Cause { trace: Some(trace), .. }, .. } if trace.is_sampled())
    }
}

/// What to answer jobs that were decided again after a conflict: see [`Job::after_conflict`].
pub(super) fn answers_after_conflict(jobs: &[Job], answers: Vec<Answer>) -> Vec<Answer> {
    let said = |(job, answer): (&Job, Answer)| answer.map_err(|error| job.after_conflict(&error));
    jobs.iter().zip(answers).map(said).collect()
}

/// The right that an account's jobs need.
pub(super) fn fence_of(jobs: &[Job]) -> Option<Fence> {
    jobs.iter().filter_map(|job| job.fence).max_by_key(|fence| fence.epoch)
}

/// How far the topic of that right's shard is worked off with an account's jobs.
pub(super) fn position_of(jobs: &[Job]) -> Option<u64> {
    jobs.iter().filter_map(|job| job.position).max()
}

/// The jobs of which one append an account can carry what follows, and those that are left for the next ones: an append is
/// written under one right, so that the rights of two roles do not go together.
pub(super) fn of_one_role(jobs: Vec<Job>) -> (Vec<Job>, Vec<Job>) {
    let mut named = jobs.iter().filter_map(|job| job.fence.map(|fence| fence.role));
    if named.next().is_none_or(|first| named.all(|role| role == first)) {
        return (jobs, vec![]);
    }
    let mut roles: HashMap<AccountId, &'static str> = HashMap::new();
    jobs.into_iter().partition(|job| match job.fence {
        Some(fence) => *roles.entry(job.account).or_insert(fence.role) == fence.role,
        None => true,
    })
}

/// An account's jobs but those that need a right from before it was lost, which are answered.
pub(super) fn under_newest(jobs: Vec<Job>) -> Vec<Job> {
    let Some(newest) = fence_of(&jobs) else { return jobs };
    refuse_fenced(jobs, |fence| fence != newest)
}

/// The jobs but those whose right is lost, which are answered.
pub(super) fn refuse_fenced(jobs: Vec<Job>, is_lost: impl Fn(Fence) -> bool) -> Vec<Job> {
    let (lost, jobs): (Vec<Job>, Vec<Job>) = jobs.into_iter().partition(|job| job.fence.is_some_and(&is_lost));
    lost.into_iter().for_each(|job| job.answer(Err(ExecuteError::Fenced)));
    jobs
}

/// An error's stable name, and whether it is a failure rather than an answer.
fn name_of(error: &ExecuteError) -> (&'static str, bool) {
    match error {
        ExecuteError::Refused(_) => ("refused", false),
        ExecuteError::Overloaded => ("overloaded", true),
        ExecuteError::Contended => ("contended", true),
        ExecuteError::Fenced => ("fenced", false),
        ExecuteError::ShuttingDown => ("shutting_down", true),
        ExecuteError::Store(_) => ("store", true),
    }
}

/// The span of a commit: below the first job in it whose trace is kept, with links to the others.
pub(super) fn commit_span<'a>(jobs: impl Iterator<Item = &'a Job>) -> Span {
    let mut traced = jobs.filter(|job| !job.span.is_disabled() && job.is_sampled());
    let Some(first) = traced.next() else { return Span::none() };
    let span = tracing::trace_span!(parent: &first.span, "account.commit");
    for other in traced {
        span.follows_from(&other.span);
    }
    span
}
