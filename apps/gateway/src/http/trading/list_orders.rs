//! `GET /v1/orders`: a page of orders.

use actix_web::HttpResponse;
use actix_web::web::Data;
use garde::Validate;
use serde::Deserialize;
use utoipa::IntoParams;
use velox_kernel::{StrategyId, Symbol};
use velox_trading::{OrderFilter, Trading, list_orders};

use super::filters::{AccountList, StatusList};
use crate::http::{Caller, Problem, ProblemBody, SeenPosition, StrictQuery, page_request};
use crate::views::{OrderView, PageView, SideWord};

/// Which orders.
#[derive(Deserialize, Validate, IntoParams)]
#[serde(deny_unknown_fields)]
#[garde(allow_unvalidated)]
#[into_params(parameter_in = Query)]
pub(super) struct ListOrdersQuery {
    /// Of these accounts: ids separated by commas, 20 at most; of all when not given.
    #[param(value_type = Option<String>, example = "acc_01h455vb4pex5vsknk084sn02q",
            pattern = "^acc_[0-7][0-9a-hjkmnp-tv-z]{25}(,acc_[0-7][0-9a-hjkmnp-tv-z]{25}){0,19}$")]
    account_id: Option<AccountList>,
    /// In these states: words separated by commas, `open` and `closed` for all of a kind.
    #[param(value_type = Option<String>, example = "open,filled", pattern = "^(open|closed|pending_new|routed|new|partially_filled|pending_cancel|pending_replace|unknown|filled|canceled|expired|rejected|replaced|denied)(,(open|closed|pending_new|routed|new|partially_filled|pending_cancel|pending_replace|unknown|filled|canceled|expired|rejected|replaced|denied))*$")]
    status: Option<StatusList>,
    /// Of this instrument.
    #[param(value_type = Option<String>, example = "BTC-PERP", pattern = "^[A-Z0-9._/-]{1,24}$")]
    symbol: Option<Symbol>,
    /// Of this side.
    side: Option<SideWord>,
    /// Of this strategy.
    #[param(value_type = Option<String>, pattern = "^str_[0-7][0-9a-hjkmnp-tv-z]{25}$")]
    strategy_id: Option<StrategyId>,
    /// The most items on the page.
    #[param(minimum = 1, maximum = 500, default = 50)]
    limit: Option<u16>,
    /// Where to go on: `next` of the page before.
    after: Option<String>,
}

/// Lists orders
///
/// Newest first.
#[utoipa::path(get, path = "/v1/orders", params(ListOrdersQuery, SeenPosition),
    responses((status = 200, description = "A page of orders.", body = PageView<OrderView>),
        (status = 404, description = "There is no such account, or it belongs to somebody else.", body = ProblemBody,
            content_type = "application/problem+json")))]
pub(super) async fn handle(
    caller: Caller,
    trading: Data<Trading>,
    SeenPosition(freshness): SeenPosition,
    StrictQuery(query): StrictQuery<ListOrdersQuery>,
) -> Result<HttpResponse, Problem> {
    let page = page_request(query.limit, query.after.as_deref())?.as_new_as(freshness);
    let filter = OrderFilter {
        accounts: query.account_id.unwrap_or_default().0,
        statuses: query.status.unwrap_or_default().0,
        symbol: query.symbol,
        side: query.side.map(Into::into),
        strategy: query.strategy_id,
    };
    let orders = list_orders(&caller, &trading, &filter, &page).await?;
    Ok(HttpResponse::Ok().json(PageView::<OrderView>::of(&orders)))
}
