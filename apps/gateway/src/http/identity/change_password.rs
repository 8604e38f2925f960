//! `POST /v1/auth/password`: another password.

use actix_web::HttpResponse;
use actix_web::web::Data;
use garde::Validate;
use secrecy::ExposeSecret;
use serde::Deserialize;
use utoipa::ToSchema;
use velox_identity::{ChangePassword, Identity, Password, change_password};

use super::client_label::ClientLabel;
use super::problems::too_long;
use super::tokens_view::TokensView;
use crate::http::wire::WireSecret;
use crate::http::{Caller, Edge, Problem, StrictJson, run_to_end};

/// The password that is set, and the one to set.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[garde(allow_unvalidated)]
#[schema(example = json!({"current_password": "tin-lamp-orbit-fjord", "new_password": "moss-kettle-arrow-pine"}))]
pub(super) struct ChangePasswordBody {
    /// The one that is set.
    #[schema(value_type = String, format = Password, max_length = 128, pattern = r"^[^\x00]*$")]
    current_password: WireSecret,
    /// The one to set: 12 to 128 characters of any kind; not your address or name, not a common one.
    #[schema(value_type = String, format = Password, min_length = 12, max_length = 128, pattern = r"^[^\x00]*$")]
    new_password: WireSecret,
}

/// Changes the password
///
/// Every session of the user ends, this one too, and a new one begins: whoever holds a token of before is out. Counts
/// as an attempt to sign in.
#[utoipa::path(post, path = "/v1/auth/password", request_body = ChangePasswordBody,
    responses((status = 200, description = "The password is changed; go on with these tokens.", body = TokensView)))]
pub(super) async fn handle(
    caller: Caller,
    identity: Data<Identity>,
    edge: Data<Edge>,
    ClientLabel(label): ClientLabel,
    StrictJson(body): StrictJson<ChangePasswordBody>,
) -> Result<HttpResponse, Problem> {
    let ChangePasswordBody { current_password, new_password } = body;
    let current = current_password.0.expose_secret();
    let current = Password::new(current).map_err(|error| too_long("/current_password", error))?;
    let command = ChangePassword { current, new: new_password.0, label };
    let signed_in = run_to_end(async move { change_password(&identity, &caller, command).await }).await??;
    Ok(HttpResponse::Ok().json(TokensView::at(&signed_in.tokens, edge.clock.now())))
}
