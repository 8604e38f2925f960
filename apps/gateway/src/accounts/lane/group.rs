//! [`Group`]: the jobs of one account in one round, and what was decided for each.

use velox_kernel::AccountId;
use velox_trading::{Append, LiveAccount, Order, RecordedEvent};

use crate::accounts::hub;
use crate::accounts::job::{Answer, Job, fence_of, position_of};

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

    /// Whether anything follows from it.
    pub(super) fn appends(&self) -> bool {
        !self.events.is_empty()
    }
}
