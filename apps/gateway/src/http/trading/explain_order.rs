//! `POST /v1/orders/explain`: what every rule makes of an order, without placing it.

use actix_web::HttpResponse;
use actix_web::web::Data;
use serde::Serialize;
use utoipa::ToSchema;
use velox_engine::{Intake, explain_order};

use velox_trading::{Explanation, Verdict};

use super::order_body::OrderBody;
use crate::http::wire::{WireNumber, WirePrice};
use crate::http::{Caller, Problem, ProblemBody, StrictJson, note_account};
use crate::views::{RuleCheckView, UsedPriceView};

/// What placing an order would do now.
#[derive(Serialize, ToSchema)]
#[schema(as = Explanation)]
struct ExplanationView {
    /// Whether every rule is kept.
    #[schema(example = true)]
    accepted: bool,
    /// The account's newest event: at this event and these prices, placing decides the same.
    #[schema(example = 5)]
    seq: u64,
    /// What a unit of the order would reserve.
    reserve_price: WirePrice,
    /// The prices looked at; the order's own instrument first.
    prices: Vec<UsedPriceView>,
    /// Every rule's verdict, in the order in which they are asked.
    rules: Vec<RuleCheckView>,
}

impl From<&Explanation> for ExplanationView {
    fn from(explanation: &Explanation) -> Self {
        let Explanation { seq, verdict } = explanation;
        let Verdict { checks, prices, reserve_price } = verdict;
        Self {
            accepted: verdict.denial().is_none(),
            seq: *seq,
            reserve_price: WireNumber(*reserve_price),
            prices: prices.iter().map(Into::into).collect(),
            rules: checks.iter().map(Into::into).collect(),
        }
    }
}

/// Explains an order
///
/// Nothing is placed: the answer holds every rule with its limit, its use and its headroom. What placing would refuse
/// without an event is refused here with the same problem.
#[utoipa::path(post, path = "/v1/orders/explain", request_body = OrderBody,
    responses((status = 200, description = "What every rule makes of it.", body = ExplanationView),
        (status = 404, description = "There is no such account, or it belongs to somebody else.", body = ProblemBody,
            content_type = "application/problem+json")))]
pub(super) async fn handle(
    caller: Caller,
    intake: Data<Intake>,
    StrictJson(body): StrictJson<OrderBody>,
) -> Result<HttpResponse, Problem> {
    note_account(body.account_id);
    let explained = explain_order(&caller, &intake, &body.request(None)?).await?;
    Ok(HttpResponse::Ok().json(ExplanationView::from(&explained.explanation)))
}
