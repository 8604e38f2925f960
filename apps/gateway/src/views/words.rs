//! The words of closed sets on the wire, each bound to its domain enum: a new variant there breaks the build here.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use velox_kernel::Quantity;
use velox_trading as domain;

macro_rules! words {
    ($($(#[$doc:meta])* $name:ident as $schema:ident of $domain:ident { $($(#[$about:meta])* $variant:ident),* $(,)? })*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
        #[serde(rename_all = "snake_case")]
        #[schema(as = $schema)]
        pub enum $name {
            $($(#[$about])* $variant),*
        }

        impl From<domain::$domain> for $name {
            fn from(word: domain::$domain) -> Self {
                match word { $(domain::$domain::$variant => Self::$variant),* }
            }
        }

        impl From<$name> for domain::$domain {
            fn from(word: $name) -> Self {
                match word { $($name::$variant => Self::$variant),* }
            }
        }
    )*};
}

words! {
    /// Buy or sell.
    SideWord as Side of Side {
        /// Adds to the position.
        Buy,
        /// Takes from the position.
        Sell,
    }

    /// How long an order stands.
    TimeInForceWord as TimeInForce of TimeInForce {
        /// Until the end of the trading day (UTC).
        Day,
        /// Until cancelled.
        Gtc,
        /// What fills at once; the rest is cancelled.
        Ioc,
        /// All at once or nothing.
        Fok,
    }

    /// Where an order stands in its life.
    OrderStatusWord as OrderStatus of OrderStatus {
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

    /// How far an account is halted.
    HaltModeWord as HaltMode of HaltMode {
        /// Only orders that make a position smaller.
        ReduceOnly,
        /// No orders.
        Halted,
        /// No orders, for good.
        Closed,
    }

    /// Whether a fill added liquidity to the market or took it.
    LiquidityWord as Liquidity of Liquidity {
        /// The order rested and was met.
        Maker,
        /// The order met one that rested.
        Taker,
    }

    /// A pre-trade rule.
    RuleWord as Rule of Rule {
        /// A halted account takes no orders; a reduce-only one takes those that make a position smaller.
        AccountState,
        /// There must be a price no older than its bound. Limit, use and headroom are seconds.
        PriceStale,
        /// An order's price may be this far from the reference price. Percent.
        PriceCollar,
        /// Units in one order.
        MaxOrderQuantity,
        /// The value of one order, in the instrument's currency.
        MaxOrderNotional,
        /// Units in one position if every open order on its side filled.
        MaxPosition,
        /// A reduce-only order may be no larger than what is left of the position to close. Units.
        ReduceOnly,
        /// Selling more than is held, where shorting is not allowed. Units.
        ShortSelling,
        /// What the order would reserve, in the instrument's currency.
        BuyingPower,
        /// Loss of the trading day (realised, fees, and open loss), in the account's currency.
        DailyLoss,
        /// Orders accepted in the trading day.
        DailyTrades,
        /// Orders open at once.
        MaxOpenOrders,
    }
}

/// How an order is priced.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = OrderType)]
pub enum OrderTypeWord {
    /// At the best price there is.
    Market,
    /// At the limit price or better.
    Limit,
    /// A market order once the market trades at the stop price or beyond it.
    Stop,
    /// A limit order once the market trades at the stop price or beyond it.
    StopLimit,
}

impl From<domain::OrderKind> for OrderTypeWord {
    fn from(kind: domain::OrderKind) -> Self {
        match kind {
            domain::OrderKind::Market => Self::Market,
            domain::OrderKind::Limit { .. } => Self::Limit,
            domain::OrderKind::Stop { .. } => Self::Stop,
            domain::OrderKind::StopLimit { .. } => Self::StopLimit,
        }
    }
}

/// Why an order ended, where its status alone does not say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = EndCode)]
pub enum EndCodeWord {
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
    ByBroker,
}

/// Which way a position points.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = PositionSide)]
pub enum PositionSideWord {
    /// Units are held.
    Long,
    /// Units are owed.
    Short,
    /// Neither.
    Flat,
}

impl From<Quantity> for PositionSideWord {
    fn from(quantity: Quantity) -> Self {
        if quantity.is_positive() {
            Self::Long
        } else if quantity.is_negative() {
            Self::Short
        } else {
            Self::Flat
        }
    }
}
