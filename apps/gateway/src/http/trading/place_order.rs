//! `POST /v1/orders`: places an order.

use actix_web::HttpResponse;
use actix_web::web::Data;
use velox_engine::{Intake, place_order};

use super::asked::Asked;
use super::order_body::OrderBody;
use super::placed;
use crate::http::{Caller, Problem, ProblemBody, StrictJson, note_account};
use crate::views::OrderView;

/// Places an order
///
/// It is durable when this answers. The same request under the same client order id gets the same answer again, marked
/// `Idempotent-Replayed: true`; another request under it is a 409. A risk rule that says no is a 422 `order_denied`
/// with the members `order`, `rule`, `limit`, `used` and `headroom`.
#[utoipa::path(post, path = "/v1/orders", request_body = OrderBody,
    params(("Idempotency-Key" = Option<String>, Header, description = "The client order id, when the body gives none.",
            pattern = "^[!-~]{1,64}$")),
    responses((status = 201, description = "The order as it was accepted.", body = OrderView,
        headers(("Location" = String, description = "The order."),
            ("Idempotent-Replayed" = String, description = "`true` on an answer that was given before."))),
        (status = 404, description = "There is no such account, or it belongs to somebody else.", body = ProblemBody,
            content_type = "application/problem+json"),
        (status = 422, description = "The order is malformed, or a risk rule denied it: then with members that say why.",
            body = ProblemBody, content_type = "application/problem+json", example = json!({
                "type": "/docs/errors#order_denied", "title": "A risk rule denied the order.", "status": 422,
                "code": "order_denied", "retryable": false, "outcome": "not_executed", "rule": "buying_power",
                "limit": "100000", "used": "135000", "headroom": "100000",
                "order": {"id": "ord_01h455vb4pex5vsknk084sn02q", "status": "denied"}
            }))))]
pub(super) async fn handle(
    caller: Caller,
    intake: Data<Intake>,
    asked: Asked,
    StrictJson(body): StrictJson<OrderBody>,
) -> Result<HttpResponse, Problem> {
    note_account(body.account_id);
    let request = body.request(asked.key)?;
    placed::answer(&place_order(&caller, &intake, &request, asked.origin).await?)
}
