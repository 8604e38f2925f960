//! `GET /v1/accounts/{account_id}/state`: an account with what it holds, now or at a moment.

use actix_web::HttpResponse;
use actix_web::web::Data;
use garde::Validate;
use serde::Deserialize;
use utoipa::IntoParams;
use velox_engine::{PastPrices, account_state_at};
use velox_kernel::{AccountId, Timestamp};
use velox_trading::Trading;

use crate::http::{Caller, PathId, Problem, StrictQuery, note_account};
use crate::views::AccountStateView;

/// When.
#[derive(Deserialize, Validate, IntoParams)]
#[serde(deny_unknown_fields)]
#[garde(allow_unvalidated)]
#[into_params(parameter_in = Query)]
pub(super) struct StateQuery {
    /// The moment, in market time; now when not given.
    #[param(value_type = Option<String>, format = DateTime)]
    at: Option<Timestamp>,
}

/// Shows an account's state
///
/// With its positions and open orders. A past state is folded from the account's events and marked with the candles of
/// that time; before the account was opened it is a 404.
#[utoipa::path(get, path = "/v1/accounts/{account_id}/state", params(
        ("account_id" = String, Path, description = "The account.", example = "acc_01h455vb4pex5vsknk084sn02q",
            pattern = "^acc_[0-7][0-9a-hjkmnp-tv-z]{25}$"), StateQuery),
    responses((status = 200, description = "The state.", body = AccountStateView)))]
pub(super) async fn handle(
    caller: Caller,
    trading: Data<Trading>,
    past: Data<dyn PastPrices>,
    PathId(id): PathId<AccountId>,
    StrictQuery(query): StrictQuery<StateQuery>,
) -> Result<HttpResponse, Problem> {
    note_account(id);
    let state = account_state_at(&caller, &trading, &**past, id, query.at).await?;
    Ok(HttpResponse::Ok().json(AccountStateView::try_from(&state)?))
}
