//! [`Group`]: the jobs of one account in one round, and what was decided for each.

use velox_kernel::AccountId;
use velox_trading::{Append, ExecuteError, LiveAccount, Order, RecordedEvent, Refused};

use crate::accounts::hub;
use crate::accounts::job::{Answer, Job, answers_after_conflict, fence_of, position_of};

/// The jobs of one account in one round, and what was decided for each.
pub(super) struct Group {
    pub(super) account: AccountId,
    pub(super) jobs: Vec<Job>,
    pub(super) answers: Vec<Answer>,
    /// The account once this is durable.
    pub(super) after: LiveAccount,
    /// What is to be committed, until that begins.
    pub(super) append: Option<Append>,
    /// The events in it; none when nothing is appended.
    pub(super) events: Vec<RecordedEvent>,
    /// The orders in it that wait for a broker once this is durable.
    pub(super) waiting: Vec<Order>,
    /// Whether the log was read up to its end just before.
    pub(super) is_newest: bool,
    /// Whether an earlier decision of these jobs met a conflict.
    pub(super) met: bool,
}

/// What an account's jobs come to, before the commit.
pub(super) struct Decided {
    pub(super) answers: Vec<Answer>,
    pub(super) append: Option<Append>,
    pub(super) after: LiveAccount,
}

impl Group {
    pub(super) fn new(jobs: Vec<Job>, decided: Decided, is_newest: bool) -> Self {
        let Decided { answers, mut append, after } = decided;
        if let Some(append) = &mut append {
            (append.fence, append.position) = (fence_of(&jobs), position_of(&jobs));
        }
        let waiting = append.as_ref().map(hub::waiting).unwrap_or_default();
        let events = append.as_ref().map(|append| append.events.clone()).unwrap_or_default();
        Self { account: after.account().id(), jobs, answers, after, append, events, waiting, is_newest, met: false }
    }

    /// What was decided again because an earlier decision met a conflict.
    pub(super) fn after_conflict(self) -> Self {
        let Self { jobs, answers, .. } = self;
        let answers = answers_after_conflict(&jobs, answers);
        Self { jobs, answers, met: true, ..self }
    }

    /// Whether anything follows from it.
    pub(super) fn appends(&self) -> bool {
        !self.events.is_empty()
    }

    /// Answers jobs whose commit failed, or which rest on what others may have changed while the store cannot be asked.
    /// That a request was made before stands all the same: the log says so, and names are taken for ever.
    pub(super) fn answer_failed(self, error: &ExecuteError) {
        let Self { jobs, answers, events, met, .. } = self;
        let head = events.first().map_or(u64::MAX, |event| event.seq - 1);
        for (job, answer) in jobs.into_iter().zip(answers) {
            let stands = is_logged(&answer, head, events.is_empty());
            let said = if met { job.after_conflict(error) } else { error.clone() };
            job.answer(if stands { answer } else { Err(said) });
        }
    }
}

/// Whether an answer says what the log does up to `head`, and not what is just about to be in it. `alone`: nothing is.
pub(super) fn is_logged(answer: &Answer, head: u64, alone: bool) -> bool {
    match answer {
        Err(ExecuteError::Refused(Refused::Repeated { seq, .. })) => *seq <= head,
        Err(ExecuteError::Refused(Refused::IdConflict { .. })) => alone,
        _ => false,
    }
}
