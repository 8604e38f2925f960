//! `GET /v1/orders/by-client-id`: an order by the client's name for it.

use actix_web::HttpResponse;
use actix_web::web::Data;
use garde::Validate;
use serde::Deserialize;
use utoipa::IntoParams;
use velox_kernel::{AccountId, ClientOrderId};
use velox_trading::{OrderName, Trading, get_order};

use super::problems::no_order;
use crate::http::{Caller, Problem, ProblemBody, StrictQuery, note_account};
use crate::views::OrderView;

/// Which order.
#[derive(Deserialize, Validate, IntoParams)]
#[serde(deny_unknown_fields)]
#[garde(allow_unvalidated)]
#[into_params(parameter_in = Query)]
pub(super) struct ClientIdQuery {
    /// The account.
    #[param(value_type = String, example = "acc_01h455vb4pex5vsknk084sn02q",
            pattern = "^acc_[0-7][0-9a-hjkmnp-tv-z]{25}$")]
    account_id: AccountId,
    /// The client's name for the order.
    #[param(value_type = String, example = "my-order-1", pattern = "^[!-~]{1,64}$")]
    client_order_id: ClientOrderId,
}

/// Shows an order by its client order id
#[utoipa::path(get, path = "/v1/orders/by-client-id", params(ClientIdQuery),
    responses((status = 200, description = "The order.", body = OrderView),
        (status = 404, description = "There is no such order, or it belongs to somebody else.", body = ProblemBody,
            content_type = "application/problem+json")))]
pub(super) async fn handle(
    caller: Caller,
    trading: Data<Trading>,
    StrictQuery(query): StrictQuery<ClientIdQuery>,
) -> Result<HttpResponse, Problem> {
    note_account(query.account_id);
    let name = OrderName::Client { account: query.account_id, id: query.client_order_id };
    let order = get_order(&caller, &trading, name).await?.ok_or_else(no_order)?;
    Ok(HttpResponse::Ok().json(OrderView::from(&order)))
}
