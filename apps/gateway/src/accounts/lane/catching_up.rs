//! Taking in what other processes have written: what they told of, what a refusal would rest on, what an append met.

use std::collections::{BTreeSet, HashSet};
use std::time::Duration;

use tokio::time::timeout;
use tracing::Instrument;
use velox_kernel::AccountId;
use velox_trading::{ExecuteError, LiveAccount, Order, RecordedEvent};

use super::Lane;
use super::deciding::{answer_all, span_of};
use super::group::Group;
use super::round::Round;
use crate::accounts::hub;
use crate::accounts::job::{Job, Task};
use crate::accounts::loading::{damaged, follow_log};
use crate::accounts::locked::Contested;

/// Events that are read in one question about several accounts, and the bounds of what is read of one.
const EVENTS: usize = 4_096;
const TAIL: (usize, usize) = (16, 256);
/// How long the accounts that others told of are read before a decision. A word may be wrong, and the append tells
/// all the same.
const PATIENCE: Duration = Duration::from_secs(1);

impl Lane {
    /// Reads, in one question, the accounts of which others said that they have written more than is held, and those that
    /// are only read. Gives those that are now held up to their log's end. What cannot be read in time stays as it is: an
    /// append finds out, and the executor looks for itself.
    pub(super) async fn catch_up(
        &mut self,
        waiting: &[(AccountId, Vec<Job>)],
        mut elsewhere: Vec<AccountId>,
    ) -> HashSet<AccountId> {
        let mut newest = HashSet::new();
        if !self.settings.shared {
            return newest;
        }
        elsewhere.sort_unstable();
        elsewhere.dedup();
        elsewhere.retain(|account| waiting.iter().all(|(busy, _)| busy != account));
        let busy = waiting.iter().map(|(account, jobs)| (*account, jobs.as_slice()));
        let accounts: Vec<(AccountId, &[Job])> =
            busy.chain(elsewhere.into_iter().map(|account| (account, &[][..]))).collect();
        let told = self.ports.hub.moved().take(accounts.iter().map(|(account, _)| *account));
        let mut behind = Vec::new();
        let mut span = None;
        for ((account, jobs), told) in accounts.into_iter().zip(told) {
            let Some(known) = self.held.get(account) else {
                if jobs.is_empty() {
                    self.ports.hub.look_for_work();
                }
                continue;
            };
            // What is decided under the lock is read there.
            if (told > known.head().seq || reads(jobs)) && !self.is_contended(account, jobs) {
                behind.push((account, known.head().seq));
                span.get_or_insert_with(|| span_of(jobs));
            }
        }
        let Some(span) = span else { return newest };
        let limit = limit_for(behind.len());
        let tails = match timeout(PATIENCE, self.ports.log.tails(&behind, limit)).instrument(span).await {
            Ok(Ok(tails)) => tails,
            missed => {
                tracing::debug!(?missed, "what other processes told of could not be read in time");
                self.ports.hub.look_for_work();
                return newest;
            }
        };
        for ((account, _), tail) in behind.into_iter().zip(tails) {
            let Some(live) = self.held.get_mut(account) else { continue };
            match follow(live, &tail) {
                Ok(found) => {
                    self.ports.hub.hand_over(found);
                    if !is_full(&tail, limit) {
                        newest.insert(account);
                    }
                }
                // It is loaded anew, which says what is wrong.
                Err(_) => self.held.let_go(account),
            }
        }
        self.ports.observer.caught_up(newest.len());
        newest
    }

    /// An append tells whether the state was the newest. Where nothing is appended and others write too, a refusal or an
    /// account that is read would rest on what another process may have changed: the log is asked, once for all of them.
    pub(super) async fn make_sure(&mut self, groups: Vec<Group>, round: &mut Round) -> Vec<Group> {
        let is_unsure = |group: &Group| !group.is_newest && !group.appends();
        if !self.settings.shared || !groups.iter().any(is_unsure) {
            return groups;
        }
        let (unsure, mut sure): (Vec<Group>, Vec<Group>) = groups.into_iter().partition(is_unsure);
        let known: Vec<_> = unsure.iter().map(|group| (group.account, group.after.head().seq)).collect();
        let span = unsure.first().map_or_else(tracing::Span::none, |group| span_of(&group.jobs));
        let limit = limit_for(known.len());
        let asked = async { Ok(self.ports.log.tails(&known, limit).await?) };
        let tails = match round.ask(asked.instrument(span)).await {
            Ok(tails) => tails,
            Err(error) => {
                unsure.into_iter().for_each(|group| group.answer_failed(&error));
                return sure;
            }
        };
        for (group, tail) in unsure.into_iter().zip(tails) {
            if tail.is_empty() {
                sure.push(group);
                continue;
            }
            let Group { account, jobs, after: live, .. } = group;
            let followed = self.follow_to_the_end(live, &tail, limit, round).instrument(span_of(&jobs)).await;
            match followed {
                Ok(live) => {
                    self.hold_newer(account, &live);
                    match self.decide_upon(jobs, live, true, &round.moment).await {
                        Ok(group) => sure.push(group),
                        Err(undecided) => undecided.answer(),
                    }
                }
                Err(error) => {
                    self.held.let_go(account);
                    answer_all(jobs, &error);
                }
            }
        }
        sure
    }

    /// Decides again what lost its race, upon what the winners have written, read in one question. What lost for another
    /// reason, or has missed very much, is decided under its lock: it is given back second.
    pub(super) async fn decide_again(&mut self, lost: Vec<Group>, round: &mut Round) -> (Vec<Group>, Vec<Contested>) {
        let (mut groups, mut contested) = (Vec::with_capacity(lost.len()), Vec::new());
        let known = |account| self.held.get(account).map_or(0, |live| live.head().seq);
        let after: Vec<_> = lost.iter().map(|group| (group.account, known(group.account))).collect();
        let span = lost.first().map_or_else(tracing::Span::none, |group| span_of(&group.jobs));
        let limit = limit_for(after.len());
        let tails = match self.ports.log.tails(&after, limit).instrument(span).await {
            Ok(tails) => tails,
            Err(error) => {
                lost.into_iter().for_each(|group| self.give_up(group, &error.clone().into()));
                return (groups, contested);
            }
        };
        for (group, tail) in lost.into_iter().zip(tails) {
            let account = group.account;
            let held = self.held.get(account).cloned();
            let mut live = held.unwrap_or_else(|| LiveAccount::unopened(account));
            match follow(&mut live, &tail) {
                Ok(found) => self.ports.hub.hand_over(found),
                Err(error) => {
                    self.give_up(group, &error);
                    continue;
                }
            }
            self.hold_newer(account, &live);
            if tail.is_empty() || is_full(&tail, limit) {
                // Nobody has written: it was about a name, which is looked up.
                let thorough = tail.is_empty();
                contested.push(Contested { jobs: group.jobs, known: live, thorough, met: true });
            } else {
                match self.decide_upon(group.jobs, live, true, &round.moment).await {
                    Ok(group) => groups.push(group.after_conflict()),
                    Err(undecided) => undecided.after_conflict().answer(),
                }
            }
        }
        (groups, contested)
    }

    /// What lost its race twice is decided under its lock, and so is what comes next for the same account.
    pub(super) fn contest(&mut self, group: Group) -> Contested {
        let account = group.account;
        self.held.note_contended(account);
        let known = self.held.get(account).cloned().unwrap_or_else(|| LiveAccount::unopened(account));
        Contested { jobs: group.jobs, known, thorough: false, met: true }
    }

    /// Whether jobs of an account are decided under its lock at once.
    pub(super) fn is_contended(&self, account: AccountId, jobs: &[Job]) -> bool {
        self.held.is_contended(account) && writes(jobs)
    }

    async fn follow_to_the_end(
        &self,
        mut live: LiveAccount,
        tail: &[RecordedEvent],
        limit: u32,
        round: &mut Round,
    ) -> Result<LiveAccount, ExecuteError> {
        self.ports.hub.hand_over(follow(&mut live, tail)?);
        if is_full(tail, limit) { round.ask(follow_log(&*self.ports.log, live)).await } else { Ok(live) }
    }

    /// Holds a newer state of an account that is held.
    fn hold_newer(&mut self, account: AccountId, live: &LiveAccount) {
        if let Some(held) = self.held.get_mut(account) {
            held.clone_from(live);
        }
    }

    /// What was met cannot be read.
    fn give_up(&mut self, group: Group, error: &ExecuteError) {
        self.held.let_go(group.account);
        for job in group.jobs {
            let said = job.after_conflict(error);
            job.answer(Err(said));
        }
    }
}

/// Takes events in, and gives the orders in them that now wait for a broker.
fn follow(live: &mut LiveAccount, tail: &[RecordedEvent]) -> Result<Vec<Order>, ExecuteError> {
    let mut touched = BTreeSet::new();
    for record in tail {
        touched.extend(live.follow(record).map_err(damaged)?.fact.order());
    }
    Ok(hub::waiting_among(live.account(), touched.into_iter()))
}

/// How many events are read of each of so many accounts.
fn limit_for(accounts: usize) -> u32 {
    u32::try_from((EVENTS / accounts.max(1)).clamp(TAIL.0, TAIL.1)).unwrap_or(u32::MAX)
}

/// Whether there may be more of it.
fn is_full(tail: &[RecordedEvent], limit: u32) -> bool {
    tail.len() >= usize::try_from(limit).unwrap_or(usize::MAX)
}

/// Whether any of the jobs may write.
fn writes(jobs: &[Job]) -> bool {
    jobs.iter().any(|job| !matches!(job.task, Task::Read))
}

/// Whether there are jobs, none of which may write.
fn reads(jobs: &[Job]) -> bool {
    !jobs.is_empty() && !writes(jobs)
}
