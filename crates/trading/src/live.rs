//! Deciding a run of commands of one account ahead of one commit.

use velox_kernel::{AccountId, OrgId, Timestamp};

use crate::account::{Account, InvalidHistory};
use crate::command::Command;
use crate::context::{Context, Prices};
use crate::event::{Event, NumberedEvent};
use crate::log::{Cause, CorruptEvent, RecordedEvent};
use crate::order::Order;
use crate::projection::Projector;
use crate::refused::Refused;
use crate::store::{Append, Head, Snapshot};

/// An account's state and the newest event it includes.
#[derive(Clone, Debug)]
pub struct LiveAccount {
    account: Account,
    head: Head,
}

/// A log that does not give an account.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DamagedLog {
    /// A row is not what was written.
    #[error("the log of {account} is damaged: {source}")]
    Row {
        /// The account.
        account: AccountId,
        /// What is wrong.
        source: CorruptEvent,
    },
    /// An event cannot stand where it stands.
    #[error("the log of {account} is damaged: {source}")]
    History {
        /// The account.
        account: AccountId,
        /// What is wrong.
        source: InvalidHistory,
    },
}

impl LiveAccount {
    /// An account before its first event.
    #[must_use]
    pub fn unopened(id: AccountId) -> Self {
        Self { account: Account::unopened(id), head: Head { seq: 0, hash: velox_kernel::Digest::ZERO } }
    }

    /// An account as a snapshot has it.
    #[must_use]
    pub fn from_snapshot(snapshot: Snapshot) -> Self {
        let Snapshot { account, hash } = snapshot;
        let head = Head { seq: account.seq(), hash };
        Self { account, head }
    }

    /// The state.
    #[must_use]
    pub const fn account(&self) -> &Account {
        &self.account
    }

    /// The newest event it includes.
    #[must_use]
    pub const fn head(&self) -> Head {
        self.head
    }

    /// What to keep, to save reading the log from its start.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        Snapshot { account: self.account.clone(), hash: self.head.hash }
    }

    /// Takes the next event of the log in, checking that it follows and is what was written, and gives it.
    ///
    /// # Errors
    /// [`DamagedLog`]; the account must then be dropped.
    pub fn follow(&mut self, record: &RecordedEvent) -> Result<Event, DamagedLog> {
        self.take_in(record, |account, event| account.apply(event))
    }

    /// [`LiveAccount::follow`], noting the read rows that follow. `closed` is the order that a late fill is of.
    ///
    /// # Errors
    /// As [`LiveAccount::follow`].
    pub fn follow_with(
        &mut self,
        record: &RecordedEvent,
        projector: &mut Projector,
        closed: Option<&Order>,
    ) -> Result<(), DamagedLog> {
        self.take_in(record, |account, event| projector.apply(account, event, closed)).map(|_| ())
    }

    fn take_in(
        &mut self,
        record: &RecordedEvent,
        apply: impl FnOnce(&mut Account, &Event) -> Result<(), InvalidHistory>,
    ) -> Result<Event, DamagedLog> {
        let account = self.account.id();
        let row = |source| DamagedLog::Row { account, source };
        record.check_follows(self.head.seq, self.head.hash).map_err(row)?;
        let event = record.event().map_err(row)?;
        apply(&mut self.account, &event).map_err(|source| DamagedLog::History { account, source })?;
        self.head = Head { seq: record.seq, hash: record.hash };
        Ok(event)
    }
}

/// The clocks as a decision sees them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    /// Now, by the account's feed.
    pub market_time: Timestamp,
    /// Now, by the wall.
    pub wall_time: Timestamp,
    /// How old a price may be.
    pub price_bound: std::time::Duration,
}

impl Moment {
    /// A decision's context at this moment, of a command that names nothing closed.
    #[must_use]
    pub const fn context<'a>(&self, prices: &'a dyn Prices) -> Context<'a> {
        Context {
            market_time: self.market_time,
            wall_time: self.wall_time,
            prices,
            price_bound: self.price_bound,
            closed_order: None,
            known_fill: false,
        }
    }
}

/// Where decisions read the clocks.
pub trait Moments: Send + Sync {
    /// Now.
    fn now(&self) -> Moment;
}

/// What the store knows of a command's ids, looked up before deciding.
#[derive(Clone, Debug, Default)]
pub struct Known {
    /// The closed order that the command names, by order id or by client order id.
    pub closed_order: Option<Order>,
    /// Whether the fill that the command reports is in the log.
    pub fill: bool,
}

/// Commands of one account, decided one upon the other, to be committed as one [`Append`].
#[derive(Debug)]
pub struct Run {
    base: Head,
    live: LiveAccount,
    projector: Projector,
    events: Vec<RecordedEvent>,
}

impl Run {
    /// A run that starts at the account as it is.
    #[must_use]
    pub fn new(live: LiveAccount) -> Self {
        Self { base: live.head, live, projector: Projector::default(), events: Vec::new() }
    }

    /// The account after the commands decided so far.
    #[must_use]
    pub const fn account(&self) -> &Account {
        self.live.account()
    }

    /// Whether the store must be asked about the command's order before it can be decided.
    #[must_use]
    pub fn needs_lookup(&self, command: &Command) -> bool {
        command
            .order()
            .is_some_and(|order| self.account().open_order(order).is_none() && self.projector.order(order).is_none())
    }

    /// Decides a command upon those before it. Returns the events that follow from it.
    ///
    /// # Errors
    /// [`Refused`] when nothing follows; the run stands as before.
    pub fn decide(
        &mut self,
        command: &Command,
        cause: &Cause,
        moment: &Moment,
        prices: &dyn Prices,
        known: &Known,
    ) -> Result<Vec<NumberedEvent>, Refused> {
        // What closed within this run is not in the store yet.
        let by_order = command.order().and_then(|order| self.projector.order(order));
        // A name that is taken answers the command whatever became of the order it is about.
        let by_name = command.client_order_id().and_then(|id| {
            let kept = known.closed_order.as_ref().filter(|order| order.client_order_id == id);
            self.projector.order_by_client_id(id).or(kept)
        });
        let closed = by_name.or(by_order).or(known.closed_order.as_ref()).cloned();
        let context = Context {
            closed_order: closed.as_ref(),
            known_fill: known.fill || command.fill().is_some_and(|fill| self.projector.has_fill(fill)),
            ..moment.context(prices)
        };
        let (events, after) = self.account().handle_and_apply(command, &context)?;
        let mut head = self.live.head;
        let mut recorded = Vec::with_capacity(events.len());
        for event in &events {
            let record = RecordedEvent::record(after.id(), head.seq + 1, event, cause, moment.wall_time, head.hash)
                .map_err(|_| Refused::OutOfRange("the event cannot be written"))?;
            head = Head { seq: record.seq, hash: record.hash };
            recorded.push(record);
        }
        self.projector
            .note_all(&self.live.account, &events, &after, closed.as_ref())
            .map_err(|_| Refused::OutOfRange("the event cannot be applied"))?;
        self.events.append(&mut recorded);
        let first = self.live.head.seq + 1;
        self.live = LiveAccount { account: after, head };
        Ok((first..).zip(events).map(|(seq, event)| NumberedEvent { seq, event }).collect())
    }

    /// What to commit, and the account as it is once that is durable; `None` when nothing followed.
    #[must_use]
    pub fn finish(self) -> (Option<Append>, LiveAccount) {
        let Self { base, live, projector, events } = self;
        let org: Option<OrgId> = live.account.profile().map(|profile| profile.org);
        let append = match org {
            Some(org) if !events.is_empty() => Some(Append {
                account: live.account.id(),
                org,
                expected_seq: base.seq,
                events,
                projection: projector.finish(&live.account),
                fence: None,
                position: None,
            }),
            _ => None,
        };
        (append, live)
    }
}
