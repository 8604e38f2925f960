//! Deciding under a stream's lock, after a conflict.

use std::sync::Arc;

use parking_lot::Mutex;
use velox_kernel::OrgId;
use velox_trading::{
    Append, Appended, Cause, Command, DecideLocked, ExecuteError, Executed, Head, Known, LiveAccount, Moment,
    RecordedEvent, Refused, Run, StoreError,
};

use super::lane::{Answer, LanePorts, belongs_to};

/// How often commands are decided under the lock before giving up.
const ATTEMPTS: u32 = 4;

/// Decides commands of one account under its stream's lock and commits what follows.
///
/// # Errors
/// [`ExecuteError`] when nothing was committed, or the outcome is unknown.
pub(super) async fn execute(
    ports: &Arc<LanePorts>,
    known: LiveAccount,
    tasks: &[(Option<OrgId>, &Command, &Cause)],
    moment: &Moment,
) -> Result<(LiveAccount, Vec<Answer>), ExecuteError> {
    for _ in 0..ATTEMPTS {
        let mut commands = Vec::with_capacity(tasks.len());
        for (org, command, cause) in tasks {
            let found = look_up(ports, &known, command).await?;
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
            (Some(Appended::Conflict), _) => {}
            (_, Some(decided)) => return decided,
            (_, None) => return Err(StoreError::Unavailable("the store did not ask for a decision".into()).into()),
        }
    }
    Err(ExecuteError::Contended)
}

/// What the store knows of a command's ids.
async fn look_up(ports: &LanePorts, live: &LiveAccount, command: &Command) -> Result<Known, StoreError> {
    let account = live.account().id();
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

type Decided = Result<(LiveAccount, Vec<Answer>), ExecuteError>;

struct Decider {
    ports: Arc<LanePorts>,
    live: LiveAccount,
    commands: Vec<(Option<OrgId>, Command, Cause, Known)>,
    moment: Moment,
    outcome: Arc<Mutex<Option<Decided>>>,
}

impl DecideLocked for Decider {
    fn decide(&mut self, _head: Head, tail: Vec<RecordedEvent>) -> Option<Append> {
        for record in &tail {
            if let Err(damaged) = self.live.follow(record) {
                *self.outcome.lock() = Some(Err(super::lane::damaged(damaged)));
                return None;
            }
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
        *self.outcome.lock() = Some(Ok((after, answers)));
        append
    }
}
