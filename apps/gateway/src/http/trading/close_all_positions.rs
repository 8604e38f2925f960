//! `DELETE /v1/positions`: closes every position of an account.

use actix_web::HttpResponse;
use actix_web::web::Data;
use velox_engine::{ClosePositionError, Intake, PlaceOrderError, close_all_positions};

use super::asked::Asked;
use super::close_position::CloseQuery;
use crate::http::{Caller, Outcome, Problem, ProblemBody, StrictQuery, note_account, run_to_end};
use crate::views::{OrderView, PageView};

/// Closes all positions
///
/// One closing order a position that no open order closes already, each a step of its own; one that a risk rule denied
/// is among them with that status. After a failure, ask again: what is closed is not closed twice.
#[utoipa::path(delete, path = "/v1/positions", params(CloseQuery),
    responses((status = 200, description = "The closing orders.", body = PageView<OrderView>),
        (status = 404, description = "There is no such account, or it belongs to somebody else.", body = ProblemBody,
            content_type = "application/problem+json"),
        (status = 422, description = "An instrument takes no orders; other positions may be closing.", body = ProblemBody,
            content_type = "application/problem+json")))]
pub(super) async fn handle(
    caller: Caller,
    intake: Data<Intake>,
    asked: Asked,
    StrictQuery(query): StrictQuery<CloseQuery>,
) -> Result<HttpResponse, Problem> {
    note_account(query.account_id);
    let Caller(actor) = caller;
    // Position by position: a client that hangs up would leave some of them open.
    let closing = async move { close_all_positions(&actor, &intake, query.account_id, asked.origin).await };
    let orders = run_to_end(closing).await?.map_err(failed)?;
    Ok(HttpResponse::Ok().json(PageView::whole(orders.iter().map(OrderView::from).collect())))
}

/// Earlier positions may be closing when a later one fails: only a missing account tells that none is.
fn failed(error: ClosePositionError) -> Problem {
    match error {
        ClosePositionError::Place(PlaceOrderError::UnknownAccount) => error.into(),
        error => Problem::from(error).outcome(Outcome::Unknown),
    }
}
