//! [`SessionView`]: one sign-in.

use serde::Serialize;
use utoipa::ToSchema;
use velox_identity::Session;
use velox_kernel::{SessionId, Timestamp};

/// A sign-in on one device.
#[derive(Serialize, ToSchema)]
#[schema(as = Session)]
pub(super) struct SessionView {
    /// Its id.
    #[schema(value_type = String, example = "ses_01h455vb4pex5vsknk084sn02q")]
    id: SessionId,
    /// The client's name for itself, its `User-Agent`.
    #[schema(example = "Mozilla/5.0")]
    label: String,
    /// Whether it is the one that asks.
    #[schema(example = true)]
    current: bool,
    /// When the user signed in.
    #[schema(value_type = String, format = DateTime, example = "2026-01-05T12:00:00Z")]
    created_at: Timestamp,
    /// When it was last refreshed.
    #[schema(value_type = String, format = DateTime, example = "2026-01-05T12:00:00Z")]
    last_used_at: Timestamp,
    /// When it ends whatever happens.
    #[schema(value_type = String, format = DateTime, example = "2026-02-04T12:00:00Z")]
    expires_at: Timestamp,
}

impl SessionView {
    /// A session as `asking` sees it.
    pub(super) fn seen_by(session: &Session, asking: SessionId) -> Self {
        Self {
            id: session.id,
            label: session.label.as_str().to_owned(),
            current: session.id == asking,
            created_at: session.created_at,
            last_used_at: session.last_used_at,
            expires_at: session.expires_at,
        }
    }
}
