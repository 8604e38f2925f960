//! One round of a lane: what it took from its queue is decided, committed and answered.

use std::sync::Arc;

use tracing::Instrument;
use velox_kernel::AccountId;
use velox_trading::{Append, Appended, ExecuteError, Executed, Moment, StoreError};

use super::group::Group;
use super::{Lane, by_account};
use crate::accounts::job::{Job, Task, commit_span, refuse_fenced, under_newest};
use crate::accounts::locked::{self, Contested, Failed, Settled};
use crate::faults::{self, Step};

/// What holds for everything in a round.
pub(super) struct Round {
    pub(super) moment: Moment,
    of_client: bool,
    /// What the store said when it was not there: it is not asked to read again in this round, since every account would
    /// wait for its deadline anew.
    away: Option<ExecuteError>,
}

impl Round {
    /// Asks the store unless it was away a moment ago.
    pub(super) async fn ask<T>(
        &mut self,
        question: impl Future<Output = Result<T, ExecuteError>>,
    ) -> Result<T, ExecuteError> {
        if let Some(error) = &self.away {
            return Err(error.clone());
        }
        let answer = question.await;
        if let Err(error @ ExecuteError::Store(StoreError::Unavailable(_))) = &answer {
            self.away = Some(error.clone());
        }
        answer
    }
}

impl Lane {
    /// The first try of an account rests on what is held, and on what others are said to have written; the second on what
    /// the first one was found to have missed; the last one is made under the stream's lock.
    pub(super) async fn work(&mut self, jobs: Vec<Job>, elsewhere: Vec<AccountId>) {
        self.held.begin_round();
        let of_client = jobs.iter().any(Job::is_of_client);
        faults::pass(Step::Received, of_client);
        let mut round = Round { moment: self.ports.moments.now(), of_client, away: None };
        let waiting = by_account(jobs, |job| job.account);
        let newest = self.catch_up(&waiting, elsewhere).await;
        if waiting.is_empty() {
            return;
        }
        // As many as there may be: what is in them is wide, and growing moves it.
        let (mut groups, mut contested) = (Vec::with_capacity(waiting.len()), Vec::new());
        for (account, jobs) in waiting {
            let jobs = under_newest(jobs);
            if self.is_contended(account, &jobs)
                && let Some(known) = self.held.use_account(account)
            {
                contested.push(Contested { jobs, known: known.clone(), thorough: false, met: false });
            } else {
                groups.extend(self.decide(account, jobs, newest.contains(&account), &mut round).await);
            }
        }
        let groups = self.make_sure(groups, &mut round).await;
        faults::pass(Step::Decided, of_client);

        let lost = self.commit(groups, contested, &round).await;
        if !lost.is_empty() {
            let (groups, contested) = self.decide_again(lost, &mut round).await;
            let lost = self.commit(groups, contested, &round).await;
            if !lost.is_empty() {
                let contested = lost.into_iter().map(|group| self.contest(group)).collect();
                self.commit(Vec::new(), contested, &round).await;
            }
        }
        faults::pass(Step::Answered, of_client);
    }

    /// Commits what was decided, and meanwhile decides under their locks what is contested. Everything is answered but
    /// what lost a race, which is given back.
    async fn commit(&mut self, mut groups: Vec<Group>, contested: Vec<Contested>, round: &Round) -> Vec<Group> {
        let locking = locked::execute_all(Arc::clone(&self.ports), contested, round.moment);
        tokio::pin!(locking);
        let batch: Vec<Append> = groups.iter_mut().filter_map(|group| group.append.take()).collect();
        let mut settled = None;
        let outcomes = if batch.is_empty() {
            Ok(Vec::new())
        } else {
            self.ports.observer.committing(batch.iter().map(|append| append.events.len()).sum());
            let writers = groups.iter().filter(|group| group.appends()).flat_map(|group| &group.jobs);
            let appending = self.ports.log.append(batch).instrument(commit_span(writers));
            tokio::pin!(appending);
            loop {
                tokio::select! {
                    outcomes = &mut appending => break outcomes,
                    done = &mut locking, if settled.is_none() => settled = Some(done),
                }
            }
        };
        faults::pass(Step::Committed, round.of_client);
        let mut lost = match outcomes {
            Ok(outcomes) => {
                let mut outcomes = outcomes.into_iter();
                let mut lost = Vec::new();
                for group in groups {
                    let outcome = if group.appends() { outcomes.next() } else { None };
                    match outcome {
                        Some(Appended::Conflict) => lost.push(group),
                        // What needs no right is decided again, without the rest.
                        Some(Appended::Fenced) => {
                            self.ports.observer.fenced();
                            lost.push(Group { jobs: refuse_fenced(group.jobs, |_| true), ..group });
                        }
                        Some(Appended::Committed) | None => self.settle(group),
                    }
                }
                lost
            }
            Err(error) => {
                self.note_failure(&error.clone().into());
                for group in groups {
                    self.fail(group, &error);
                }
                Vec::new()
            }
        };
        lost.retain(|group| !group.jobs.is_empty());
        lost.iter().for_each(|_| self.ports.observer.conflict());
        // Nobody waits for those any more whose commit was done first.
        let settled = match settled {
            Some(settled) => settled,
            None => locking.await,
        };
        for (contested, outcome) in settled {
            self.settle_contested(contested, outcome);
        }
        lost
    }

    /// The commit stands: remember the state, tell the hub, answer.
    fn settle(&mut self, group: Group) {
        let Group { account, jobs, answers, after, append: _, events, waiting, is_newest: _, met: _ } = group;
        let appended = u64::try_from(events.len()).unwrap_or(u64::MAX);
        if !events.is_empty() {
            self.ports.observer.committed(&events);
            self.ports.hub.tell(account, events, waiting);
        }
        if let Some(snapshot) = self.held.remember(account, after, appended) {
            let log = Arc::clone(&self.ports.log);
            // Written outside the commit, and discardable: a failure costs the next start some reading.
            tokio::spawn(async move {
                if let Err(error) = log.save_snapshot(snapshot).await {
                    tracing::warn!(%error, "a snapshot was not kept");
                }
            });
        }
        for (job, answer) in jobs.into_iter().zip(answers) {
            job.note_trace(&answer, &self.traces);
            job.answer(answer);
        }
    }

    /// The commit failed. Nothing that rested on it stands, refusals included.
    fn fail(&mut self, group: Group, error: &StoreError) {
        let nothing_done = matches!(error, StoreError::Unavailable(_) | StoreError::Full(_));
        if group.appends() && !nothing_done {
            // What the store holds now is to be read again.
            self.held.let_go(group.account);
        }
        if group.appends() {
            group.answer_failed(&error.clone().into());
        } else {
            group.jobs.into_iter().zip(group.answers).for_each(|(job, answer)| job.answer(answer));
        }
    }

    /// A decision under the lock has ended: as [`Lane::settle`], or everything rested on what is to be read again.
    fn settle_contested(&mut self, contested: Contested, outcome: Result<Settled, Failed>) {
        let account = contested.account();
        let (reads, jobs): (Vec<Job>, Vec<Job>) =
            contested.jobs.into_iter().partition(|job| matches!(job.task, Task::Read));
        match outcome {
            Ok(Settled { after, answers, events, waiting, found, met }) => {
                self.ports.hub.hand_over(found);
                let read = Executed { events: Vec::new(), account: after.account().clone() };
                let append = None;
                self.settle(Group { account, jobs, answers, after, append, events, waiting, is_newest: true, met });
                if met {
                    self.held.note_contended(account);
                }
                for job in reads {
                    job.answer(Ok(read.clone()));
                }
            }
            Err(Failed { error, met }) => {
                self.note_failure(&error);
                self.held.let_go(account);
                for job in jobs.into_iter().chain(reads) {
                    let said = if met { job.after_conflict(&error) } else { error.clone() };
                    job.answer(Err(said));
                }
            }
        }
    }
}
