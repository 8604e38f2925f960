//! `GET /v1/accounts`: a page of accounts.

use actix_web::HttpResponse;
use actix_web::web::Data;
use velox_trading::{Trading, list_accounts};

use crate::http::{Caller, PageQuery, Problem, SeenPosition, StrictQuery};
use crate::views::{AccountView, PageView};

/// Lists accounts
///
/// Oldest first.
#[utoipa::path(get, path = "/v1/accounts", params(PageQuery, SeenPosition),
    responses((status = 200, description = "A page of accounts.", body = PageView<AccountView>)))]
pub(super) async fn handle(
    caller: Caller,
    trading: Data<Trading>,
    SeenPosition(freshness): SeenPosition,
    StrictQuery(query): StrictQuery<PageQuery>,
) -> Result<HttpResponse, Problem> {
    let accounts = list_accounts(&caller, &trading, &query.page()?.as_new_as(freshness)).await?;
    Ok(HttpResponse::Ok().json(PageView::<AccountView>::of(&accounts)))
}
