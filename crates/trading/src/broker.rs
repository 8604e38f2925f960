//! The port to a broker.

use async_trait::async_trait;
use futures_util::stream::BoxStream;
use velox_kernel::{AccountId, BrokerOrderId, Currency, Money, OrderId, Quantity, Symbol};

use crate::command::Report;
use crate::order::{Order, Replacement};

/// Why a call to a broker brought no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BrokerError {
    /// The broker refused, finally: nothing was done.
    #[error("the broker refused: {0}")]
    Refused(String),
    /// The call never left: it may be made again.
    #[error("the broker cannot be reached: {0}")]
    Unreachable(String),
    /// The call left and no answer came: its outcome is open.
    #[error("the broker did not answer: {0}")]
    NoAnswer(String),
}

/// An order as the broker has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BrokerOrder {
    /// Our id, which travelled as the broker's client order id.
    pub order: OrderId,
    /// The broker's.
    pub broker_order_id: BrokerOrderId,
    /// How much has filled.
    pub filled: Quantity,
    /// Whether it still works.
    pub open: bool,
}

/// A position as the broker has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BrokerPosition {
    /// The instrument.
    pub symbol: Symbol,
    /// Units, signed.
    pub quantity: Quantity,
}

/// A balance as the broker has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BrokerBalance {
    /// The currency.
    pub currency: Currency,
    /// The cash.
    pub cash: Money,
}

/// A broker's connection. What happens to orders comes through [`Broker::reports`] alone; the answers of the calls
/// say only whether the broker took the call.
#[async_trait]
pub trait Broker: Send + Sync {
    /// Hands over an order under our id. Handing the same order over again changes nothing.
    async fn place(&self, order: &Order) -> Result<(), BrokerError>;

    /// Asks to cancel a working order.
    async fn cancel(&self, order: &Order) -> Result<(), BrokerError>;

    /// Asks to put a replacement in a working order's place.
    async fn replace(&self, order: &Order, replacement: &Replacement) -> Result<(), BrokerError>;

    /// The order under our id; `None` is the broker's answer that it knows none.
    async fn find(&self, account: AccountId, order: OrderId) -> Result<Option<BrokerOrder>, BrokerError>;

    /// The orders that work at the broker.
    async fn open_orders(&self, account: AccountId) -> Result<Vec<BrokerOrder>, BrokerError>;

    /// The account's positions at the broker.
    async fn positions(&self, account: AccountId) -> Result<Vec<BrokerPosition>, BrokerError>;

    /// The account's balances at the broker.
    async fn balances(&self, account: AccountId) -> Result<Vec<BrokerBalance>, BrokerError>;

    /// What happens to orders, from now on. May be called once; a later call takes the stream over.
    fn reports(&self) -> BoxStream<'static, Report>;

    /// Whether the broker can be reached.
    async fn check(&self) -> Result<(), BrokerError>;
}
