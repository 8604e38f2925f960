//! Putting another order in an open one's place.

use serde::Serialize;
use velox_kernel::{AccountId, Actor, ClientOrderId, OrderId, Origin, Price, Quantity};
use velox_trading::{
    Command, ExecuteError, Fact, InvalidTerms, NumberedEvent, Order, OrderStatus, Refused, ReplaceOrder, StoreError,
    TimeInForce,
};

use crate::fingerprint::fingerprint;
use crate::instruments::InstrumentError;
use crate::intake::Intake;
use crate::place_order::{PlaceOrderError, answer_at, first_answer, own_client_id};

/// A replacement as a client asks for it. What is `None` stays as it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ReplaceRequest {
    /// The order to replace.
    pub order: OrderId,
    /// The client's name for the new order; its own id when `None`.
    pub client_order_id: Option<ClientOrderId>,
    /// How much in all, what has filled included.
    pub quantity: Option<Quantity>,
    /// The limit price.
    pub limit_price: Option<Price>,
    /// The stop price.
    pub stop_price: Option<Price>,
    /// How long it stands.
    pub time_in_force: Option<TimeInForce>,
}

/// What became of a request to replace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Replaced {
    /// The new order stands: no broker had seen the old one.
    Done(Box<Order>),
    /// The old order, with the replacement on its way to the broker.
    Pending(Box<Order>),
    /// A risk rule denied the new order; the old one works on.
    Denied(Box<Order>),
}

/// Why an order was not replaced.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReplaceOrderError {
    /// The tenant has no such order.
    #[error("there is no such order")]
    NotFound,
    /// It ended before, or another change of it is on its way.
    #[error("the order is {}", .0.as_str())]
    NotOpen(OrderStatus),
    /// The instrument takes no orders any more.
    #[error("the instrument takes no orders")]
    UnknownSymbol,
    /// Another request was made under the same client order id.
    #[error("another request was made under this client order id")]
    IdConflict {
        /// The order that it made.
        order: OrderId,
    },
    /// The new numbers do not fit the instrument.
    #[error(transparent)]
    InvalidTerms(InvalidTerms),
    /// The new order makes no sense for another reason; nothing was written.
    #[error(transparent)]
    Refused(Refused),
    /// The command was not carried out, or may not have been.
    #[error(transparent)]
    Execute(ExecuteError),
    /// The same request was carried out before, and what it was answered could not be read.
    #[error("{order} was replaced by this request before; its first answer could not be read: {source}")]
    AnswerUnread {
        /// The order that it is about.
        order: OrderId,
        /// Why not.
        source: StoreError,
    },
    /// Something could not be read; nothing was done.
    #[error(transparent)]
    Instruments(#[from] InstrumentError),
}

impl From<ExecuteError> for ReplaceOrderError {
    fn from(error: ExecuteError) -> Self {
        match error {
            ExecuteError::Refused(Refused::NotOpen | Refused::UnknownOrder) => Self::NotFound,
            ExecuteError::Refused(Refused::OrderNotOpen { status } | Refused::ChangePending { status }) => {
                Self::NotOpen(status)
            }
            ExecuteError::Refused(Refused::IdConflict { order }) => Self::IdConflict { order },
            ExecuteError::Refused(Refused::InvalidTerms(terms)) => Self::InvalidTerms(terms),
            ExecuteError::Refused(refused) => Self::Refused(refused),
            other => Self::Execute(other),
        }
    }
}

impl From<StoreError> for ReplaceOrderError {
    fn from(error: StoreError) -> Self {
        Self::Execute(error.into())
    }
}

impl From<PlaceOrderError> for ReplaceOrderError {
    fn from(error: PlaceOrderError) -> Self {
        match error {
            PlaceOrderError::UnknownAccount => Self::NotFound,
            PlaceOrderError::UnknownSymbol => Self::UnknownSymbol,
            PlaceOrderError::IdConflict { order } => Self::IdConflict { order },
            PlaceOrderError::InvalidTerms(terms) => Self::InvalidTerms(terms),
            PlaceOrderError::Refused(refused) => Self::Refused(refused),
            PlaceOrderError::Execute(error) => Self::Execute(error),
            PlaceOrderError::AnswerUnread { order, source } => Self::AnswerUnread { order, source },
            PlaceOrderError::Instruments(error) => Self::Instruments(error),
        }
    }
}

/// Replaces an open order. The same request gives the same answer again.
///
/// # Errors
/// [`ReplaceOrderError`].
pub async fn replace_order(
    actor: &Actor,
    intake: &Intake,
    request: &ReplaceRequest,
    origin: Origin,
) -> Result<Replaced, ReplaceOrderError> {
    let trading = &intake.trading;
    let old = trading.queries.order(actor.org, request.order).await?.ok_or(ReplaceOrderError::NotFound)?;
    let rules = intake.rules(old.terms.symbol).await?.ok_or(ReplaceOrderError::UnknownSymbol)?;
    let replacement = trading.new_order_id();
    let client_order_id = match request.client_order_id {
        Some(id) => id,
        None => own_client_id(replacement)?,
    };
    let command = Command::Replace(ReplaceOrder {
        order: request.order,
        replacement,
        client_order_id,
        fingerprint: fingerprint("replace", request),
        quantity: request.quantity,
        limit_price: request.limit_price,
        stop_price: request.stop_price,
        time_in_force: request.time_in_force,
        rules,
    });
    let cause = trading.cause(actor, origin);
    match trading.writer.execute_for(actor.org, old.account, command, cause).await {
        Ok(executed) => {
            let first = executed.events.first().ok_or(ReplaceOrderError::NotFound)?;
            answer(old.account, first, replacement, executed.account.open_order(request.order))
        }
        Err(ExecuteError::Refused(Refused::Repeated { order, seq })) if order == request.order => {
            // The replacement is on its way still: its order does not exist yet, the old one stands for it.
            let unread = |source| ReplaceOrderError::AnswerUnread { order, source };
            let order = trading.queries.order(actor.org, order).await.map_err(unread)?;
            let order = order.ok_or(ReplaceOrderError::NotFound)?;
            debug_assert!(order.last_seq >= seq);
            Ok(Replaced::Pending(Box::new(order)))
        }
        Err(ExecuteError::Refused(Refused::Repeated { order, seq })) => {
            let order = answer_at(trading, old.account, order, seq).await?;
            Ok(if order.status == OrderStatus::Denied {
                Replaced::Denied(Box::new(order))
            } else {
                Replaced::Done(Box::new(order))
            })
        }
        Err(error) => Err(error.into()),
    }
}

fn answer(
    account: AccountId,
    first: &NumberedEvent,
    replacement: OrderId,
    open: Option<&Order>,
) -> Result<Replaced, ReplaceOrderError> {
    let began = || first_answer(account, first, replacement).map(Box::new);
    match (&first.event.fact, open) {
        (Fact::OrderReplaceRequested { .. }, Some(old)) => Ok(Replaced::Pending(Box::new(old.clone()))),
        (Fact::OrderDenied { .. }, _) => Ok(Replaced::Denied(began()?)),
        _ => Ok(Replaced::Done(began()?)),
    }
}
