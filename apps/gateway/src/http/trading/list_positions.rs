//! `GET /v1/positions`: what an account holds.

use actix_web::HttpResponse;
use actix_web::web::Data;
use garde::Validate;
use serde::Deserialize;
use utoipa::IntoParams;
use velox_kernel::{AccountId, StrategyId};
use velox_trading::{Trading, list_positions};

use crate::http::{Caller, Problem, ProblemBody, StrictQuery, note_account};
use crate::views::{PageView, PositionView};

/// Which positions.
#[derive(Deserialize, Validate, IntoParams)]
#[serde(deny_unknown_fields)]
#[garde(allow_unvalidated)]
#[into_params(parameter_in = Query)]
pub(super) struct ListPositionsQuery {
    /// Of this account.
    #[param(value_type = String, example = "acc_01h455vb4pex5vsknk084sn02q",
            pattern = "^acc_[0-7][0-9a-hjkmnp-tv-z]{25}$")]
    pub(super) account_id: AccountId,
    /// The part that belongs to this strategy; the account's own, net of all strategies, when not given.
    #[param(value_type = Option<String>, pattern = "^str_[0-7][0-9a-hjkmnp-tv-z]{25}$")]
    pub(super) strategy_id: Option<StrategyId>,
}

/// Lists positions
///
/// Those that are not flat, by symbol, at the market's newest prices; all on one page.
#[utoipa::path(get, path = "/v1/positions", params(ListPositionsQuery),
    responses((status = 200, description = "The positions.", body = PageView<PositionView>),
        (status = 404, description = "There is no such account, or it belongs to somebody else.", body = ProblemBody,
            content_type = "application/problem+json")))]
pub(super) async fn handle(
    caller: Caller,
    trading: Data<Trading>,
    StrictQuery(query): StrictQuery<ListPositionsQuery>,
) -> Result<HttpResponse, Problem> {
    note_account(query.account_id);
    let positions = list_positions(&caller, &trading, query.account_id, None, query.strategy_id).await?;
    Ok(HttpResponse::Ok().json(PageView::whole(positions.iter().map(PositionView::from).collect())))
}
