//! `PATCH /v1/orders/{order_id}`: puts another order in an open one's place.

use actix_web::HttpResponse;
use actix_web::http::header::LOCATION;
use actix_web::web::Data;
use garde::Validate;
use serde::Deserialize;
use utoipa::ToSchema;
use velox_engine::{Intake, ReplaceRequest, Replaced, replace_order};
use velox_kernel::{ClientOrderId, OrderId, error_code};

use super::asked::Asked;
use super::order_body::{above_zero_price, above_zero_quantity};
use super::placed;
use crate::http::wire::{PositiveDecimal, WirePrice, WireQuantity};
use crate::http::{Caller, PathId, Problem, StrictJson};
use crate::views::{OrderView, TimeInForceWord};

/// What is to be different; what is left out or `null` stays: an order has no number that could be cleared.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"limit_price": "46150", "client_order_id": "my-order-2"}))]
pub(super) struct ReplaceBody {
    /// How much in all, what has filled included; above zero.
    #[garde(inner(custom(above_zero_quantity)))]
    #[schema(value_type = Option<PositiveDecimal>)]
    quantity: Option<WireQuantity>,
    /// The limit price, of an order that has one.
    #[garde(inner(custom(above_zero_price)))]
    #[schema(value_type = Option<PositiveDecimal>)]
    limit_price: Option<WirePrice>,
    /// The stop price, of an order that has one.
    #[garde(inner(custom(above_zero_price)))]
    #[schema(value_type = Option<PositiveDecimal>)]
    stop_price: Option<WirePrice>,
    /// How long it stands.
    #[garde(skip)]
    time_in_force: Option<TimeInForceWord>,
    /// The client's name for the new order; the `Idempotency-Key` header when not given.
    #[garde(skip)]
    #[schema(value_type = Option<String>, example = "my-order-2", pattern = "^[!-~]{1,64}$")]
    client_order_id: Option<ClientOrderId>,
}

impl ReplaceBody {
    fn request(self, order: OrderId, key: Option<ClientOrderId>) -> Result<ReplaceRequest, Problem> {
        let request = ReplaceRequest {
            order,
            client_order_id: self.client_order_id.or(key),
            quantity: self.quantity.map(|quantity| quantity.0),
            limit_price: self.limit_price.map(|price| price.0),
            stop_price: self.stop_price.map(|price| price.0),
            time_in_force: self.time_in_force.map(Into::into),
        };
        let same = request.quantity.is_none()
            && request.limit_price.is_none()
            && request.stop_price.is_none()
            && request.time_in_force.is_none();
        // The order's type is fixed, so nothing but these four can differ.
        match same {
            true => Err(Problem::of(error_code::INVALID_REQUEST)
                .detail("Nothing is to be different.")
                .field("", "names no change")),
            false => Ok(request),
        }
    }
}

/// Replaces an order
///
/// A new order takes the old one's place: at once when no broker has seen the old one (200, the new order), else when
/// the broker agrees (202, the old order with its `pending_replacement`). Denied by a risk rule, the old order works on.
#[utoipa::path(patch, path = "/v1/orders/{order_id}", request_body = ReplaceBody,
    params(("order_id" = String, Path, description = "The order to replace.", example = "ord_01h455vb4pex5vsknk084sn02q",
            pattern = "^ord_[0-7][0-9a-hjkmnp-tv-z]{25}$"),
        ("Idempotency-Key" = Option<String>, Header, description = "The new client order id, when the body gives none.",
            pattern = "^[!-~]{1,64}$")),
    responses((status = 200, description = "The new order.", body = OrderView),
        (status = 202, description = "The old order; the replacement is on its way to the broker.", body = OrderView)))]
pub(super) async fn handle(
    caller: Caller,
    intake: Data<Intake>,
    asked: Asked,
    PathId(id): PathId<OrderId>,
    StrictJson(body): StrictJson<ReplaceBody>,
) -> Result<HttpResponse, Problem> {
    let request = body.request(id, asked.key)?;
    match replace_order(&caller, &intake, &request, asked.origin).await? {
        Replaced::Done(order) => Ok(HttpResponse::Ok()
            .insert_header((LOCATION, format!("/v1/orders/{}", order.id)))
            .json(OrderView::from(&*order))),
        Replaced::Pending(order) => Ok(HttpResponse::Accepted().json(OrderView::from(&*order))),
        Replaced::Denied(order) => Err(placed::denied(&order).unwrap_or_else(|| Problem::internal("no denial"))),
    }
}
