//! What a placed order is answered with: 201, or the denial as a problem.

use actix_web::HttpResponse;
use actix_web::http::header::{HeaderName, HeaderValue, LOCATION};
use velox_engine::Placed;
use velox_kernel::error_code;
use velox_trading::Order;

use crate::http::Problem;
use crate::views::{OrderView, RuleCheckView};

/// Says that this answer was given before.
const REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");

/// The answer to a placed order: the same again for the same request, and then marked so.
pub(super) fn answer(placed: &Placed) -> Result<HttpResponse, Problem> {
    let replayed = (REPLAYED, HeaderValue::from_static("true"));
    match denied(&placed.order) {
        Some(problem) if placed.repeated => Err(problem.header(replayed.0, replayed.1)),
        Some(problem) => Err(problem),
        None => {
            let mut answer = HttpResponse::Created();
            answer.insert_header((LOCATION, format!("/v1/orders/{}", placed.order.id)));
            if placed.repeated {
                answer.insert_header(replayed);
            }
            Ok(answer.json(OrderView::from(&placed.order)))
        }
    }
}

/// The problem of an order that a risk rule denied: it names the order, the rule and its numbers.
pub(super) fn denied(order: &Order) -> Option<Problem> {
    let RuleCheckView { rule, passed: _, limit, used, headroom } = (&order.denial.as_deref()?.check).into();
    let word = order.denial.as_deref()?.check.rule.as_str();
    Some(
        Problem::of(error_code::ORDER_DENIED)
            .detail(format!("The rule {word} denied the order. It is kept as denied; nothing was sent to a broker."))
            .extra("rule", rule)
            .extra("limit", limit)
            .extra("used", used)
            .extra("headroom", headroom)
            .extra("order", OrderView::from(order)),
    )
}
