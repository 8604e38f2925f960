//! `POST /v1/accounts/{account_id}/reset`: puts a paper account back to a fresh start.

use actix_web::HttpResponse;
use actix_web::web::Data;
use garde::Validate;
use serde::Deserialize;
use utoipa::ToSchema;
use velox_kernel::AccountId;
use velox_trading::{AccountChange, Trading};

use super::account_change::change;
use super::asked::Asked;
use crate::http::wire::{UnsignedDecimal, WireMoney};
use crate::http::{Caller, PathId, Problem, StrictJson};
use crate::views::AccountDetailView;

/// What to start with.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"cash": "100000"}))]
pub(super) struct ResetBody {
    /// The cash, in the account's currency; not below zero.
    #[garde(custom(not_negative))]
    #[schema(value_type = UnsignedDecimal)]
    cash: WireMoney,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "garde calls it by reference")]
fn not_negative(cash: &WireMoney, _: &()) -> garde::Result {
    if cash.0.is_negative() { Err(garde::Error::new("must not be below zero")) } else { Ok(()) }
}

/// Resets a paper account
///
/// Its positions and ledgers begin anew; its log goes on. Open orders are a 409, and so is an account that is not paper.
#[utoipa::path(post, path = "/v1/accounts/{account_id}/reset", request_body = ResetBody,
    params(("account_id" = String, Path, description = "The account.", example = "acc_01h455vb4pex5vsknk084sn02q",
            pattern = "^acc_[0-7][0-9a-hjkmnp-tv-z]{25}$")),
    responses((status = 200, description = "The account.", body = AccountDetailView)))]
pub(super) async fn handle(
    caller: Caller,
    trading: Data<Trading>,
    asked: Asked,
    PathId(id): PathId<AccountId>,
    StrictJson(body): StrictJson<ResetBody>,
) -> Result<HttpResponse, Problem> {
    change(&caller, &trading, id, AccountChange::Reset { cash: body.cash.0 }, asked).await
}
