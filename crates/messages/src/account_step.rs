//! [`AccountStep`]: one event of an account's log and what it changed, from which its messages follow.

use velox_trading::{Event, Order, Profile, Projection, RecordedEvent};

use crate::{Alert, OrderEvent, PositionEvent};

/// One event of an account's log and what it changed.
#[derive(Clone, Copy, Debug)]
pub struct AccountStep<'a> {
    /// The event's envelope and payload.
    pub recorded: &'a RecordedEvent,
    /// The event inside.
    pub event: &'a Event,
    /// What the account is.
    pub profile: &'a Profile,
    /// The rows that this event, and no other, changed.
    pub changes: &'a Projection,
}

/// What is told of one event of an account.
#[derive(Clone, Debug, PartialEq)]
pub struct AccountMessages {
    /// For the topic orders: always.
    pub order: OrderEvent,
    /// For the topic positions.
    pub position: Option<PositionEvent>,
    /// For the topic alerts.
    pub alert: Option<Alert>,
}

impl AccountStep<'_> {
    /// What is told of it.
    #[must_use]
    pub fn messages(&self) -> AccountMessages {
        AccountMessages { order: OrderEvent::of(self), position: PositionEvent::of(self), alert: Alert::of(self) }
    }

    /// The order that the event is about, as it is afterwards.
    pub(crate) fn order(&self) -> Option<&Order> {
        let id = self.event.fact.order()?;
        self.changes.orders.iter().find(|order| order.id == id)
    }
}
