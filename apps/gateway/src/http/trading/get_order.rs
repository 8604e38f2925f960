//! `GET /v1/orders/{order_id}`: an order.

use actix_web::HttpResponse;
use actix_web::web::Data;
use velox_kernel::OrderId;
use velox_trading::{OrderName, Trading, get_order};

use super::problems::no_order;
use crate::http::{Caller, PathId, Problem};
use crate::views::OrderView;

/// Shows an order
#[utoipa::path(get, path = "/v1/orders/{order_id}",
    params(("order_id" = String, Path, description = "The order.", example = "ord_01h455vb4pex5vsknk084sn02q",
            pattern = "^ord_[0-7][0-9a-hjkmnp-tv-z]{25}$")),
    responses((status = 200, description = "The order.", body = OrderView)))]
pub(super) async fn handle(
    caller: Caller,
    trading: Data<Trading>,
    PathId(id): PathId<OrderId>,
) -> Result<HttpResponse, Problem> {
    let order = get_order(&caller, &trading, OrderName::Id(id)).await?.ok_or_else(no_order)?;
    Ok(HttpResponse::Ok().json(OrderView::from(&order)))
}
