//! `POST /v1/brokers`: makes a broker connection and opens its account.

use actix_web::HttpResponse;
use actix_web::http::header;
use actix_web::web::Data;
use garde::Validate;
use serde::Deserialize;
use utoipa::ToSchema;
use velox_brokers::{
    BrokerKind, BrokerSettings, Brokers, CatalogEntry, ConnectionName, CreateConnection, Credential, Environment,
    IdempotencyKey, create_connection,
};

use super::connection_view::{ConnectionView, EnvironmentWord};
use super::fingerprint::fingerprint;
use super::paper_settings::NewPaperSettings;
use super::problems::unsupported_broker;
use crate::http::wire::{WireSecret, WireText, present};
use crate::http::{Caller, IdempotencyKeyText, Problem, StrictJson, entity_tag, run_to_end};

/// A connection to make.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"kind": "paper", "name": "My paper account", "settings": {"starting_cash": "50000"}}))]
pub(super) struct CreateConnectionBody {
    /// Which broker of the catalog.
    #[garde(length(min = 1, max = 64))]
    #[schema(min_length = 1, max_length = 64, example = "paper")]
    kind: String,
    /// What to call it: 1 to 60 characters.
    #[garde(skip)]
    #[schema(value_type = String, min_length = 1, max_length = 60,
            pattern = r"^[^\x00-\x1f\x7f-\x9f]*[^\s\x00-\x1f\x7f-\x9f][^\x00-\x1f\x7f-\x9f]*$")]
    name: WireText<ConnectionName>,
    /// Play money or real money; `paper` when it is left out.
    #[garde(skip)]
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = EnvironmentWord, required = false)]
    environment: Option<EnvironmentWord>,
    /// How to set the broker up; as usual when it is left out.
    #[garde(skip)]
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = NewPaperSettings, required = false)]
    settings: Option<NewPaperSettings>,
    /// What the broker wants to know, by the names of the catalog. Kept encrypted, never shown.
    #[garde(length(max = 16), dive)]
    #[serde(default)]
    #[schema(max_items = 16)]
    credentials: Vec<CredentialBody>,
}

/// One credential.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Credential)]
pub(super) struct CredentialBody {
    /// The catalog's name for it.
    #[garde(length(min = 1, max = 64))]
    #[schema(min_length = 1, max_length = 64, example = "api_key")]
    field: String,
    /// Its value.
    #[garde(skip)]
    #[schema(value_type = String, format = Password)]
    value: WireSecret,
}

impl From<CredentialBody> for Credential {
    fn from(body: CredentialBody) -> Self {
        Self { field: body.field, value: body.value.0 }
    }
}

impl CreateConnectionBody {
    fn command(self, entry: &CatalogEntry, key: Option<String>) -> CreateConnection {
        let Self { kind: _, name, environment, settings, credentials } = self;
        let BrokerSettings::Paper(usual) = entry.usual_settings.clone();
        let settings = settings.map(|settings| BrokerSettings::Paper(settings.over(usual)));
        let mut command = CreateConnection {
            name: name.0,
            kind: entry.kind,
            environment: environment.map_or(Environment::Paper, Environment::from),
            settings,
            credentials: credentials.into_iter().map(Credential::from).collect(),
            idempotency: None,
        };
        let fingerprint = fingerprint(&command);
        command.idempotency = key.map(|key| IdempotencyKey { route: "POST /v1/brokers", key, fingerprint });
        command
    }
}

/// Makes a broker connection
///
/// And opens its account. The same request under the same `Idempotency-Key` gives the same answer for 24 hours; another
/// request under it is a 409. A kind that the catalog does not hold is a 422 `unsupported_broker`.
#[utoipa::path(post, path = "/v1/brokers", request_body = CreateConnectionBody,
    params(("Idempotency-Key" = Option<String>, Header, pattern = "^[!-~]{1,255}$",
        description = "A name for this request, to send it again under.")),
    responses((status = 201, description = "The connection.", body = ConnectionView,
        headers(("Location" = String, description = "The connection."),
            ("ETag" = String, description = "The connection's version.")))))]
pub(super) async fn handle(
    caller: Caller,
    brokers: Data<Brokers>,
    IdempotencyKeyText(key): IdempotencyKeyText,
    StrictJson(body): StrictJson<CreateConnectionBody>,
) -> Result<HttpResponse, Problem> {
    let kind: Option<BrokerKind> = body.kind.parse().ok();
    let entry = kind.and_then(|kind| brokers.catalog.find(kind)).ok_or_else(|| unsupported_broker(&body.kind))?;
    let command = body.command(entry, key);
    let connection = run_to_end(async move { create_connection(&brokers, &caller, command).await }).await??;
    Ok(HttpResponse::Created()
        .insert_header((header::LOCATION, format!("/v1/brokers/{}", connection.id)))
        .insert_header(entity_tag(connection.version))
        .json(ConnectionView::from(&connection)))
}
