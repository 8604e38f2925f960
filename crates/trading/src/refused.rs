//! [`Refused`]: commands that change nothing.

use velox_kernel::{DecimalError, OrderId};

use crate::order::OrderStatus;
use crate::rules::InvalidTerms;

/// Why a command changes nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// The account was opened before.
    #[error("the account exists")]
    AlreadyOpen,
    /// The account does not exist.
    #[error("the account does not exist")]
    NotOpen,
    /// There is no such order in the account.
    #[error("the account has no such order")]
    UnknownOrder,
    /// The order can no longer be changed.
    #[error("the order is {}", .status.as_str())]
    OrderNotOpen {
        /// Where it stands.
        status: OrderStatus,
    },
    /// A cancel or a replacement is on its way already.
    #[error("the order is {}: wait for the broker's answer", .status.as_str())]
    ChangePending {
        /// Where it stands.
        status: OrderStatus,
    },
    /// The very same request was decided before: its answer stands in the log.
    #[error("the request was answered before")]
    Repeated {
        /// The order it made.
        order: OrderId,
        /// The account's event that answered it.
        seq: u64,
    },
    /// Another request was made under the same client order id.
    #[error("another request was made under this client order id")]
    IdConflict {
        /// The order it made.
        order: OrderId,
    },
    /// The order's numbers do not fit its instrument.
    #[error(transparent)]
    InvalidTerms(#[from] InvalidTerms),
    /// The order has no such price.
    #[error("a {kind} order has no {field}")]
    NoSuchField {
        /// The kind of order.
        kind: &'static str,
        /// The field.
        field: &'static str,
    },
    /// The new quantity is not above what has filled.
    #[error("the quantity must be above what has filled")]
    BelowFilled,
    /// There is no position to close.
    #[error("there is no position to close")]
    NoPosition,
    /// Open orders close the whole position already.
    #[error("open orders close the whole position already")]
    ClosingAlready,
    /// The claim comes too late or is not due: somebody else has the order, or it is closed.
    #[error("the order is not waiting to be routed")]
    NotRoutable,
    /// A report that cannot be about this order, such as a fill of one that was never routed.
    #[error("the report does not fit the order, which is {}", .status.as_str())]
    IllegalReport {
        /// Where the order stands.
        status: OrderStatus,
    },
    /// The account is not halted.
    #[error("the account is not halted")]
    NotHalted,
    /// There is not enough cash that is free.
    #[error("there is not enough free cash")]
    InsufficientCash,
    /// The account was closed for good.
    #[error("the account is closed")]
    Closed,
    /// The account has open orders, or positions where that matters.
    #[error("the account has open orders or positions")]
    OpenOrders,
    /// Only paper accounts are reset.
    #[error("the account is not a paper account")]
    NotPaper,
    /// A value of the command is out of its range.
    #[error("{0}")]
    OutOfRange(&'static str),
    /// A sum or product of the account would not fit its numbers.
    #[error("an amount {0}")]
    Overflow(#[from] DecimalError),
}
