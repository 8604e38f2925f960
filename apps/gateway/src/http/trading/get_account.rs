//! `GET /v1/accounts/{account_id}`: an account.

use actix_web::HttpResponse;
use actix_web::web::Data;
use velox_engine::AccountAt;
use velox_kernel::AccountId;
use velox_trading::{Trading, account_state};

use super::problems::unreadable;
use crate::http::{Caller, PathId, Problem, note_account};
use crate::views::AccountDetailView;

/// Shows an account
///
/// Its profile, halt, limits and ledgers, and what it is worth at the market's newest prices.
#[utoipa::path(get, path = "/v1/accounts/{account_id}",
    params(("account_id" = String, Path, description = "The account.", example = "acc_01h455vb4pex5vsknk084sn02q",
            pattern = "^acc_[0-7][0-9a-hjkmnp-tv-z]{25}$")),
    responses((status = 200, description = "The account.", body = AccountDetailView)))]
pub(super) async fn handle(
    caller: Caller,
    trading: Data<Trading>,
    PathId(id): PathId<AccountId>,
) -> Result<HttpResponse, Problem> {
    note_account(id);
    let account = account_state(&caller, &trading, id, None).await?;
    let now = AccountAt::now(account, &trading).map_err(unreadable)?;
    Ok(HttpResponse::Ok().json(AccountDetailView::try_from(&now)?))
}
