//! From the trading use cases' errors to problems: each variant once.

mod refused;
mod store;

use velox_engine::{AccountStateAtError, ClosePositionError, PlaceOrderError, ReplaceOrderError};
use velox_kernel::{OrderId, error_code};
use velox_trading::{
    AccountStateError, CancelAllOrdersError, CancelOrderError, ChangeAccountError, GetAccountError, ListPositionsError,
    OrderStatus, StoreError,
};

use crate::http::{Outcome, Problem};

/// Another tenant's account and one that does not exist are the same.
pub(super) fn no_account() -> Problem {
    Problem::of(error_code::NOT_FOUND).detail("There is no such account.")
}

pub(super) fn no_order() -> Problem {
    Problem::of(error_code::NOT_FOUND).detail("There is no such order.")
}

fn not_open(status: OrderStatus) -> Problem {
    Problem::of(error_code::ORDER_NOT_OPEN)
        .detail(format!("The order is {}.", status.as_str()))
        .extra("order_status", status.as_str())
}

fn id_conflict(order: OrderId) -> Problem {
    Problem::of(error_code::IDEMPOTENCY_CONFLICT)
        .detail("The client order id was used for another request in this account.")
        .extra("order_id", order)
}

fn answer_unread(order: OrderId, cause: StoreError) -> Problem {
    store::unread(cause)
        .detail("This request was carried out before; its answer could not be read. Send it again to get it.")
        .extra("order_id", order)
}

fn unknown_symbol() -> Problem {
    Problem::of(error_code::UNKNOWN_SYMBOL)
        .detail("No instrument that takes orders has this symbol.")
        .field("/symbol", "names no instrument that takes orders")
}

/// A number that does not fit while only reading.
pub(super) fn unreadable(cause: impl std::fmt::Display) -> Problem {
    Problem::internal(cause).outcome(Outcome::NotExecuted)
}

impl From<PlaceOrderError> for Problem {
    fn from(error: PlaceOrderError) -> Self {
        match error {
            PlaceOrderError::UnknownAccount => no_account(),
            PlaceOrderError::UnknownSymbol => unknown_symbol(),
            PlaceOrderError::IdConflict { order } => id_conflict(order),
            PlaceOrderError::InvalidTerms(terms) => terms.into(),
            PlaceOrderError::Refused(refused) => refused.into(),
            PlaceOrderError::Execute(error) => error.into(),
            PlaceOrderError::AnswerUnread { order, source } => answer_unread(order, source),
            PlaceOrderError::Instruments(error) => store::unavailable(error),
        }
    }
}

impl From<ReplaceOrderError> for Problem {
    fn from(error: ReplaceOrderError) -> Self {
        match error {
            ReplaceOrderError::NotFound => no_order(),
            ReplaceOrderError::NotOpen(status) => not_open(status),
            ReplaceOrderError::UnknownSymbol => {
                Self::of(error_code::UNKNOWN_SYMBOL).detail("The instrument takes no orders any more.")
            }
            ReplaceOrderError::IdConflict { order } => id_conflict(order),
            ReplaceOrderError::InvalidTerms(terms) => terms.into(),
            ReplaceOrderError::Refused(refused) => refused.into(),
            ReplaceOrderError::Execute(error) => error.into(),
            ReplaceOrderError::AnswerUnread { order, source } => answer_unread(order, source),
            ReplaceOrderError::Instruments(error) => store::unavailable(error),
        }
    }
}

impl From<ClosePositionError> for Problem {
    fn from(error: ClosePositionError) -> Self {
        match error {
            ClosePositionError::NothingToClose(refused) => refused.into(),
            ClosePositionError::Place(error) => error.into(),
        }
    }
}

impl From<CancelOrderError> for Problem {
    fn from(error: CancelOrderError) -> Self {
        match error {
            CancelOrderError::NotFound => no_order(),
            CancelOrderError::NotOpen(status) => not_open(status),
            CancelOrderError::Execute(error) => error.into(),
            CancelOrderError::Store(error) => error.into(),
            CancelOrderError::CanceledUnread(error) => {
                store::unread(error).detail("The order is cancelled; it could not be read afterwards.")
            }
        }
    }
}

impl From<CancelAllOrdersError> for Problem {
    fn from(error: CancelAllOrdersError) -> Self {
        match error {
            CancelAllOrdersError::NotFound => no_account(),
            CancelAllOrdersError::Execute(error) => error.into(),
        }
    }
}

impl From<ChangeAccountError> for Problem {
    fn from(error: ChangeAccountError) -> Self {
        match error {
            ChangeAccountError::NotFound => no_account(),
            ChangeAccountError::Refused(refused) => refused.into(),
            ChangeAccountError::Execute(error) => error.into(),
        }
    }
}

impl From<GetAccountError> for Problem {
    fn from(error: GetAccountError) -> Self {
        match error {
            GetAccountError::NotFound => no_account(),
            GetAccountError::Store(error) => error.into(),
        }
    }
}

impl From<ListPositionsError> for Problem {
    fn from(error: ListPositionsError) -> Self {
        match error {
            ListPositionsError::NotFound => no_account(),
            ListPositionsError::Overflow(error) => unreadable(error),
            ListPositionsError::Store(error) => error.into(),
        }
    }
}

impl From<AccountStateError> for Problem {
    fn from(error: AccountStateError) -> Self {
        match error {
            AccountStateError::NotFound => {
                Self::of(error_code::NOT_FOUND).detail("There is no such account, or there was none then.")
            }
            AccountStateError::Damaged(damaged) => unreadable(damaged),
            AccountStateError::Execute(error) => error.into(),
            AccountStateError::Store(error) => error.into(),
        }
    }
}

impl From<AccountStateAtError> for Problem {
    fn from(error: AccountStateAtError) -> Self {
        match error {
            AccountStateAtError::State(error) => error.into(),
            AccountStateAtError::Prices(error) => store::unavailable(error),
            AccountStateAtError::Overflow(error) => unreadable(error),
        }
    }
}
