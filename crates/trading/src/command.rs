//! [`Command`]: what an account can be asked to do. Commands carry their ids and can only be built valid.

use std::time::Duration;

use velox_kernel::{
    AccountId, BrokerOrderId, ClientOrderId, ConnectionId, Currency, Decimal, Digest, FillId, Money, OrderId, OrgId,
    Price, Quantity, Symbol, Timestamp,
};

use crate::fill::{FeedPosition, Liquidity};
use crate::limits::RiskLimits;
use crate::order::OrderTerms;
use crate::rules::InstrumentRules;

/// What an account can be asked to do.
#[derive(Clone, Debug)]
pub enum Command {
    /// Begin the account.
    Open(OpenAccount),
    /// Place an order.
    Place(PlaceOrder),
    /// Put another order in an open one's place.
    Replace(ReplaceOrder),
    /// Cancel an open order.
    Cancel {
        /// Which.
        order: OrderId,
    },
    /// Cancel every open order, or those of one instrument.
    CancelAll {
        /// Which instrument; all when `None`.
        symbol: Option<Symbol>,
    },
    /// Place a reduce-only market order for what is left of a position.
    ClosePosition(ClosePosition),
    /// Claim an order for the broker: whoever appends the answer calls the broker.
    Route {
        /// Which.
        order: OrderId,
    },
    /// End an order that was not routed within the bound.
    ExpireUnrouted {
        /// Which.
        order: OrderId,
        /// How long it may wait, in wall time.
        bound: Duration,
    },
    /// What a broker says of an order.
    Report(Report),
    /// Stop trading, or let it only make positions smaller.
    Halt {
        /// How far.
        mode: HaltMode,
        /// In the words of whoever did it.
        reason: String,
        /// Whether open orders are cancelled too.
        cancel_open: bool,
    },
    /// Let the account only make positions smaller, if the loss of the trading day has reached its limit; nothing otherwise.
    /// Open orders that could add to a position are cancelled.
    EnforceDailyLoss,
    /// Trade again.
    Resume,
    /// Take no orders any more, for good: the broker connection goes. Refused while there are orders or positions.
    Close,
    /// Change the limits.
    SetLimits(RiskLimits),
    /// Pay in (above zero) or out (below zero).
    MoveCash {
        /// What in.
        currency: Currency,
        /// How much.
        amount: Money,
    },
    /// Put a paper account back to a fresh start with this cash.
    Reset {
        /// How much, in the account's currency.
        cash: Money,
    },
}

/// How far an account is halted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HaltMode {
    /// Only orders that make a position smaller.
    ReduceOnly,
    /// No orders.
    Halted,
    /// No orders, for good.
    Closed,
}

/// See [`Command::Open`].
#[derive(Clone, Debug)]
pub struct OpenAccount {
    /// The account.
    pub account: AccountId,
    /// The tenant.
    pub org: OrgId,
    /// The broker connection it trades through.
    pub connection: ConnectionId,
    /// Its name.
    pub name: String,
    /// Whether its money is play money.
    pub paper: bool,
    /// What its cash is in.
    pub currency: Currency,
    /// What it starts with; zero or more.
    pub cash: Money,
    /// Exposure it may hold for each unit of equity; at least 1.
    pub leverage: Decimal,
    /// Whether it may sell what it does not hold.
    pub allow_short: bool,
    /// Its limits.
    pub limits: RiskLimits,
}

/// See [`Command::Place`].
#[derive(Clone, Debug)]
pub struct PlaceOrder {
    /// The order's id.
    pub order: OrderId,
    /// Its name towards the client.
    pub client_order_id: ClientOrderId,
    /// A digest of the request, to tell a repeated one from another one.
    pub fingerprint: Digest,
    /// What it is to do.
    pub terms: OrderTerms,
    /// The instrument's rules.
    pub rules: InstrumentRules,
}

/// See [`Command::Replace`]. What is `None` stays as it is.
#[derive(Clone, Debug)]
pub struct ReplaceOrder {
    /// The order to replace.
    pub order: OrderId,
    /// The new order's id.
    pub replacement: OrderId,
    /// The new order's name towards the client.
    pub client_order_id: ClientOrderId,
    /// A digest of the request.
    pub fingerprint: Digest,
    /// How much in all, what has filled included.
    pub quantity: Option<Quantity>,
    /// The limit price, of an order that has one.
    pub limit_price: Option<Price>,
    /// The stop price, of an order that has one.
    pub stop_price: Option<Price>,
    /// How long it stands.
    pub time_in_force: Option<crate::order::TimeInForce>,
    /// The instrument's rules.
    pub rules: InstrumentRules,
}

/// See [`Command::ClosePosition`].
#[derive(Clone, Debug)]
pub struct ClosePosition {
    /// Which position.
    pub symbol: Symbol,
    /// The closing order's id.
    pub order: OrderId,
    /// Its name towards the client.
    pub client_order_id: ClientOrderId,
    /// A digest of the request.
    pub fingerprint: Digest,
    /// The instrument's rules.
    pub rules: InstrumentRules,
}

/// What a broker says of one of our orders.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// Which account.
    pub account: AccountId,
    /// Which order: ours, as the broker's client order id.
    pub order: OrderId,
    /// What happened.
    pub kind: ReportKind,
    /// When, in market time.
    pub at: Timestamp,
}

/// What a broker can say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReportKind {
    /// It is working.
    Acknowledged {
        /// The broker's name for it.
        broker_order_id: BrokerOrderId,
    },
    /// A part of it traded.
    Filled(FillReport),
    /// It was cancelled.
    Canceled {
        /// In the broker's words; empty when we asked for it.
        text: String,
    },
    /// Its time in force ended it.
    Expired,
    /// It was refused.
    Rejected {
        /// In the broker's words.
        text: String,
    },
    /// The cancel was refused.
    CancelRejected {
        /// In the broker's words.
        text: String,
    },
    /// The replacement is working in its place.
    Replaced {
        /// The broker's name for the replacement.
        broker_order_id: BrokerOrderId,
    },
    /// The replacement was refused; the order works on.
    ReplaceRejected {
        /// In the broker's words.
        text: String,
    },
    /// The broker did not answer.
    NoAnswer,
    /// The broker answered that it knows no such order.
    NotFound {
        /// How long the broker may take until this is conclusive, in wall time.
        settling: Duration,
        /// How often it must have said so.
        needed: u32,
    },
}

impl ReportKind {
    /// Its stable name.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Acknowledged { .. } => "acknowledged",
            Self::Filled(_) => "filled",
            Self::Canceled { .. } => "canceled",
            Self::Expired => "expired",
            Self::Rejected { .. } => "rejected",
            Self::CancelRejected { .. } => "cancel_rejected",
            Self::Replaced { .. } => "replaced",
            Self::ReplaceRejected { .. } => "replace_rejected",
            Self::NoAnswer => "no_answer",
            Self::NotFound { .. } => "not_found",
        }
    }
}

/// See [`ReportKind::Filled`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FillReport {
    /// The broker's name for the fill.
    pub fill: FillId,
    /// How much; above zero.
    pub quantity: Quantity,
    /// At what price.
    pub price: Price,
    /// What it cost.
    pub fee: Money,
    /// What the fee is in.
    pub fee_currency: Currency,
    /// Whether it made or took liquidity.
    pub liquidity: Liquidity,
    /// The market data that caused it, where the broker is ours.
    pub caused_by: Option<FeedPosition>,
}

impl Command {
    /// Its stable name.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Open(_) => "open",
            Self::Place(_) => "place",
            Self::Replace(_) => "replace",
            Self::Cancel { .. } => "cancel",
            Self::CancelAll { .. } => "cancel_all",
            Self::ClosePosition(_) => "close_position",
            Self::Route { .. } => "route",
            Self::ExpireUnrouted { .. } => "expire_unrouted",
            Self::Report(_) => "report",
            Self::Halt { .. } => "halt",
            Self::EnforceDailyLoss => "enforce_daily_loss",
            Self::Resume => "resume",
            Self::Close => "close",
            Self::SetLimits(_) => "set_limits",
            Self::MoveCash { .. } => "move_cash",
            Self::Reset { .. } => "reset",
        }
    }

    /// The client order id that the command would take, if any.
    #[must_use]
    pub const fn client_order_id(&self) -> Option<ClientOrderId> {
        match self {
            Self::Place(place) => Some(place.client_order_id),
            Self::Replace(replace) => Some(replace.client_order_id),
            Self::ClosePosition(close) => Some(close.client_order_id),
            _ => None,
        }
    }

    /// The order that the command is about, if it names one that exists.
    #[must_use]
    pub const fn order(&self) -> Option<OrderId> {
        match self {
            Self::Replace(replace) => Some(replace.order),
            Self::Cancel { order } | Self::Route { order } | Self::ExpireUnrouted { order, .. } => Some(*order),
            Self::Report(report) => Some(report.order),
            _ => None,
        }
    }

    /// The fill that the command reports, if any.
    #[must_use]
    pub const fn fill(&self) -> Option<FillId> {
        match self {
            Self::Report(Report { kind: ReportKind::Filled(fill), .. }) => Some(fill.fill),
            _ => None,
        }
    }
}
