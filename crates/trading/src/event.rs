//! [`Event`]: a fact about an account, in the past tense.

use serde::{Deserialize, Serialize};
use velox_kernel::{
    AccountId, BrokerOrderId, ClientOrderId, ConnectionId, Currency, Decimal, Digest, Money, OrderId, OrgId, Price,
    Timestamp,
};

use crate::command::HaltMode;
use crate::denial::{Basis, Denial};
use crate::fill::Fill;
use crate::limits::RiskLimits;
use crate::order::{EndReason, OrderTerms, Replacement};

/// A fact about an account, with the market time at which it happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// When, in market time; never earlier than the account's event before.
    pub at: Timestamp,
    /// What.
    pub fact: Fact,
}

/// An event and its number in its account's stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NumberedEvent {
    /// 1, 2, 3, … without a gap.
    pub seq: u64,
    /// The event.
    pub event: Event,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Fact {
    /// The account began.
    AccountOpened(AccountOpened),
    /// Cash was paid in (above zero) or out.
    CashMoved {
        /// In what.
        currency: Currency,
        /// How much.
        amount: Money,
    },
    /// The limits changed.
    LimitsChanged {
        /// The new ones.
        limits: RiskLimits,
    },
    /// Trading was stopped or restricted.
    AccountHalted {
        /// How far.
        mode: HaltMode,
        /// In the words of whoever did it.
        reason: String,
        /// What the decision rests on, where Velox itself decided.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        basis: Option<Basis>,
    },
    /// Trading goes on.
    AccountResumed,
    /// A paper account was put back to a fresh start.
    AccountReset {
        /// With this cash.
        cash: Money,
    },
    /// An order was taken in; it is durable here.
    OrderAccepted(Box<OrderPlaced>),
    /// Our own rules said no.
    OrderDenied {
        /// The order.
        #[serde(flatten)]
        order: Box<OrderPlaced>,
        /// Which rule, with its numbers.
        denial: Denial,
    },
    /// The order was claimed for the broker.
    OrderRouted {
        /// Which.
        order_id: OrderId,
        /// When, in wall time: an answer is awaited from here.
        routed_at: Timestamp,
    },
    /// The broker works it.
    OrderAcknowledged {
        /// Which.
        order_id: OrderId,
        /// The broker's name for it.
        broker_order_id: BrokerOrderId,
    },
    /// A part of it traded.
    OrderFilled(Box<Fill>),
    /// A cancel is on its way.
    OrderCancelRequested {
        /// Which.
        order_id: OrderId,
    },
    /// The cancel was refused; the order works on.
    OrderCancelRejected {
        /// Which.
        order_id: OrderId,
        /// In the broker's words.
        text: String,
    },
    /// It was cancelled.
    OrderCanceled {
        /// Which.
        order_id: OrderId,
        /// Why.
        reason: EndReason,
    },
    /// It ended by time.
    OrderExpired {
        /// Which.
        order_id: OrderId,
        /// Why.
        reason: EndReason,
    },
    /// The broker refused it.
    OrderRejected {
        /// Which.
        order_id: OrderId,
        /// Why.
        reason: EndReason,
    },
    /// A replacement is on its way.
    OrderReplaceRequested {
        /// Which order is to be replaced.
        order_id: OrderId,
        /// By what.
        replacement: Box<Replacement>,
        /// What the decision rests on.
        basis: Basis,
    },
    /// The replacement was refused; the order works on.
    OrderReplaceRejected {
        /// Which.
        order_id: OrderId,
        /// In the broker's words.
        text: String,
    },
    /// Another order took its place.
    OrderReplaced {
        /// Which was replaced.
        order_id: OrderId,
        /// The order that is there now, with what is left to fill.
        by: Box<OrderPlaced>,
        /// The broker's name for it; `None` when no broker had seen the replaced one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        broker_order_id: Option<BrokerOrderId>,
    },
    /// The broker did not answer: it may or may not be working.
    OrderUnknown {
        /// Which.
        order_id: OrderId,
        /// Since when, in wall time.
        since: Timestamp,
    },
    /// The broker said that it knows no such order; not yet conclusive.
    OrderMissed {
        /// Which.
        order_id: OrderId,
    },
}

/// See [`Fact::AccountOpened`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountOpened {
    /// The account.
    #[serde(rename = "account_id")]
    pub account: AccountId,
    /// The tenant.
    #[serde(rename = "org_id")]
    pub org: OrgId,
    /// The broker connection.
    #[serde(rename = "connection_id")]
    pub connection: ConnectionId,
    /// Its name.
    pub name: String,
    /// Whether its money is play money.
    pub paper: bool,
    /// What its cash is in.
    pub currency: Currency,
    /// What it starts with.
    pub cash: Money,
    /// Exposure it may hold for each unit of equity.
    pub leverage: Decimal,
    /// Whether it may sell what it does not hold.
    pub allow_short: bool,
    /// Its limits.
    pub limits: RiskLimits,
}

/// An order as it was placed, and what the decision on it rests on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderPlaced {
    /// Ours.
    pub order_id: OrderId,
    /// The client's.
    pub client_order_id: ClientOrderId,
    /// A digest of the request.
    pub fingerprint: Digest,
    /// What it is to do.
    pub terms: OrderTerms,
    /// What a unit of it reserves.
    pub reserve_price: Price,
    /// When it was accepted, in wall time.
    pub accepted_at: Timestamp,
    /// When a `day` order ends, in market time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
    /// What the decision rests on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub basis: Option<Basis>,
}

/// The newest version of every event's payload. A change of meaning is a new version, upcast on read.
pub const EVENT_VERSION: u16 = 1;

impl Fact {
    /// The stable name of its type.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::AccountOpened(_) => "account_opened",
            Self::CashMoved { .. } => "cash_moved",
            Self::LimitsChanged { .. } => "limits_changed",
            Self::AccountHalted { .. } => "account_halted",
            Self::AccountResumed => "account_resumed",
            Self::AccountReset { .. } => "account_reset",
            Self::OrderAccepted(_) => "order_accepted",
            Self::OrderDenied { .. } => "order_denied",
            Self::OrderRouted { .. } => "order_routed",
            Self::OrderAcknowledged { .. } => "order_acknowledged",
            Self::OrderFilled(_) => "order_filled",
            Self::OrderCancelRequested { .. } => "order_cancel_requested",
            Self::OrderCancelRejected { .. } => "order_cancel_rejected",
            Self::OrderCanceled { .. } => "order_canceled",
            Self::OrderExpired { .. } => "order_expired",
            Self::OrderRejected { .. } => "order_rejected",
            Self::OrderReplaceRequested { .. } => "order_replace_requested",
            Self::OrderReplaceRejected { .. } => "order_replace_rejected",
            Self::OrderReplaced { .. } => "order_replaced",
            Self::OrderUnknown { .. } => "order_unknown",
            Self::OrderMissed { .. } => "order_missed",
        }
    }

    /// The order that the fact is about, if it is about one.
    #[must_use]
    pub fn order(&self) -> Option<OrderId> {
        match self {
            Self::AccountOpened(_)
            | Self::CashMoved { .. }
            | Self::LimitsChanged { .. }
            | Self::AccountHalted { .. }
            | Self::AccountResumed
            | Self::AccountReset { .. } => None,
            Self::OrderAccepted(order) | Self::OrderDenied { order, .. } => Some(order.order_id),
            Self::OrderFilled(fill) => Some(fill.order),
            Self::OrderRouted { order_id, .. }
            | Self::OrderAcknowledged { order_id, .. }
            | Self::OrderCancelRequested { order_id }
            | Self::OrderCancelRejected { order_id, .. }
            | Self::OrderCanceled { order_id, .. }
            | Self::OrderExpired { order_id, .. }
            | Self::OrderRejected { order_id, .. }
            | Self::OrderReplaceRequested { order_id, .. }
            | Self::OrderReplaceRejected { order_id, .. }
            | Self::OrderReplaced { order_id, .. }
            | Self::OrderUnknown { order_id, .. }
            | Self::OrderMissed { order_id } => Some(*order_id),
        }
    }
}
