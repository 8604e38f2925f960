//! `POST /v1/accounts/{account_id}/resume`: lets a halted account trade again.

use actix_web::HttpResponse;
use actix_web::web::Data;
use velox_kernel::AccountId;
use velox_trading::{AccountChange, Trading};

use super::account_change::change;
use super::asked::Asked;
use crate::http::{Caller, PathId, Problem};
use crate::views::AccountDetailView;

/// Resumes an account
///
/// One that is not halted is a 409.
#[utoipa::path(post, path = "/v1/accounts/{account_id}/resume",
    params(("account_id" = String, Path, description = "The account.", example = "acc_01h455vb4pex5vsknk084sn02q",
            pattern = "^acc_[0-7][0-9a-hjkmnp-tv-z]{25}$")),
    responses((status = 200, description = "The account.", body = AccountDetailView)))]
pub(super) async fn handle(
    caller: Caller,
    trading: Data<Trading>,
    asked: Asked,
    PathId(id): PathId<AccountId>,
) -> Result<HttpResponse, Problem> {
    change(&caller, &trading, id, AccountChange::Resume, asked).await
}
