//! One lane: takes what waits, decides it account by account, and makes all of it durable in one commit.

use std::collections::HashMap;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use futures_util::FutureExt;
use tokio::sync::watch;
use tracing::{Instrument, Span};
use velox_kernel::{AccountId, OrgId};
use velox_trading::{
    Append, Appended, Cause, Command, ExecuteError, Executed, Known, LiveAccount, Moment, Moments, Order, Prices,
    RecordedEvent, Refused, Run, StoreError, TradingLog, TradingQueries,
};

use super::OrderTraces;
use super::hub::{self, Hub};
use super::inbox::Inbox;
use super::job::{Answer, Job, Queued, Task, commit_span};
use super::loading::{follow_log, load_account};
use super::locked;
use crate::faults::{self, Step};
use crate::observe::Observer;

/// What lanes work with.
pub struct LanePorts {
    /// The log.
    pub log: Arc<dyn TradingLog>,
    /// The read tables.
    pub queries: Arc<dyn TradingQueries>,
    /// The market's prices.
    pub prices: Arc<dyn Prices>,
    /// The clocks.
    pub moments: Arc<dyn Moments>,
    /// Who is told.
    pub hub: Arc<Hub>,
    /// What is counted.
    pub observer: Observer,
}

/// How lanes are sized.
#[derive(Clone, Copy, Debug)]
pub struct LaneSettings {
    /// How many lanes.
    pub lanes: usize,
    /// Commands that may wait in one lane.
    pub queue: usize,
    /// Commands in one commit.
    pub batch: usize,
    /// Accounts whose state one lane holds.
    pub accounts: usize,
    /// Events after which a snapshot is kept.
    pub snapshot_every: u64,
    /// Whether other processes may write to the same store.
    pub shared: bool,
}

struct Held {
    live: LiveAccount,
    /// The newest event that a snapshot includes.
    snapshot_seq: u64,
    /// The round in which it was used last.
    used: u64,
}

/// The jobs of one account in one round, and what was decided for each.
struct Group {
    account: AccountId,
    jobs: Vec<Job>,
    answers: Vec<Answer>,
    after: LiveAccount,
    appends: bool,
    /// What is appended.
    events: Vec<RecordedEvent>,
    /// The orders that wait for a broker once this is durable.
    waiting: Vec<Order>,
}

/// What one account's jobs come to, before the commit.
struct Decided {
    answers: Vec<Answer>,
    append: Option<Append>,
    after: LiveAccount,
}

pub(super) struct Lane {
    ports: Arc<LanePorts>,
    traces: Arc<OrderTraces>,
    settings: LaneSettings,
    held: HashMap<AccountId, Held>,
    round: u64,
}

impl Lane {
    pub(super) fn new(ports: Arc<LanePorts>, traces: Arc<OrderTraces>, settings: LaneSettings) -> Self {
        Self { ports, traces, settings, held: HashMap::new(), round: 0 }
    }

    /// Works until every sender is gone or the lanes are closed, and nothing waits any more. There is no wait for
    /// company: what queued up during a commit shares the next.
    pub(super) async fn run(mut self, mut inbox: Inbox, mut closed: watch::Receiver<bool>) {
        let hub = Arc::clone(&self.ports.hub);
        let mut taken = Vec::with_capacity(self.settings.batch);
        let mut open = true;
        loop {
            let count = tokio::select! {
                biased;
                _ = closed.wait_for(|closed| *closed), if open => {
                    // What is in the queue is still done; what comes now is told that it came too late.
                    inbox.close();
                    open = false;
                    continue;
                }
                count = inbox.recv_many(&mut taken, self.settings.batch.max(1), &hub) => count,
            };
            if count == 0 {
                return;
            }
            self.round += 1;
            let round = in_a_row(taken.drain(..));
            if AssertUnwindSafe(self.work(round)).catch_unwind().await.is_err() {
                // Whoever waits is told that the outcome is unknown. No state that may be half done is kept.
                tracing::error!("a lane broke; its accounts are read again");
                self.held.clear();
            }
            self.forget_the_idle();
        }
    }

    async fn work(&mut self, jobs: Vec<Job>) {
        let of_client = jobs.iter().any(Job::is_of_client);
        faults::pass(Step::Received, of_client);
        let moment = self.ports.moments.now();
        // As many as there may be: what is in them is wide, and growing moves it.
        let mut groups = Vec::with_capacity(jobs.len());
        let mut batch = Vec::with_capacity(jobs.len());
        let mut away = None;
        for (account, jobs) in by_account(jobs, |job| job.account) {
            // One account that breaks its decision takes no other one along.
            // What is read for them hangs below the first.
            let span = jobs.first().map_or_else(Span::none, |job| job.span.clone());
            let deciding = self.decide(account, &jobs, &moment, &mut away).instrument(span);
            let decided = AssertUnwindSafe(deciding).catch_unwind().await;
            match decided.unwrap_or_else(|_| Err(broken(account))) {
                Ok(Decided { answers, append, after }) => {
                    let waiting = append.as_ref().map(hub::waiting).unwrap_or_default();
                    let events = append.as_ref().map(|append| append.events.clone()).unwrap_or_default();
                    groups.push(Group { account, jobs, answers, after, appends: append.is_some(), events, waiting });
                    batch.extend(append);
                }
                Err(error) => {
                    for job in jobs {
                        job.answer(Err(error.clone()));
                    }
                }
            }
        }
        faults::pass(Step::Decided, of_client);
        let outcomes = if batch.is_empty() {
            Ok(Vec::new())
        } else {
            self.ports.observer.committing(batch.iter().map(|append| append.events.len()).sum());
            let writers = groups.iter().filter(|group| group.appends).flat_map(|group| &group.jobs);
            self.ports.log.append(batch).instrument(commit_span(writers)).await
        };
        faults::pass(Step::Committed, of_client);
        match outcomes {
            Ok(outcomes) => {
                let mut outcomes = outcomes.into_iter();
                for group in groups {
                    let outcome = if group.appends { outcomes.next() } else { None };
                    match outcome {
                        Some(Appended::Conflict) => self.settle_conflict(group, &moment).await,
                        Some(Appended::Committed) | None => self.settle(group),
                    }
                }
            }
            Err(error) => {
                for group in groups {
                    self.fail(group, &error);
                }
            }
        }
        faults::pass(Step::Answered, of_client);
    }

    /// Decides an account's jobs, one upon the other. `away` is what the store said when it was not there: it is not
    /// asked again in this round, since every account would wait for its deadline anew.
    async fn decide(
        &mut self,
        account: AccountId,
        jobs: &[Job],
        moment: &Moment,
        away: &mut Option<ExecuteError>,
    ) -> Result<Decided, ExecuteError> {
        let mut fresh = false;
        if !self.held.contains_key(&account) {
            self.load(account, away).await?;
            fresh = true;
        }
        let live = match self.held.get_mut(&account) {
            Some(held) => {
                held.used = self.round;
                held.live.clone()
            }
            None => LiveAccount::unopened(account),
        };
        let decided = self.decide_all(jobs, live.clone(), moment).await;
        if fresh || decided.append.is_some() || !self.settings.shared {
            return Ok(decided);
        }
        // An append tells whether the state was the newest. Where nothing is appended and others write too, a refusal or an account that
        // is read would rest on what another process may have changed: the log is asked.
        let known = live.head();
        let live = self.ask(away, follow_log(&*Arc::clone(&self.ports.log), live)).await?;
        if live.head() == known {
            return Ok(decided);
        }
        if let Some(held) = self.held.get_mut(&account) {
            held.live = live.clone();
        }
        Ok(self.decide_all(jobs, live, moment).await)
    }

    async fn decide_all(&self, jobs: &[Job], live: LiveAccount, moment: &Moment) -> Decided {
        let mut run = Run::new(live);
        let mut answers = Vec::with_capacity(jobs.len());
        for job in jobs {
            answers.push(match &job.task {
                Task::Read => Ok(Executed { events: Vec::new(), account: run.account().clone() }),
                Task::Execute { org, command, cause } => self.decide_one(&mut run, *org, command, cause, moment).await,
            });
        }
        let (append, after) = run.finish();
        Decided { answers, append, after }
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
        // The first try is optimistic about client order ids and fills: the store tells when they were there before.
        let known = match command {
            // Not of the name of a replacement: it begins no order until the broker has it, and the store says nothing.
            Command::Replace(_) => locked::look_up(&self.ports, run.account(), command).await?,
            _ => match command.order() {
                Some(order) if run.needs_lookup(command) => Known {
                    closed_order: self.ports.queries.order_of_account(run.account().id(), order).await?,
                    fill: false,
                },
                _ => Known::default(),
            },
        };
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

    /// The commit stands: remember the state, tell the hub, answer.
    fn settle(&mut self, group: Group) {
        let Group { account, jobs, answers, after, appends: _, events, waiting } = group;
        if !events.is_empty() {
            self.ports.observer.committed(&events);
            self.ports.hub.tell(account, events, waiting);
        }
        self.remember(account, after);
        for (job, answer) in jobs.into_iter().zip(answers) {
            job.note_trace(&answer, &self.traces);
            job.answer(answer);
        }
    }

    /// Somebody else wrote, or an id was used before: decide again under the stream's lock.
    async fn settle_conflict(&mut self, group: Group, moment: &Moment) {
        let account = group.account;
        let known = self.held.get(&account).map_or_else(|| LiveAccount::unopened(account), |held| held.live.clone());
        self.ports.observer.conflict();
        let (reads, writes): (Vec<Job>, Vec<Job>) =
            group.jobs.into_iter().partition(|job| matches!(job.task, Task::Read));
        let tasks: Vec<(Option<OrgId>, &Command, &Cause)> = writes
            .iter()
            .filter_map(|job| match &job.task {
                Task::Execute { org, command, cause } => Some((*org, &**command, cause)),
                Task::Read => None,
            })
            .collect();
        let executed = locked::execute(&self.ports, known, &tasks, moment).instrument(commit_span(writes.iter())).await;
        match executed {
            Ok(locked::Settled { after, answers, events, waiting }) => {
                let read = Executed { events: Vec::new(), account: after.account().clone() };
                self.settle(Group { account, jobs: writes, answers, after, appends: true, events, waiting });
                for job in reads {
                    job.answer(Ok(read.clone()));
                }
            }
            Err(error) => {
                // What it rested on is to be read again.
                self.held.remove(&account);
                for job in writes.into_iter().chain(reads) {
                    let said = job.after_conflict(&error);
                    job.answer(Err(said));
                }
            }
        }
    }

    /// The commit failed. Nothing that rested on it stands, refusals included.
    fn fail(&mut self, group: Group, error: &StoreError) {
        let nothing_done = matches!(error, StoreError::Unavailable(_) | StoreError::Full(_));
        if group.appends && !nothing_done {
            // What the store holds now is to be read again.
            self.held.remove(&group.account);
        }
        let Group { jobs, answers, appends, .. } = group;
        for (job, answer) in jobs.into_iter().zip(answers) {
            job.answer(if appends { Err(error.clone().into()) } else { answer });
        }
    }

    /// Holds an account's state from its snapshot and the log's tail, if it was opened.
    async fn load(&mut self, account: AccountId, away: &mut Option<ExecuteError>) -> Result<(), ExecuteError> {
        let log = Arc::clone(&self.ports.log);
        let (live, snapshot_seq) = self.ask(away, load_account(&*log, account)).await?;
        if live.head().seq > 0 {
            self.held.insert(account, Held { live, snapshot_seq, used: self.round });
        }
        Ok(())
    }

    /// Asks the store unless it was away a moment ago.
    async fn ask<T>(
        &self,
        away: &mut Option<ExecuteError>,
        question: impl Future<Output = Result<T, ExecuteError>>,
    ) -> Result<T, ExecuteError> {
        if let Some(error) = away {
            return Err(error.clone());
        }
        let answer = question.await;
        if let Err(error @ ExecuteError::Store(StoreError::Unavailable(_))) = &answer {
            *away = Some(error.clone());
        }
        answer
    }

    fn remember(&mut self, account: AccountId, live: LiveAccount) {
        let seq = live.head().seq;
        if seq == 0 {
            return;
        }
        let snapshot_seq = self.held.get(&account).map_or(0, |held| held.snapshot_seq);
        let due = seq >= snapshot_seq + self.settings.snapshot_every.max(1);
        if due {
            let (log, snapshot) = (Arc::clone(&self.ports.log), live.snapshot());
            // Written outside the commit, and discardable: a failure costs the next start some reading.
            tokio::spawn(async move {
                if let Err(error) = log.save_snapshot(snapshot).await {
                    tracing::warn!(%error, "a snapshot was not kept");
                }
            });
        }
        let snapshot_seq = if due { seq } else { snapshot_seq };
        self.held.insert(account, Held { live, snapshot_seq, used: self.round });
    }

    /// Keeps the number of accounts held within its bound, dropping the half that was used longest ago.
    fn forget_the_idle(&mut self) {
        if self.held.len() <= self.settings.accounts.max(1) {
            return;
        }
        let mut used: Vec<u64> = self.held.values().map(|held| held.used).collect();
        let middle = used.len() / 2;
        let (_, median, _) = used.select_nth_unstable(middle);
        let median = *median;
        self.held.retain(|_, held| held.used > median);
    }
}

/// Whether a refused command may be one that was answered before.
fn may_be_answered(command: &Command, refused: &Refused) -> bool {
    let told = matches!(refused, Refused::Repeated { .. } | Refused::IdConflict { .. } | Refused::NotOpen);
    command.client_order_id().is_some() && !told
}

/// Whether a tenant's command may reach the account; this process's own may reach all.
pub(super) fn belongs_to(account: &velox_trading::Account, org: Option<OrgId>) -> bool {
    match (org, account.profile()) {
        (None, _) => true,
        (Some(org), Some(profile)) => profile.org == org,
        (Some(_), None) => false,
    }
}

/// Said of commands whose decision broke: nothing of them was written.
pub(super) fn broken(account: AccountId) -> ExecuteError {
    tracing::error!(%account, "a decision broke");
    StoreError::Corrupt(format!("the commands of {account} could not be decided")).into()
}

fn in_a_row(queued: impl ExactSizeIterator<Item = Queued>) -> Vec<Job> {
    let mut jobs = Vec::with_capacity(queued.len());
    for queued in queued {
        match queued {
            Queued::One(job) => jobs.push(job),
            Queued::Together(several) => jobs.extend(several),
        }
    }
    jobs
}

/// Things by account, those of each in the order in which they came.
pub(crate) fn by_account<T>(things: Vec<T>, account: impl Fn(&T) -> AccountId) -> Vec<(AccountId, Vec<T>)> {
    let mut places: HashMap<AccountId, usize> = HashMap::new();
    let mut groups: Vec<(AccountId, Vec<T>)> = Vec::new();
    for thing in things {
        let account = account(&thing);
        let place = *places.entry(account).or_insert_with(|| {
            groups.push((account, Vec::new()));
            groups.len() - 1
        });
        groups[place].1.push(thing);
    }
    groups
}
