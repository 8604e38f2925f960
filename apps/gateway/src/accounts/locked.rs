//! Deciding under a stream's lock, after a conflict.

use std::collections::{HashMap, HashSet};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use parking_lot::Mutex;
use velox_kernel::{ClientOrderId, OrderId, OrgId};
use velox_trading::{
    Account, Append, Appended, Cause, Command, DecideLocked, ExecuteError, Executed, Fact, Head, Known, LiveAccount,
    Moment, Order, RecordedEvent, Refused, Run, StoreError,
};

use super::hub;
use super::job::Answer;
use super::lane::{LanePorts, belongs_to};
use super::loading::damaged;

/// How often commands are decided under the lock before giving up.
const ATTEMPTS: u32 = 4;

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
}

/// Decides commands of one account under its stream's lock and commits what follows.
///
/// # Errors
/// [`ExecuteError`] when nothing was committed, or the outcome is unknown.
pub(super) async fn execute(
    ports: &Arc<LanePorts>,
    known: LiveAccount,
    tasks: &[(Option<OrgId>, &Command, &Cause)],
    moment: &Moment,
) -> Result<Settled, ExecuteError> {
    for _ in 0..ATTEMPTS {
        let mut commands = Vec::with_capacity(tasks.len());
        for (org, command, cause) in tasks {
            let found = look_up(ports, known.account(), command).await?;
            commands.push((*org, (*command).clone(), **cause, found));
        }
        let outcome = Arc::new(Mutex::new(None));
        let decider = Decider {
            ports: Arc::clone(ports),
            live: known.clone(),
            commands,
            moment: *moment,
            outcome: Arc::clone(&outcome),
        };
        let account = known.account().id();
        let (_, appended) = ports.log.append_locked(account, known.head(), Box::new(decider)).await?;
        let decided = outcome.lock().take();
        match (appended, decided) {
            // An id was used between the look-up and the lock: look again.
            (Some(Appended::Conflict), _) | (_, Some(Outcome::LookAgain)) => {}
            (_, Some(Outcome::Decided(decided))) => return decided,
            (_, None) => return Err(StoreError::Unavailable("the store did not ask for a decision".into()).into()),
        }
    }
    Err(ExecuteError::Contended)
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

type Decided = Result<Settled, ExecuteError>;

/// What came of a decision under the lock.
#[expect(clippy::large_enum_variant, reason = "there is one, for the time of one decision")]
enum Outcome {
    /// What was looked up before the lock is not what the log says under it.
    LookAgain,
    Decided(Decided),
}

struct Decider {
    ports: Arc<LanePorts>,
    live: LiveAccount,
    commands: Vec<(Option<OrgId>, Command, Cause, Known)>,
    moment: Moment,
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
            if let Err(error) = self.live.follow(record) {
                return (Outcome::Decided(Err(damaged(error))), None);
            }
            if let Ok(event) = record.event() {
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
        }
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
            answers.push(if belongs_to(run.account(), *org) {
                run.decide(command, cause, &self.moment, &*self.ports.prices, known)
                    .map(|events| Executed { events, account: run.account().clone() })
                    .map_err(ExecuteError::from)
            } else {
                Err(Refused::NotOpen.into())
            });
        }
        let (append, after) = run.finish();
        let events = append.as_ref().map(|append| append.events.clone()).unwrap_or_default();
        let waiting = append.as_ref().map(hub::waiting).unwrap_or_default();
        (Outcome::Decided(Ok(Settled { after, answers, events, waiting })), append)
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
