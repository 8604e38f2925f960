//! `GET /v1/positions/{symbol}`: one position.

use actix_web::HttpResponse;
use actix_web::web::Data;
use velox_kernel::{Symbol, error_code};
use velox_trading::{Trading, list_positions};

use super::list_positions::ListPositionsQuery;
use crate::http::{Caller, PathId, Problem, StrictQuery, note_account};
use crate::views::PositionView;

/// Shows a position
///
/// A symbol with a `/` in it is written with `%2F`. A flat position is a 404.
#[utoipa::path(get, path = "/v1/positions/{symbol}", params(
        ("symbol" = String, Path, description = "The instrument.", example = "BTC-PERP",
            pattern = "^[A-Z0-9._/-]{1,24}$"), ListPositionsQuery),
    responses((status = 200, description = "The position.", body = PositionView)))]
pub(super) async fn handle(
    caller: Caller,
    trading: Data<Trading>,
    PathId(symbol): PathId<Symbol>,
    StrictQuery(query): StrictQuery<ListPositionsQuery>,
) -> Result<HttpResponse, Problem> {
    note_account(query.account_id);
    let found = list_positions(&caller, &trading, query.account_id, Some(symbol), query.strategy_id).await?;
    let none = || Problem::of(error_code::NOT_FOUND).detail("There is no open position in this instrument.");
    Ok(HttpResponse::Ok().json(PositionView::from(found.first().ok_or_else(none)?)))
}
