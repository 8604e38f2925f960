//! `POST /v1/auth/refresh`: a refresh token buys the next pair.

use actix_web::HttpResponse;
use actix_web::web::Data;
use garde::Validate;
use secrecy::ExposeSecret;
use serde::Deserialize;
use utoipa::ToSchema;
use velox_identity::{Identity, RefreshToken, refresh_session};

use super::tokens_view::TokensView;
use crate::http::wire::WireSecret;
use crate::http::{Edge, Problem, StrictJson, run_to_end};

/// What buys the next pair.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[garde(allow_unvalidated)]
#[schema(example = json!({"refresh_token": "vlr_9f86d081884c7d65…"}))]
pub(super) struct RefreshBody {
    /// The newest refresh token of the session.
    #[schema(value_type = String)]
    refresh_token: WireSecret,
}

/// Refreshes
///
/// Each refresh token works once. The direct predecessor is taken for a few seconds more, because two requests of one
/// client may cross; an older one ends the session, since somebody must have a copy.
#[utoipa::path(post, path = "/v1/auth/refresh", request_body = RefreshBody,
    responses(
        (status = 200, description = "The next pair.", body = TokensView),
        (status = 401, description = "The refresh token is unknown, expired or was used before.")))]
pub(super) async fn handle(
    identity: Data<Identity>,
    edge: Data<Edge>,
    StrictJson(body): StrictJson<RefreshBody>,
) -> Result<HttpResponse, Problem> {
    let presented = RefreshToken::new(body.refresh_token.0.expose_secret());
    let tokens = run_to_end(async move { refresh_session(&identity, &presented).await }).await??;
    Ok(HttpResponse::Ok().json(TokensView::at(&tokens, edge.clock.now())))
}
