//! [`Order`]: what a client asked for, and how far it has come.

use serde::{Deserialize, Serialize};
use velox_kernel::{
    AccountId, BrokerOrderId, ClientOrderId, Currency, Decimal, DecimalError, Digest, Money, OrderId, Price, Quantity,
    Rounding, StrategyId, Symbol, Tag, Timestamp,
};

use crate::denial::Denial;

/// Buy or sell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    /// Adds to the position.
    Buy,
    /// Takes from the position.
    Sell,
}

impl Side {
    /// The other side.
    #[must_use]
    pub const fn opposite(self) -> Self {
        match self {
            Self::Buy => Self::Sell,
            Self::Sell => Self::Buy,
        }
    }

    /// `quantity` with the sign it has in a position.
    #[must_use]
    pub const fn signed(self, quantity: Quantity) -> Quantity {
        match self {
            Self::Buy => quantity,
            Self::Sell => quantity.negated(),
        }
    }

    /// The word on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Buy => "buy",
            Self::Sell => "sell",
        }
    }
}

/// How an order is priced.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum OrderKind {
    /// At the best price there is.
    Market,
    /// At the limit price or better.
    Limit {
        /// The worst price that is acceptable.
        limit_price: Price,
    },
    /// A market order once the market trades at the stop price or beyond it.
    Stop {
        /// The trigger.
        stop_price: Price,
    },
    /// A limit order once the market trades at the stop price or beyond it.
    StopLimit {
        /// The trigger.
        stop_price: Price,
        /// The worst price that is acceptable afterwards.
        limit_price: Price,
    },
}

impl OrderKind {
    /// The word on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Market => "market",
            Self::Limit { .. } => "limit",
            Self::Stop { .. } => "stop",
            Self::StopLimit { .. } => "stop_limit",
        }
    }

    /// The limit price, where there is one.
    #[must_use]
    pub const fn limit_price(self) -> Option<Price> {
        match self {
            Self::Limit { limit_price } | Self::StopLimit { limit_price, .. } => Some(limit_price),
            Self::Market | Self::Stop { .. } => None,
        }
    }

    /// The stop price, where there is one.
    #[must_use]
    pub const fn stop_price(self) -> Option<Price> {
        match self {
            Self::Stop { stop_price } | Self::StopLimit { stop_price, .. } => Some(stop_price),
            Self::Market | Self::Limit { .. } => None,
        }
    }
}

/// How long an order stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TimeInForce {
    /// Until the end of the trading day (UTC) in market time.
    Day,
    /// Until cancelled.
    Gtc,
    /// What fills at once; the rest is cancelled.
    Ioc,
    /// All at once or nothing.
    Fok,
}

impl TimeInForce {
    /// The word on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Day => "day",
            Self::Gtc => "gtc",
            Self::Ioc => "ioc",
            Self::Fok => "fok",
        }
    }
}

/// Where an order stands in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OrderStatus {
    /// Durable here; no broker has seen it.
    PendingNew,
    /// Handed to the broker; the outcome is open.
    Routed,
    /// Working at the broker.
    New,
    /// Working, with a part filled.
    PartiallyFilled,
    /// Working; a cancel is on its way.
    PendingCancel,
    /// Working; a replacement is on its way.
    PendingReplace,
    /// The broker did not answer: it may or may not be working.
    Unknown,
    /// Filled in whole.
    Filled,
    /// Cancelled, perhaps after a part was filled.
    Canceled,
    /// Ended by its time in force, or never routed in time.
    Expired,
    /// Refused by the broker.
    Rejected,
    /// Ended by the order that replaced it.
    Replaced,
    /// Refused by our own risk rules.
    Denied,
}

impl OrderStatus {
    /// All of them, in the order of an order's life.
    pub const ALL: [Self; 13] = [
        Self::PendingNew,
        Self::Routed,
        Self::New,
        Self::PartiallyFilled,
        Self::PendingCancel,
        Self::PendingReplace,
        Self::Unknown,
        Self::Filled,
        Self::Canceled,
        Self::Expired,
        Self::Rejected,
        Self::Replaced,
        Self::Denied,
    ];

    /// Whether the order may still fill by itself; a late fill may reach a closed one.
    #[must_use]
    pub const fn is_open(self) -> bool {
        !matches!(self, Self::Filled | Self::Canceled | Self::Expired | Self::Rejected | Self::Replaced | Self::Denied)
    }

    /// The word on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::PendingNew => "pending_new",
            Self::Routed => "routed",
            Self::New => "new",
            Self::PartiallyFilled => "partially_filled",
            Self::PendingCancel => "pending_cancel",
            Self::PendingReplace => "pending_replace",
            Self::Unknown => "unknown",
            Self::Filled => "filled",
            Self::Canceled => "canceled",
            Self::Expired => "expired",
            Self::Rejected => "rejected",
            Self::Replaced => "replaced",
            Self::Denied => "denied",
        }
    }
}

/// Why an order ended, where its status alone does not say.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "code", rename_all = "snake_case")]
pub enum EndReason {
    /// The client cancelled it.
    ByClient,
    /// The account was halted before it was routed.
    AccountHalted,
    /// It was not routed within its bound.
    NotRouted,
    /// Its time in force ended it.
    TimeInForce,
    /// It was reduce-only, and there was less left to close than it might still fill.
    NothingToReduce,
    /// The broker did not know it, repeatedly, after its settling time.
    NotFoundAtBroker,
    /// The broker said so.
    ByBroker {
        /// In the broker's words.
        text: String,
    },
}

/// What an order is to do: fixed once it is placed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderTerms {
    /// The instrument.
    pub symbol: Symbol,
    /// What the instrument is priced and settled in.
    pub currency: Currency,
    /// Buy or sell.
    pub side: Side,
    /// How it is priced.
    #[serde(flatten)]
    pub kind: OrderKind,
    /// How much, in units of the instrument; above zero.
    pub quantity: Quantity,
    /// How long it stands.
    pub time_in_force: TimeInForce,
    /// Whether it may only make the position smaller.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub reduce_only: bool,
    /// The strategy that its fills belong to.
    #[serde(rename = "strategy_id", default, skip_serializing_if = "Option::is_none")]
    pub strategy: Option<StrategyId>,
    /// The client's own marks.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<Tag>,
}

/// The order that is to take another's place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Replacement {
    /// The new order.
    #[serde(rename = "order_id")]
    pub id: OrderId,
    /// Its name towards the client.
    pub client_order_id: ClientOrderId,
    /// What the client asked for, to tell a repeated request from another one.
    pub fingerprint: Digest,
    /// The new terms; the quantity counts what the replaced order has filled.
    pub terms: OrderTerms,
    /// What a unit of it reserves.
    pub reserve_price: Price,
}

/// An order and how far it has come.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    /// Ours.
    pub id: OrderId,
    /// The account it belongs to.
    pub account: AccountId,
    /// The client's.
    pub client_order_id: ClientOrderId,
    /// What the client asked for, to tell a repeated request from another one.
    pub fingerprint: Digest,
    /// What it is to do.
    pub terms: OrderTerms,
    /// Where it stands.
    pub status: OrderStatus,
    /// How much of it has filled.
    pub filled: Quantity,
    /// What the filled part was worth: the sum of price times quantity.
    pub filled_value: Money,
    /// What a unit of the open part reserves.
    pub reserve_price: Price,
    /// The broker's name for it, once it acknowledged.
    pub broker_order_id: Option<BrokerOrderId>,
    /// The order it replaced.
    pub replaces: Option<OrderId>,
    /// The order that replaced it.
    pub replaced_by: Option<OrderId>,
    /// The replacement under way.
    pub pending: Option<Box<Replacement>>,
    /// Why it was denied.
    pub denial: Option<Box<Denial>>,
    /// Why it ended.
    pub end: Option<EndReason>,
    /// When it was accepted, in wall time; the bound on routing counts from here.
    pub accepted_at: Timestamp,
    /// When it was placed, in market time.
    pub placed_at: Timestamp,
    /// When it last changed, in market time.
    pub updated_at: Timestamp,
    /// When a `day` order ends, in market time.
    pub expires_at: Option<Timestamp>,
    /// Since when the broker's answer is outstanding, in wall time.
    pub unknown_since: Option<Timestamp>,
    /// How often the broker has said that it does not know the order since then.
    pub misses: u32,
    /// The account's event that began it.
    pub first_seq: u64,
    /// The account's newest event about it.
    pub last_seq: u64,
}

impl Order {
    /// What is left to fill; zero once a broker filled more than was asked.
    #[must_use]
    pub fn remaining(&self) -> Quantity {
        match self.terms.quantity.minus(self.filled) {
            Ok(left) if left.is_positive() => left,
            _ => Quantity::ZERO,
        }
    }

    /// What the open part is counted with in the account's exposure; zero once closed.
    ///
    /// While a replacement is under way either order may turn out to be the working one: the larger of both counts.
    ///
    /// # Errors
    /// [`DecimalError::TooLarge`] when it does not fit.
    pub fn reserved(&self) -> Result<(Quantity, Money), DecimalError> {
        if !self.status.is_open() {
            return Ok((Quantity::ZERO, Money::ZERO));
        }
        let remaining = self.remaining();
        let value = self.reserve_price.value(remaining)?;
        let Some(replacement) = &self.pending else { return Ok((remaining, value)) };
        let wanted = replacement.terms.quantity.minus(self.filled)?.max(Quantity::ZERO);
        Ok((remaining.max(wanted), value.max(replacement.reserve_price.value(wanted)?)))
    }

    /// The average price of what has filled, half-even.
    #[must_use]
    pub fn average_price(&self) -> Option<Price> {
        self.filled_value.per_unit(self.filled).ok()
    }

    /// The part that has filled, between 0 and 1, rounded down.
    #[must_use]
    pub fn filled_share(&self) -> Decimal {
        self.filled.decimal().over(self.terms.quantity.decimal(), Rounding::Down).unwrap_or(Decimal::ZERO)
    }

    /// The status of the working order, without what is pending on it.
    pub(crate) fn working_status(&self) -> OrderStatus {
        if self.filled.is_positive() {
            OrderStatus::PartiallyFilled
        } else if self.broker_order_id.is_some() {
            OrderStatus::New
        } else if self.unknown_since.is_some() {
            OrderStatus::Unknown
        } else {
            OrderStatus::Routed
        }
    }
}
