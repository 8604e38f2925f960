//! `POST /v1/auth/login`: an address and a password become a session.

use actix_web::HttpResponse;
use actix_web::web::Data;
use garde::Validate;
use secrecy::ExposeSecret;
use serde::Deserialize;
use utoipa::ToSchema;
use velox_identity::{Email, Identity, LogIn, Password, log_in};

use super::client_label::ClientLabel;
use super::problems::too_long;
use super::tokens_view::TokensView;
use crate::http::wire::{WireSecret, WireText};
use crate::http::{Edge, Problem, StrictJson, run_to_end};

/// Who wants in.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[garde(allow_unvalidated)]
#[schema(example = json!({"email": "ada@example.com", "password": "tin-lamp-orbit-fjord"}))]
pub(super) struct LogInBody {
    /// The address.
    #[schema(value_type = String, format = Email, max_length = 254)]
    email: WireText<Email>,
    /// The password.
    #[schema(value_type = String, format = Password, max_length = 128, pattern = r"^[^\x00]*$")]
    password: WireSecret,
}

/// Signs in
///
/// Which of address and password was wrong is not told. Attempts are limited by address.
#[utoipa::path(post, path = "/v1/auth/login", request_body = LogInBody,
    responses(
        (status = 200, description = "Signed in.", body = TokensView),
        (status = 401, description = "The address or the password is wrong.")))]
pub(super) async fn handle(
    identity: Data<Identity>,
    edge: Data<Edge>,
    ClientLabel(label): ClientLabel,
    StrictJson(body): StrictJson<LogInBody>,
) -> Result<HttpResponse, Problem> {
    let LogInBody { email, password } = body;
    let password = Password::new(password.0.expose_secret()).map_err(|error| too_long("/password", error))?;
    let command = LogIn { email: email.0, password, label };
    let signed_in = run_to_end(async move { log_in(&identity, command).await }).await??;
    Ok(HttpResponse::Ok().json(TokensView::at(&signed_in.tokens, edge.clock.now())))
}
