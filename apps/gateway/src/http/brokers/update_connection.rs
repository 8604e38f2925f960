//! `PATCH /v1/brokers/{connection_id}`: another name, other settings, other credentials.

use actix_web::HttpResponse;
use actix_web::web::Data;
use garde::Validate;
use serde::Deserialize;
use utoipa::ToSchema;
use velox_brokers::{
    BrokerSettings, Brokers, Connection, ConnectionName, Credential, UpdateConnection, get_connection,
    update_connection,
};
use velox_kernel::ConnectionId;

use super::connection_view::ConnectionView;
use super::create_connection::CredentialBody;
use super::paper_settings::PaperSettingsChange;
use super::problems::{no_connection, unchanged};
use crate::http::wire::{WireText, present};
use crate::http::{Caller, IfMatch, PathId, Problem, StrictJson, entity_tag, run_to_end};

/// What to change; a member that is left out stays as it is.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"name": "Another name", "settings": {"taker_fee_bps": "5"}}))]
pub(super) struct UpdateConnectionBody {
    /// What to call it: 1 to 60 characters.
    #[garde(skip)]
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = String, required = false, min_length = 1, max_length = 60,
            pattern = r"^[^\x00-\x1f\x7f-\x9f]*[^\s\x00-\x1f\x7f-\x9f][^\x00-\x1f\x7f-\x9f]*$")]
    name: Option<WireText<ConnectionName>>,
    /// How the broker is set up.
    #[garde(skip)]
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = PaperSettingsChange, required = false)]
    settings: Option<PaperSettingsChange>,
    /// All credentials, in place of the kept ones.
    #[garde(length(max = 16), dive)]
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Vec<CredentialBody>, required = false, max_items = 16)]
    credentials: Option<Vec<CredentialBody>>,
}

impl UpdateConnectionBody {
    /// The change of a connection as it was read. Settings are changed member by member, so the change then holds for
    /// the version that was read.
    fn command(self, read: &Connection, on: IfMatch) -> UpdateConnection {
        let Self { name, settings, credentials } = self;
        let BrokerSettings::Paper(before) = read.settings.clone();
        UpdateConnection {
            name: name.map(|name| name.0),
            expected_version: on.0.or_else(|| settings.is_some().then_some(read.version)),
            settings: settings.map(|change| BrokerSettings::Paper(change.over(before))),
            credentials: credentials.map(|all| all.into_iter().map(Credential::from).collect()),
        }
    }
}

/// Changes a broker connection
///
/// Changed settings hold for what happens from then on. With `If-Match`, only when nobody changed it since.
#[utoipa::path(patch, path = "/v1/brokers/{connection_id}", request_body = UpdateConnectionBody,
    params(
        ("connection_id" = String, Path, description = "The connection.", example = "brk_01h455vb4pex5vsknk084sn02q"),
        ("If-Match" = Option<String>, Header, pattern = r#"^(\*|"[0-9]{1,19}")$"#,
            description = "The version that the change was made on.")),
    responses(
        (status = 200, description = "The connection as it is now.", body = ConnectionView,
            headers(("ETag" = String, description = "The connection's version."))),
        (status = 412, description = "The connection is at another version.")))]
pub(super) async fn handle(
    caller: Caller,
    brokers: Data<Brokers>,
    PathId(id): PathId<ConnectionId>,
    on: IfMatch,
    StrictJson(body): StrictJson<UpdateConnectionBody>,
) -> Result<HttpResponse, Problem> {
    let read = get_connection(&brokers, &caller, id).await?.ok_or_else(no_connection)?;
    let command = body.command(&read, on);
    let connection = run_to_end(async move { update_connection(&brokers, &caller, id, command).await }).await?;
    let connection = connection.map_err(|error| unchanged(error, on))?;
    Ok(HttpResponse::Ok().insert_header(entity_tag(connection.version)).json(ConnectionView::from(&connection)))
}
