//! Placing an order: from request to event.

use velox_kernel::{AccountId, Actor, OrderId, Origin};
use velox_trading::{
    AccountStateError, Command, Event, ExecuteError, Fact, InvalidTerms, NumberedEvent, Order, PlaceOrder, Refused,
    StoreError, Trading, accepted_order, denied_order, replacing_order,
};

use crate::fingerprint::fingerprint;
use crate::instruments::InstrumentError;
use crate::intake::{Intake, OrderRequest};

/// An order as it was answered first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Placed {
    /// The order: accepted, or denied by a risk rule.
    pub order: Order,
    /// Whether the same request was answered before, with this very order.
    pub repeated: bool,
}

/// Why no order was placed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PlaceOrderError {
    /// The tenant has no such account.
    #[error("there is no such account")]
    UnknownAccount,
    /// No instrument that takes orders has this symbol.
    #[error("there is no such instrument, or it takes no orders")]
    UnknownSymbol,
    /// Another request was made under the same client order id.
    #[error("another request was made under this client order id")]
    IdConflict {
        /// The order that it made.
        order: OrderId,
    },
    /// The order's numbers do not fit its instrument.
    #[error(transparent)]
    InvalidTerms(InvalidTerms),
    /// The account cannot take it for another reason; nothing was written.
    #[error(transparent)]
    Refused(Refused),
    /// The command was not carried out, or may not have been.
    #[error(transparent)]
    Execute(ExecuteError),
    /// The same request was carried out before, and what it was answered could not be read.
    #[error("{order} was placed by this request before; its first answer could not be read: {source}")]
    AnswerUnread {
        /// The order that it made.
        order: OrderId,
        /// Why not.
        source: StoreError,
    },
    /// Something could not be read; nothing was done.
    #[error(transparent)]
    Instruments(#[from] InstrumentError),
}

impl From<ExecuteError> for PlaceOrderError {
    fn from(error: ExecuteError) -> Self {
        match error {
            ExecuteError::Refused(Refused::NotOpen) => Self::UnknownAccount,
            ExecuteError::Refused(Refused::IdConflict { order }) => Self::IdConflict { order },
            ExecuteError::Refused(Refused::InvalidTerms(terms)) => Self::InvalidTerms(terms),
            ExecuteError::Refused(refused) => Self::Refused(refused),
            other => Self::Execute(other),
        }
    }
}

impl From<StoreError> for PlaceOrderError {
    fn from(error: StoreError) -> Self {
        Self::Execute(error.into())
    }
}

impl From<AccountStateError> for PlaceOrderError {
    fn from(error: AccountStateError) -> Self {
        match error {
            AccountStateError::NotFound => Self::UnknownAccount,
            AccountStateError::Execute(error) => error.into(),
            AccountStateError::Store(error) => error.into(),
            AccountStateError::Damaged(damaged) => StoreError::Corrupt(damaged.to_string()).into(),
        }
    }
}

/// Places an order. It is durable when this returns; the same request gives the same answer again.
///
/// # Errors
/// [`PlaceOrderError`].
pub async fn place_order(
    actor: &Actor,
    intake: &Intake,
    request: &OrderRequest,
    origin: Origin,
) -> Result<Placed, PlaceOrderError> {
    let trading = &intake.trading;
    let (command, order_id) = match place_command(intake, request).await {
        Ok(made) => made,
        // An instrument may have changed since it took this very order, which still has its answer.
        Err(refused @ (PlaceOrderError::UnknownSymbol | PlaceOrderError::InvalidTerms(_))) => {
            return answered_before(actor, trading, request).await?.ok_or(refused);
        }
        Err(error) => return Err(error),
    };
    let cause = trading.cause(actor, origin);
    let executed = trading.writer.execute_for(actor.org, request.account, Command::Place(command), cause).await;
    match executed {
        Ok(executed) => {
            let first = executed.events.first().ok_or(PlaceOrderError::UnknownAccount)?;
            Ok(Placed { order: first_answer(request.account, first, order_id)?, repeated: false })
        }
        Err(ExecuteError::Refused(Refused::Repeated { order, seq })) => {
            Ok(Placed { order: answer_at(trading, request.account, order, seq).await?, repeated: true })
        }
        Err(error) => Err(error.into()),
    }
}

/// The answer that this request was given before, if it was.
async fn answered_before(
    actor: &Actor,
    trading: &Trading,
    request: &OrderRequest,
) -> Result<Option<Placed>, PlaceOrderError> {
    let Some(id) = request.client_order_id else { return Ok(None) };
    if trading.queries.account(actor.org, request.account).await?.is_none() {
        return Ok(None);
    }
    match trading.queries.order_by_client_id(request.account, id).await? {
        Some(order) if order.fingerprint == fingerprint("place", request) => {
            let order = answer_at(trading, request.account, order.id, order.first_seq).await?;
            Ok(Some(Placed { order, repeated: true }))
        }
        _ => Ok(None),
    }
}

/// The command that a request makes, and the id of the order in it.
pub(crate) async fn place_command(
    intake: &Intake,
    request: &OrderRequest,
) -> Result<(PlaceOrder, OrderId), PlaceOrderError> {
    let rules = intake.rules(request.symbol).await?.ok_or(PlaceOrderError::UnknownSymbol)?;
    let order = intake.trading.new_order_id();
    let terms = request.terms(&rules);
    rules.check(&terms).map_err(PlaceOrderError::InvalidTerms)?;
    let client_order_id = match request.client_order_id {
        Some(id) => id,
        None => own_client_id(order)?,
    };
    let fingerprint = fingerprint("place", request);
    Ok((PlaceOrder { order, client_order_id, fingerprint, terms, rules }, order))
}

/// Where the client names no order, its own id is its name.
pub(crate) fn own_client_id(order: OrderId) -> Result<velox_kernel::ClientOrderId, PlaceOrderError> {
    order.to_string().parse().map_err(|_| PlaceOrderError::Refused(Refused::OutOfRange("the order id is too long")))
}

/// The answer that an earlier request was given, rebuilt from the event that answered it.
pub(crate) async fn answer_at(
    trading: &Trading,
    account: AccountId,
    order: OrderId,
    seq: u64,
) -> Result<Order, PlaceOrderError> {
    let unread = |source| PlaceOrderError::AnswerUnread { order, source };
    let records = trading.log.events(account, seq.saturating_sub(1), 1).await.map_err(unread)?;
    let record = records.first().ok_or_else(|| StoreError::Corrupt(format!("event {seq} of {account} is missing")))?;
    let event = record.event().map_err(|error| StoreError::Corrupt(error.to_string()))?;
    first_answer(account, &NumberedEvent { seq: record.seq, event }, order)
}

/// The order as the event that began it gives it.
pub(crate) fn first_answer(
    account: AccountId,
    first: &NumberedEvent,
    order: OrderId,
) -> Result<Order, PlaceOrderError> {
    let NumberedEvent { seq, event: Event { at, fact } } = first;
    match fact {
        Fact::OrderAccepted(placed) => Ok(accepted_order(account, placed, *at, *seq)),
        Fact::OrderDenied { order, denial } => Ok(denied_order(account, order, denial, *at, *seq)),
        Fact::OrderReplaced { order_id, by, broker_order_id } => {
            Ok(replacing_order(account, by, *order_id, *broker_order_id, *at, *seq))
        }
        fact => {
            let text = format!("event {seq} of {account} began no order {order}: it is {}", fact.kind());
            Err(StoreError::Corrupt(text).into())
        }
    }
}
