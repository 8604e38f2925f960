//! `DELETE /v1/orders/{order_id}`: cancels an order.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::web::Data;
use velox_kernel::OrderId;
use velox_trading::{Trading, cancel_order};

use super::asked::Asked;
use crate::http::{Caller, PathId, Problem};
use crate::views::OrderView;

/// Cancels an order
///
/// At once when no broker has seen it (200, `canceled`), else by asking the broker (202, `pending_cancel`); a fill that
/// is faster wins. Asking again changes nothing. An order that has ended is a 409 `order_not_open`.
#[utoipa::path(delete, path = "/v1/orders/{order_id}",
    params(("order_id" = String, Path, description = "The order.", example = "ord_01h455vb4pex5vsknk084sn02q",
            pattern = "^ord_[0-7][0-9a-hjkmnp-tv-z]{25}$")),
    responses((status = 200, description = "The order, cancelled.", body = OrderView),
        (status = 202, description = "The order; its cancel is on its way to the broker.", body = OrderView)))]
pub(super) async fn handle(
    caller: Caller,
    trading: Data<Trading>,
    asked: Asked,
    PathId(id): PathId<OrderId>,
) -> Result<HttpResponse, Problem> {
    let order = cancel_order(&caller, &trading, id, asked.origin).await?;
    let status = if order.status.is_open() { StatusCode::ACCEPTED } else { StatusCode::OK };
    Ok(HttpResponse::build(status).json(OrderView::from(&order)))
}
