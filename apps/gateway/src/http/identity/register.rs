//! `POST /v1/auth/register`: makes a user with an organisation of their own.

use actix_web::HttpResponse;
use actix_web::http::header;
use actix_web::web::Data;
use garde::Validate;
use serde::Deserialize;
use utoipa::ToSchema;
use velox_identity::{DisplayName, Email, Identity, Register, register};

use super::client_label::ClientLabel;
use super::tokens_view::TokensView;
use crate::http::wire::{WireSecret, WireText};
use crate::http::{Edge, Problem, StrictJson, run_to_end};

/// Who wants to register.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[garde(allow_unvalidated)]
#[schema(example = json!({
    "email": "ada@example.com", "display_name": "Ada Lovelace", "password": "tin-lamp-orbit-fjord"}))]
pub(super) struct RegisterBody {
    /// The address to sign in with.
    #[schema(value_type = String, format = Email, max_length = 254)]
    email: WireText<Email>,
    /// How to be shown; also the name of the organisation: 1 to 80 characters.
    #[schema(value_type = String, min_length = 1, max_length = 80,
            pattern = r"^[^\x00-\x1f\x7f-\x9f]*[^\s\x00-\x1f\x7f-\x9f][^\x00-\x1f\x7f-\x9f]*$")]
    display_name: WireText<DisplayName>,
    /// 12 to 128 characters of any kind; not your address or name, not a common one.
    #[schema(value_type = String, format = Password, min_length = 12, max_length = 128, pattern = r"^[^\x00]*$")]
    password: WireSecret,
}

/// Registers
///
/// Makes a user, and an organisation whose admin they are, and signs them in. Installations take no registrations
/// unless they were told to.
#[utoipa::path(post, path = "/v1/auth/register", request_body = RegisterBody,
    responses(
        (status = 201, description = "The user is signed in.", body = TokensView,
            headers(("Location" = String, description = "The user."))),
        (status = 403, description = "This installation takes no registrations.")))]
pub(super) async fn handle(
    identity: Data<Identity>,
    edge: Data<Edge>,
    ClientLabel(label): ClientLabel,
    StrictJson(body): StrictJson<RegisterBody>,
) -> Result<HttpResponse, Problem> {
    let RegisterBody { email, display_name, password } = body;
    let command = Register { email: email.0, display_name: display_name.0, password: password.0, label };
    let signed_in = run_to_end(async move { register(&identity, command).await }).await??;
    let tokens = TokensView::at(&signed_in.tokens, edge.clock.now());
    Ok(HttpResponse::Created().insert_header((header::LOCATION, "/v1/users/me")).json(tokens))
}
