//! One of the tenant's orders.

use velox_kernel::{AccountId, Actor, ClientOrderId, OrderId};

use crate::get_account::{GetAccountError, get_account};
use crate::order::Order;
use crate::store::StoreError;
use crate::trading::Trading;

/// Which order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OrderName {
    /// By our id.
    Id(OrderId),
    /// By the client's name for it in an account.
    Client {
        /// The account.
        account: AccountId,
        /// The client's name.
        id: ClientOrderId,
    },
}

/// One of the tenant's orders; `None` when there is none of this name.
///
/// # Errors
/// [`StoreError`] when the read tables could not be read.
pub async fn get_order(actor: &Actor, trading: &Trading, name: OrderName) -> Result<Option<Order>, StoreError> {
    match name {
        OrderName::Id(id) => trading.queries.order(actor.org, id).await,
        OrderName::Client { account, id } => match get_account(actor, trading, account).await {
            Ok(account) => trading.queries.order_by_client_id(account.id, id).await,
            Err(GetAccountError::NotFound) => Ok(None),
            Err(GetAccountError::Store(error)) => Err(error),
        },
    }
}
