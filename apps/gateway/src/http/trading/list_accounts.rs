//! `GET /v1/accounts`: a page of accounts.

use actix_web::HttpResponse;
use actix_web::web::Data;
use velox_trading::{Trading, list_accounts};

use crate::http::{Caller, PageQuery, Problem, StrictQuery};
use crate::views::{AccountView, PageView};

/// Lists accounts
///
/// Oldest first.
#[utoipa::path(get, path = "/v1/accounts", params(PageQuery),
    responses((status = 200, description = "A page of accounts.", body = PageView<AccountView>)))]
pub(super) async fn handle(
    caller: Caller,
    trading: Data<Trading>,
    StrictQuery(query): StrictQuery<PageQuery>,
) -> Result<HttpResponse, Problem> {
    let accounts = list_accounts(&caller, &trading, &query.page()?).await?;
    Ok(HttpResponse::Ok().json(PageView::<AccountView>::of(&accounts)))
}
