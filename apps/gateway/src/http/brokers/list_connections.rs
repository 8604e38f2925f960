//! `GET /v1/brokers`: a page of broker connections.

use actix_web::HttpResponse;
use actix_web::web::Data;
use velox_brokers::{Brokers, list_connections};

use super::connection_view::ConnectionView;
use crate::http::{Caller, PageQuery, Problem, StrictQuery};
use crate::views::PageView;

/// Lists broker connections
///
/// In the order they were made.
#[utoipa::path(get, path = "/v1/brokers", params(PageQuery),
    responses((status = 200, description = "A page of connections.", body = PageView<ConnectionView>)))]
pub(super) async fn handle(
    caller: Caller,
    brokers: Data<Brokers>,
    StrictQuery(query): StrictQuery<PageQuery>,
) -> Result<HttpResponse, Problem> {
    let connections = list_connections(&brokers, &caller, &query.page()?).await?;
    Ok(HttpResponse::Ok().json(PageView::<ConnectionView>::of(&connections)))
}
