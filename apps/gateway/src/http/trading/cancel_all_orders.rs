//! `DELETE /v1/orders`: cancels every open order of an account.

use actix_web::HttpResponse;
use actix_web::web::Data;
use garde::Validate;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use velox_kernel::{AccountId, OrderId, Symbol};
use velox_trading::{Trading, cancel_all_orders};

use super::asked::Asked;
use crate::http::{Caller, Problem, ProblemBody, StrictQuery, note_account};

/// Which orders.
#[derive(Deserialize, Validate, IntoParams)]
#[serde(deny_unknown_fields)]
#[garde(allow_unvalidated)]
#[into_params(parameter_in = Query)]
pub(super) struct CancelAllQuery {
    /// Of this account.
    #[param(value_type = String, example = "acc_01h455vb4pex5vsknk084sn02q",
            pattern = "^acc_[0-7][0-9a-hjkmnp-tv-z]{25}$")]
    account_id: AccountId,
    /// Of this instrument; of all when not given.
    #[param(value_type = Option<String>, example = "BTC-PERP", pattern = "^[A-Z0-9._/-]{1,24}$")]
    symbol: Option<Symbol>,
}

/// The orders whose cancel began.
#[derive(Serialize, ToSchema)]
struct CanceledOrders {
    /// Their ids; those whose cancel was on its way before are not among them.
    #[schema(value_type = Vec<String>, example = json!(["ord_01h455vb4pex5vsknk084sn02q"]))]
    order_ids: Vec<OrderId>,
}

/// Cancels all orders
///
/// All of them in one step: no order of the account slips between.
#[utoipa::path(delete, path = "/v1/orders", params(CancelAllQuery),
    responses((status = 200, description = "The orders whose cancel began.", body = CanceledOrders),
        (status = 404, description = "There is no such account, or it belongs to somebody else.", body = ProblemBody,
            content_type = "application/problem+json")))]
pub(super) async fn handle(
    caller: Caller,
    trading: Data<Trading>,
    asked: Asked,
    StrictQuery(query): StrictQuery<CancelAllQuery>,
) -> Result<HttpResponse, Problem> {
    note_account(query.account_id);
    let order_ids = cancel_all_orders(&caller, &trading, query.account_id, query.symbol, asked.origin).await?;
    Ok(HttpResponse::Ok().json(CanceledOrders { order_ids }))
}
