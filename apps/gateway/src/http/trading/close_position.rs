//! `DELETE /v1/positions/{symbol}`: closes a position.

use actix_web::HttpResponse;
use actix_web::web::Data;
use garde::Validate;
use serde::Deserialize;
use utoipa::IntoParams;
use velox_engine::{Intake, close_position};
use velox_kernel::{AccountId, Symbol};

use super::asked::Asked;
use super::placed;
use crate::http::{Caller, PathId, Problem, ProblemBody, StrictQuery, note_account};
use crate::views::OrderView;

/// Whose position.
#[derive(Deserialize, Validate, IntoParams)]
#[serde(deny_unknown_fields)]
#[garde(allow_unvalidated)]
#[into_params(parameter_in = Query)]
pub(super) struct CloseQuery {
    /// Of this account.
    #[param(value_type = String, example = "acc_01h455vb4pex5vsknk084sn02q",
            pattern = "^acc_[0-7][0-9a-hjkmnp-tv-z]{25}$")]
    pub(super) account_id: AccountId,
}

/// Closes a position
///
/// Places a reduce-only market order for what no open order closes already. A symbol with a `/` in it is written with
/// `%2F`. Send an `Idempotency-Key` to be able to send the same request again. The order belongs to no strategy: the
/// positions that strategies have in the symbol stay as their own orders made them.
#[utoipa::path(delete, path = "/v1/positions/{symbol}", params(
        ("symbol" = String, Path, description = "The instrument.", example = "BTC-PERP",
            pattern = "^[A-Z0-9._/-]{1,24}$"), CloseQuery,
        ("Idempotency-Key" = Option<String>, Header, description = "The closing order's client order id.",
            pattern = "^[!-~]{1,64}$")),
    responses((status = 201, description = "The closing order.", body = OrderView,
            headers(("Location" = String, description = "The order."))),
        (status = 422, description = "No such instrument takes orders, or a risk rule denied the order.", body = ProblemBody,
            content_type = "application/problem+json")))]
pub(super) async fn handle(
    caller: Caller,
    intake: Data<Intake>,
    asked: Asked,
    PathId(symbol): PathId<Symbol>,
    StrictQuery(query): StrictQuery<CloseQuery>,
) -> Result<HttpResponse, Problem> {
    note_account(query.account_id);
    let placed = close_position(&caller, &intake, query.account_id, symbol, asked.key, asked.origin).await?;
    placed::answer(&placed)
}
