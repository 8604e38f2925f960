//! Deciding under a stream's lock, where somebody else was first before.

use std::collections::{HashMap, HashSet};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use futures_util::{StreamExt, TryStreamExt, stream};
use parking_lot::Mutex;
use tracing::Instrument;
use velox_kernel::{AccountId, ClientOrderId, Fence, OrderId, OrgId};
use velox_trading::{
    Account, Append, Appended, Cause, Command, DecideLocked, ExecuteError, Executed, Fact, Head, Known, LiveAccount,
    Moment, Order, RecordedEvent, Refused, Run, StoreError,
};

use super::hub;
use super::job::{Answer, Job, Task, commit_span, fence_of, position_of};
use super::lane::{LanePorts, belongs_to, may_be_answered};
use super::loading::damaged;

/// How often commands are decided under the lock before giving up.
const ATTEMPTS: u32 = 5;
/// Accounts of one lane that are decided under their locks at once: each takes a session of the store.
const AT_ONCE: usize = 2;
/// Commands of one account whose ids are looked up at once.
const LOOK_UPS: usize = 4;

/// One account's jobs, which are decided under its lock.
pub(super) struct Contested {
    pub(super) jobs: Vec<Job>,
    /// The account as it is known.
    pub(super) known: LiveAccount,
    /// Whether every id is looked up before. Without that the store says when a name was there, and then they are.
    pub(super) thorough: bool,
    /// Whether a decision of these jobs has met a conflict.
    pub(super) met: bool,
}

impl Contested {
    pub(super) fn account(&self) -> AccountId {
        self.known.account().id()
    }
}

/// What came of commands that were decided under the lock.
pub(super) struct Settled {
    /// The account.
    pub(super) after: LiveAccount,
    /// For each command.
    pub(super) answers: Vec<Answer>,
    /// What was appended.
    pub(super) events: Vec<RecordedEvent>,
    /// The orders in it that now wait for a call to their broker.
    pub(super) waiting: Vec<Order>,
    /// The orders of others that were found to wait for one.
    pub(super) found: Vec<Order>,
    /// Whether somebody else had written meanwhile.
    pub(super) met: bool,
}

/// Nothing was committed, or nobody knows.
pub(super) struct Failed {
    pub(super) error: ExecuteError,
    /// Whether a conflict was met before, here or earlier.
    pub(super) met: bool,
}

/// Decides each account's commands under its stream's lock and commits what follows, a few accounts at a time.
pub(super) async fn execute_all(
    ports: Arc<LanePorts>,
    contested: Vec<Contested>,
    moment: Moment,
) -> Vec<(Contested, Result<Settled, Failed>)> {
    let ports = &ports;
    let mut executing = Vec::with_capacity(contested.len());
    for contested in contested {
        executing.push(async move {
            ports.observer.locked();
            let span = commit_span(contested.jobs.iter());
            let outcome = execute(ports, &contested, &moment).instrument(span).await;
            (contested, outcome)
        });
    }
    stream::iter(executing).buffer_unordered(AT_ONCE).collect().await
}

async fn execute(ports: &Arc<LanePorts>, contested: &Contested, moment: &Moment) -> Result<Settled, Failed> {
    let Contested { jobs, known, .. } = contested;
    let (mut thorough, mut met) = (contested.thorough, contested.met);
    let mut right = (fence_of(jobs), position_of(jobs));
    let mut tasks = tasks_of(jobs, |_| true);
    for _ in 0..ATTEMPTS {
        let attempt = try_once(ports, known, &tasks, moment, thorough, right).await;
        match attempt.map_err(|error| Failed { error, met })? {
            Outcome::Decided(Err(error)) => return Err(Failed { error, met }),
            Outcome::Decided(Ok(settled)) if right.0 == fence_of(jobs) => return Ok(settled),
            Outcome::Decided(Ok(settled)) => return Ok(with_fenced(settled, jobs)),
            Outcome::LookAgain => thorough = true,
            Outcome::Conflict => (thorough, met) = (true, true),
            // What needs no right is decided again, without the rest.
            Outcome::Fenced => {
                ports.observer.fenced();
                right = (None, None);
                tasks = tasks_of(jobs, |job| job.fence.is_none());
            }
        }
    }
    Err(Failed { error: ExecuteError::Contended, met })
}

/// The commands among jobs.
fn tasks_of(jobs: &[Job], wanted: impl Fn(&Job) -> bool) -> Vec<(Option<OrgId>, &Command, &Cause)> {
    let tasks = jobs.iter().filter(|job| wanted(job)).filter_map(|job| match &job.task {
        Task::Execute { org, command, cause } => Some((*org, &**command, cause)),
        Task::Read => None,
    });
    tasks.collect()
}

/// The answers of all commands, where those whose right was lost were left out.
fn with_fenced(settled: Settled, jobs: &[Job]) -> Settled {
    let mut given = settled.answers.into_iter();
    let commands = jobs.iter().filter(|job| !matches!(job.task, Task::Read));
    let answers = commands.filter_map(|job| match job.fence {
        Some(_) => Some(Err(ExecuteError::Fenced)),
        None => given.next(),
    });
    Settled { answers: answers.collect(), ..settled }
}

async fn try_once(
    ports: &Arc<LanePorts>,
    known: &LiveAccount,
    tasks: &[(Option<OrgId>, &Command, &Cause)],
    moment: &Moment,
    thorough: bool,
    right: (Option<Fence>, Option<u64>),
) -> Result<Outcome, ExecuteError> {
    let account = known.account();
    let mut looking = Vec::with_capacity(tasks.len());
    for (org, command, cause) in tasks {
        looking.push(async move {
            let closed = command.order().is_some_and(|order| account.open_order(order).is_none());
            let found = if thorough {
                look_up(ports, account, command).await?
            } else {
                look_up_order(ports, account, command, closed).await?
            };
            Ok::<_, StoreError>((*org, (*command).clone(), **cause, found))
        });
    }
    let commands = stream::iter(looking).buffered(LOOK_UPS).try_collect().await?;
    let outcome = Arc::new(Mutex::new(None));
    let decider = Decider {
        ports: Arc::clone(ports),
        live: known.clone(),
        commands,
        moment: *moment,
        thorough,
        right,
        outcome: Arc::clone(&outcome),
    };
    let (_, appended) = ports.log.append_locked(account.id(), known.head(), Box::new(decider)).await?;
    let decided = outcome.lock().take();
    match (appended, decided) {
        // An id was there, or was used between the look-up and the lock.
        (Some(Appended::Conflict), _) => Ok(Outcome::Conflict),
        (Some(Appended::Fenced), _) => Ok(Outcome::Fenced),
        (_, Some(outcome)) => Ok(outcome),
        (_, None) => Err(StoreError::Unavailable("the store did not ask for a decision".into()).into()),
    }
}

/// What the store knows of a command's ids.
pub(super) async fn look_up(ports: &LanePorts, account: &Account, command: &Command) -> Result<Known, StoreError> {
    let account = account.id();
    let mut known = Known::default();
    if let Some(id) = command.client_order_id() {
        known.closed_order = ports.queries.order_by_client_id(account, id).await?;
    }
    if known.closed_order.is_none()
        && let Some(order) = command.order()
    {
        known.closed_order = ports.queries.order_of_account(account, order).await?;
    }
    if let Some(fill) = command.fill() {
        known.fill = ports.queries.has_fill(account, fill).await?;
    }
    Ok(known)
}

/// What the store must be asked before a command is decided, when it tells by itself which names and fills were there
/// before. `closed` says that the command is about an order which is not open.
pub(super) async fn look_up_order(
    ports: &LanePorts,
    account: &Account,
    command: &Command,
    closed: bool,
) -> Result<Known, StoreError> {
    match command {
        // It does not tell of the name of a replacement, which begins no order until the broker has it.
        Command::Replace(_) => look_up(ports, account, command).await,
        _ => match command.order() {
            Some(order) if closed => {
                Ok(Known { closed_order: ports.queries.order_of_account(account.id(), order).await?, fill: false })
            }
            _ => Ok(Known::default()),
        },
    }
}

type Decided = Result<Settled, ExecuteError>;

/// What came of a decision under the lock.
#[expect(clippy::large_enum_variant, reason = "there is one, for the time of one decision")]
enum Outcome {
    /// What was looked up before the lock is not what the log says under it, or was not enough.
    LookAgain,
    /// A name or a fill was there before; nothing was written.
    Conflict,
    /// The right was lost; nothing was written.
    Fenced,
    Decided(Decided),
}

struct Decider {
    ports: Arc<LanePorts>,
    live: LiveAccount,
    commands: Vec<(Option<OrgId>, Command, Cause, Known)>,
    moment: Moment,
    thorough: bool,
    /// The right that it is written under, and how far the topic of its shard is worked off with it.
    right: (Option<Fence>, Option<u64>),
    outcome: Arc<Mutex<Option<Outcome>>>,
}

impl DecideLocked for Decider {
    fn decide(&mut self, head: Head, tail: Vec<RecordedEvent>) -> Option<Append> {
        // The store's own thread must outlive a decision that breaks.
        let (outcome, append) = std::panic::catch_unwind(AssertUnwindSafe(|| self.try_to(head, &tail)))
            .unwrap_or_else(|_| (Outcome::Decided(Err(super::lane::broken(self.live.account().id()))), None));
        *self.outcome.lock() = Some(outcome);
        append
    }
}

impl Decider {
    fn try_to(&mut self, head: Head, tail: &[RecordedEvent]) -> (Outcome, Option<Append>) {
        let mut touched: HashMap<OrderId, u64> = HashMap::new();
        let mut begun: HashSet<ClientOrderId> = HashSet::new();
        for record in tail {
            let event = match self.live.follow(record) {
                Ok(event) => event,
                Err(error) => return (Outcome::Decided(Err(damaged(error))), None),
            };
            touched.extend(event.fact.order().map(|order| (order, record.seq)));
            if let Fact::OrderReplaced { by, .. } = &event.fact {
                touched.insert(by.order_id, record.seq);
            }
            if let Fact::OrderAccepted(placed)
            | Fact::OrderDenied { order: placed, .. }
            | Fact::OrderReplaced { by: placed, .. } = &event.fact
            {
                begun.insert(placed.client_order_id);
            }
        }
        let found = hub::waiting_among(self.live.account(), touched.keys().copied());
        if self.live.head() != head {
            let text = format!("the log of {} does not end where its events do", self.live.account().id());
            return (Outcome::Decided(Err(StoreError::Corrupt(text).into())), None);
        }
        let outdated = |(_, command, _, known): &(_, Command, _, Known)| {
            // A name of which nothing was found, and that an order has taken and given back since.
            let unseen =
                |id: &ClientOrderId| known.closed_order.as_ref().is_none_or(|order| order.client_order_id != *id);
            let taken = command.client_order_id().is_some_and(|id| unseen(&id) && begun.contains(&id));
            taken || self.is_outdated(command, known, &touched)
        };
        if self.commands.iter().any(outdated) {
            return (Outcome::LookAgain, None);
        }
        let mut run = Run::new(self.live.clone());
        let mut answers = Vec::with_capacity(self.commands.len());
        for (org, command, cause, known) in &self.commands {
            if !belongs_to(run.account(), *org) {
                answers.push(Err(Refused::NotOpen.into()));
                continue;
            }
            let decided = run.decide(command, cause, &self.moment, &*self.ports.prices, known);
            // What it is refused for may be what the same request did before.
            if !self.thorough && decided.as_ref().is_err_and(|refused| may_be_answered(command, refused)) {
                return (Outcome::LookAgain, None);
            }
            answers.push(
                decided.map(|events| Executed { events, account: run.account().clone() }).map_err(ExecuteError::from),
            );
        }
        let (mut append, after) = run.finish();
        if let Some(append) = &mut append {
            (append.fence, append.position) = self.right;
        }
        let events = append.as_ref().map(|append| append.events.clone()).unwrap_or_default();
        let waiting = append.as_ref().map(hub::waiting).unwrap_or_default();
        (Outcome::Decided(Ok(Settled { after, answers, events, waiting, found, met: !tail.is_empty() })), append)
    }

    /// Whether a closed order that the command names was changed after it was looked up: its row must not be
    /// carried on from an older form.
    fn is_outdated(&self, command: &Command, known: &Known, touched: &HashMap<OrderId, u64>) -> bool {
        let found = known.closed_order.as_ref();
        let newer = |id: OrderId| {
            let seen = found.filter(|order| order.id == id).map_or(0, |order| order.last_seq);
            self.live.account().open_order(id).is_none() && touched.get(&id).is_some_and(|seq| *seq > seen)
        };
        // A client order id that was taken meanwhile is the store's to tell.
        found.is_some_and(|order| newer(order.id)) || (found.is_none() && command.order().is_some_and(newer))
    }
}
