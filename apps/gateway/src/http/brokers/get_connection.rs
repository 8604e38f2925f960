//! `GET /v1/brokers/{connection_id}`: one broker connection.

use actix_web::HttpResponse;
use actix_web::web::Data;
use velox_brokers::{Brokers, get_connection};
use velox_kernel::ConnectionId;

use super::connection_view::ConnectionView;
use super::problems::no_connection;
use crate::http::{Caller, PathId, Problem, entity_tag};

/// Shows a broker connection
///
/// Its credentials are never shown.
#[utoipa::path(get, path = "/v1/brokers/{connection_id}",
    params(("connection_id" = String, Path, description = "The connection.", example = "brk_01h455vb4pex5vsknk084sn02q")),
    responses((status = 200, description = "The connection.", body = ConnectionView,
        headers(("ETag" = String, description = "The connection's version.")))))]
pub(super) async fn handle(
    caller: Caller,
    brokers: Data<Brokers>,
    PathId(id): PathId<ConnectionId>,
) -> Result<HttpResponse, Problem> {
    let connection = get_connection(&brokers, &caller, id).await?.ok_or_else(no_connection)?;
    Ok(HttpResponse::Ok().insert_header(entity_tag(connection.version)).json(ConnectionView::from(&connection)))
}
