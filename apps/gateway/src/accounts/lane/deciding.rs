//! Deciding an account's jobs upon the state that is held.

use std::panic::AssertUnwindSafe;

use futures_util::FutureExt;
use tracing::{Instrument, Span};
use velox_kernel::{AccountId, OrgId};
use velox_trading::{Account, Cause, Command, ExecuteError, Executed, LiveAccount, Moment, Refused, Run, StoreError};

use super::Lane;
use super::group::{Decided, Group, is_logged};
use super::round::Round;
use crate::accounts::job::{Answer, Job, Task, answers_after_conflict};
use crate::accounts::loading::load_account;
use crate::accounts::locked;

impl Lane {
    /// Decides an account's jobs, one upon the other; when that fails they are answered.
    pub(super) async fn decide(
        &mut self,
        account: AccountId,
        jobs: Vec<Job>,
        is_newest: bool,
        round: &mut Round,
    ) -> Option<Group> {
        let fresh = self.held.use_account(account).is_none();
        if fresh && let Err(error) = self.load(account, round).instrument(span_of(&jobs)).await {
            answer_all(jobs, &error);
            return None;
        }
        let live = self.held.get(account).cloned().unwrap_or_else(|| LiveAccount::unopened(account));
        let decided = self.decide_upon(jobs, live, is_newest || fresh, &round.moment).await;
        decided.map_err(Undecided::answer).ok()
    }

    /// Decides jobs upon a state, or gives them back with the reason. One account that breaks its decision takes no other
    /// one along.
    pub(super) async fn decide_upon(
        &self,
        jobs: Vec<Job>,
        live: LiveAccount,
        is_newest: bool,
        moment: &Moment,
    ) -> Result<Group, Undecided> {
        let account = live.account().id();
        // What is read for them hangs below the first.
        let deciding = self.decide_all(&jobs, live, moment).instrument(span_of(&jobs));
        match AssertUnwindSafe(deciding).catch_unwind().await {
            Ok(Ok(decided)) => Ok(Group::new(jobs, decided, is_newest)),
            Ok(Err(answers)) => Err(Undecided { jobs, answers }),
            Err(_) => {
                let answers = jobs.iter().map(|_| Err(broken(account))).collect();
                Err(Undecided { jobs, answers })
            }
        }
    }

    /// Fails when something that this process brought could not be looked up, and gives what to answer then: what comes
    /// after it must not overtake it.
    async fn decide_all(&self, jobs: &[Job], live: LiveAccount, moment: &Moment) -> Result<Decided, Vec<Answer>> {
        let head = live.head().seq;
        let mut run = Run::new(live);
        let mut answers = Vec::with_capacity(jobs.len());
        for job in jobs {
            answers.push(match &job.task {
                Task::Read => Ok(Executed { events: Vec::new(), account: run.account().clone() }),
                Task::Execute { org, command, cause } => {
                    match self.decide_one(&mut run, *org, command, cause, moment).await {
                        Err(error @ ExecuteError::Store(_)) if org.is_none() => {
                            return Err(unanswered(answers, jobs.len(), head, &error));
                        }
                        decided => decided,
                    }
                }
            });
        }
        let (append, after) = run.finish();
        Ok(Decided { answers, append, after })
    }

    async fn decide_one(
        &self,
        run: &mut Run,
        org: Option<OrgId>,
        command: &Command,
        cause: &Cause,
        moment: &Moment,
    ) -> Answer {
        if !belongs_to(run.account(), org) {
            return Err(Refused::NotOpen.into());
        }
        // Optimistic about client order ids and fills.
        let closed = run.needs_lookup(command);
        let known = locked::look_up_order(&self.ports, run.account(), command, closed).await?;
        let events = match run.decide(command, cause, moment, &*self.ports.prices, &known) {
            // The store sees no refusal. What this one is refused for may be what the same request did before: then it
            // gets that one's answer.
            Err(refused) if may_be_answered(command, &refused) => {
                let known = locked::look_up(&self.ports, run.account(), command).await?;
                run.decide(command, cause, moment, &*self.ports.prices, &known)?
            }
            decided => decided?,
        };
        Ok(Executed { events, account: run.account().clone() })
    }

    /// Holds an account's state from its snapshot and the log's tail, if it was opened.
    async fn load(&mut self, account: AccountId, round: &mut Round) -> Result<(), ExecuteError> {
        let live = round.ask(load_account(&*self.ports.log, account)).await?;
        self.held.hold(account, live);
        Ok(())
    }
}

/// Jobs upon which nothing could be decided, and what to answer.
pub(super) struct Undecided {
    pub(super) jobs: Vec<Job>,
    pub(super) answers: Vec<Answer>,
}

impl Undecided {
    pub(super) fn answer(self) {
        self.jobs.into_iter().zip(self.answers).for_each(|(job, answer)| job.answer(answer));
    }

    /// Jobs that were decided before, and met a conflict.
    pub(super) fn after_conflict(self) -> Self {
        let Self { jobs, answers } = self;
        let answers = answers_after_conflict(&jobs, answers);
        Self { jobs, answers }
    }
}

/// The answers of so many jobs when one of them failed: what the log says up to `head` stands.
fn unanswered(answers: Vec<Answer>, jobs: usize, head: u64, error: &ExecuteError) -> Vec<Answer> {
    let alone = answers.iter().flatten().all(|executed| executed.events.is_empty());
    let failed = || Err(error.clone());
    let stands = |answer: Answer| if is_logged(&answer, head, alone) { answer } else { failed() };
    let mut said: Vec<Answer> = answers.into_iter().map(stands).collect();
    said.resize_with(jobs, failed);
    said
}

/// The span of the first of an account's jobs.
pub(super) fn span_of(jobs: &[Job]) -> Span {
    jobs.first().map_or_else(Span::none, |job| job.span.clone())
}

pub(super) fn answer_all(jobs: Vec<Job>, error: &ExecuteError) {
    for job in jobs {
        job.answer(Err(error.clone()));
    }
}

/// Whether a refused command may be one that was answered before.
pub(in crate::accounts) fn may_be_answered(command: &Command, refused: &Refused) -> bool {
    let told = matches!(refused, Refused::Repeated { .. } | Refused::IdConflict { .. } | Refused::NotOpen);
    command.client_order_id().is_some() && !told
}

/// Whether a tenant's command may reach the account; this process's own may reach all.
pub(in crate::accounts) fn belongs_to(account: &Account, org: Option<OrgId>) -> bool {
    match (org, account.profile()) {
        (None, _) => true,
        (Some(org), Some(profile)) => profile.org == org,
        (Some(_), None) => false,
    }
}

/// Said of commands whose decision broke: nothing of them was written.
pub(in crate::accounts) fn broken(account: AccountId) -> ExecuteError {
    tracing::error!(%account, "a decision broke");
    StoreError::Corrupt(format!("the commands of {account} could not be decided")).into()
}
