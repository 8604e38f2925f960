//! `GET /v1/brokers/catalog`: which brokers there are.

use actix_web::HttpResponse;
use actix_web::web::Data;
use serde::Serialize;
use utoipa::ToSchema;
use velox_brokers::{BrokerSettings, Brokers, CatalogEntry};

use super::connection_view::EnvironmentWord;
use super::paper_settings::PaperSettingsView;
use crate::http::{Caller, Problem};
use crate::views::PageView;

/// A broker that a connection can be made to.
#[derive(Serialize, ToSchema)]
#[schema(as = Broker)]
struct BrokerView {
    /// Its name in requests.
    #[schema(example = "paper")]
    kind: String,
    /// Its name for people.
    #[schema(example = "Paper broker")]
    title: &'static str,
    /// What it offers.
    environments: Vec<EnvironmentWord>,
    /// What a connection needs to sign in there.
    credentials: Vec<CredentialFieldView>,
    /// The settings of a connection that names none.
    usual_settings: PaperSettingsView,
}

/// One thing that a broker wants to know.
#[derive(Serialize, ToSchema)]
#[schema(as = BrokerCredentialField)]
struct CredentialFieldView {
    /// Its name in requests.
    #[schema(example = "api_key")]
    name: &'static str,
    /// Its name for people.
    #[schema(example = "API key")]
    title: &'static str,
    /// Whether a connection cannot do without.
    required: bool,
}

impl From<&CatalogEntry> for BrokerView {
    fn from(entry: &CatalogEntry) -> Self {
        let CatalogEntry { kind, title, environments, credentials, usual_settings } = entry;
        let BrokerSettings::Paper(settings) = usual_settings;
        let field = |field: &velox_brokers::CredentialField| CredentialFieldView {
            name: field.name,
            title: field.title,
            required: field.required,
        };
        Self {
            kind: kind.to_string(),
            title,
            environments: environments.iter().copied().map(EnvironmentWord::from).collect(),
            credentials: credentials.iter().map(field).collect(),
            usual_settings: settings.into(),
        }
    }
}

/// Lists the brokers
///
/// That connections can be made to.
#[utoipa::path(get, path = "/v1/brokers/catalog",
    responses((status = 200, description = "The brokers, on one page.", body = PageView<BrokerView>)))]
pub(super) async fn handle(_caller: Caller, brokers: Data<Brokers>) -> Result<HttpResponse, Problem> {
    let views = brokers.catalog.entries().iter().map(BrokerView::from).collect();
    Ok(HttpResponse::Ok().json(PageView::whole(views)))
}
