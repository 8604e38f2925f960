//! `GET /v1/trades`: a page of fills.

use actix_web::HttpResponse;
use actix_web::web::Data;
use garde::Validate;
use serde::Deserialize;
use utoipa::IntoParams;
use velox_kernel::{OrderId, StrategyId, Symbol, Timestamp};
use velox_trading::{FillFilter, Trading, list_trades};

use super::filters::AccountList;
use crate::http::{Caller, Problem, ProblemBody, SeenPosition, StrictQuery, page_request};
use crate::views::{PageView, TradeView};

/// Which fills.
#[derive(Deserialize, Validate, IntoParams)]
#[serde(deny_unknown_fields)]
#[garde(allow_unvalidated)]
#[into_params(parameter_in = Query)]
pub(super) struct ListTradesQuery {
    /// Of these accounts: ids separated by commas, 20 at most; of all when not given.
    #[param(value_type = Option<String>, example = "acc_01h455vb4pex5vsknk084sn02q",
            pattern = "^acc_[0-7][0-9a-hjkmnp-tv-z]{25}(,acc_[0-7][0-9a-hjkmnp-tv-z]{25}){0,19}$")]
    account_id: Option<AccountList>,
    /// Of this order.
    #[param(value_type = Option<String>, example = "ord_01h455vb4pex5vsknk084sn02q",
            pattern = "^ord_[0-7][0-9a-hjkmnp-tv-z]{25}$")]
    order_id: Option<OrderId>,
    /// Of this instrument.
    #[param(value_type = Option<String>, example = "BTC-PERP", pattern = "^[A-Z0-9._/-]{1,24}$")]
    symbol: Option<Symbol>,
    /// Of this strategy.
    #[param(value_type = Option<String>, pattern = "^str_[0-7][0-9a-hjkmnp-tv-z]{25}$")]
    strategy_id: Option<StrategyId>,
    /// Not before this market time.
    #[param(value_type = Option<String>, format = DateTime)]
    from: Option<Timestamp>,
    /// Before this market time.
    #[param(value_type = Option<String>, format = DateTime)]
    to: Option<Timestamp>,
    /// The most items on the page.
    #[param(minimum = 1, maximum = 500, default = 50)]
    limit: Option<u16>,
    /// Where to go on: `next` of the page before.
    after: Option<String>,
}

/// Lists trades
///
/// The fills of orders, newest first.
#[utoipa::path(get, path = "/v1/trades", params(ListTradesQuery, SeenPosition),
    responses((status = 200, description = "A page of fills.", body = PageView<TradeView>),
        (status = 404, description = "There is no such account, or it belongs to somebody else.", body = ProblemBody,
            content_type = "application/problem+json")))]
pub(super) async fn handle(
    caller: Caller,
    trading: Data<Trading>,
    SeenPosition(freshness): SeenPosition,
    StrictQuery(query): StrictQuery<ListTradesQuery>,
) -> Result<HttpResponse, Problem> {
    let page = page_request(query.limit, query.after.as_deref())?.as_new_as(freshness);
    let filter = FillFilter {
        accounts: query.account_id.unwrap_or_default().0,
        order: query.order_id,
        symbol: query.symbol,
        strategy: query.strategy_id,
        from: query.from,
        to: query.to,
    };
    let trades = list_trades(&caller, &trading, &filter, &page).await?;
    Ok(HttpResponse::Ok().json(PageView::<TradeView>::of(&trades)))
}
