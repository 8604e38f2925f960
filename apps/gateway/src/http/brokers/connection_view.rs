//! [`ConnectionView`]: a way to a broker; never its credentials.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use velox_brokers::{BrokerSettings, Connection, ConnectionStatus, Environment};
use velox_kernel::{AccountId, ConnectionId, Timestamp, UserId};

use super::paper_settings::PaperSettingsView;

/// A connection to a broker.
#[derive(Serialize, ToSchema)]
#[schema(as = BrokerConnection)]
pub(super) struct ConnectionView {
    /// Its id.
    #[schema(value_type = String, example = "brk_01h455vb4pex5vsknk084sn02q")]
    id: ConnectionId,
    /// What its owner calls it.
    #[schema(example = "My paper account")]
    name: String,
    /// Which broker of the catalog.
    #[schema(example = "paper")]
    kind: String,
    /// Play money or real money.
    environment: EnvironmentWord,
    /// Whether it is ready for use.
    status: ConnectionStatusWord,
    /// Its first account.
    #[schema(value_type = String, example = "acc_01h455vb4pex5vsknk084sn02q")]
    account_id: AccountId,
    /// How the broker is set up.
    settings: PaperSettingsView,
    /// Who made it.
    #[schema(value_type = String, example = "usr_01h455vb4pex5vsknk084sn02q")]
    created_by: UserId,
    /// When it was made.
    #[schema(value_type = String, format = DateTime, example = "2026-01-05T12:00:00Z")]
    created_at: Timestamp,
    /// When anything here last changed.
    #[schema(value_type = String, format = DateTime, example = "2026-01-05T12:00:00Z")]
    updated_at: Timestamp,
}

impl From<&Connection> for ConnectionView {
    fn from(connection: &Connection) -> Self {
        let BrokerSettings::Paper(settings) = &connection.settings;
        Self {
            id: connection.id,
            name: connection.name.as_str().to_owned(),
            kind: connection.kind.to_string(),
            environment: connection.environment.into(),
            status: connection.status.into(),
            account_id: connection.account,
            settings: settings.into(),
            created_by: connection.created_by,
            created_at: connection.created_at,
            updated_at: connection.updated_at,
        }
    }
}

/// What a connection goes with at the broker.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = BrokerEnvironment)]
pub(super) enum EnvironmentWord {
    /// Play money.
    Paper,
    /// Real money.
    Live,
}

impl From<Environment> for EnvironmentWord {
    fn from(environment: Environment) -> Self {
        match environment {
            Environment::Paper => Self::Paper,
            Environment::Live => Self::Live,
        }
    }
}

impl From<EnvironmentWord> for Environment {
    fn from(environment: EnvironmentWord) -> Self {
        match environment {
            EnvironmentWord::Paper => Self::Paper,
            EnvironmentWord::Live => Self::Live,
        }
    }
}

/// Whether a connection is ready for use.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = BrokerConnectionStatus)]
pub(super) enum ConnectionStatusWord {
    /// Kept, but its account is not open yet.
    Opening,
    /// Ready.
    Active,
}

impl From<ConnectionStatus> for ConnectionStatusWord {
    fn from(status: ConnectionStatus) -> Self {
        match status {
            ConnectionStatus::Opening => Self::Opening,
            ConnectionStatus::Active => Self::Active,
        }
    }
}
