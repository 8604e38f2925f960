//! [`TokensView`]: what a client goes on with after signing in.

use serde::Serialize;
use utoipa::ToSchema;
use velox_identity::Tokens;
use velox_kernel::{SessionId, Timestamp};

/// A pair of tokens, as OAuth 2 answers write them (RFC 6749 §5.1). Answers with it are never cached.
#[derive(Serialize, ToSchema)]
#[schema(as = Tokens)]
pub(super) struct TokensView<'a> {
    /// Goes with every request, as `Authorization: Bearer …`.
    #[schema(example = "v4.public.eyJhdWQiOiJ2ZWxveCJ9…")]
    access_token: &'a str,
    /// Always `Bearer`.
    #[schema(example = "Bearer")]
    token_type: &'static str,
    /// Seconds until the access token ends.
    #[schema(example = 300)]
    expires_in: u64,
    /// Buys the next pair, once.
    #[schema(example = "vlr_9f86d081884c7d65…")]
    refresh_token: &'a str,
    /// Seconds until the refresh token ends.
    #[schema(example = 604_800)]
    refresh_expires_in: u64,
    /// The sign-in that both belong to.
    #[schema(value_type = String, example = "ses_01h455vb4pex5vsknk084sn02q")]
    session_id: SessionId,
}

impl<'a> TokensView<'a> {
    /// The tokens as seen at `now`.
    pub(super) fn at(tokens: &'a Tokens, now: Timestamp) -> Self {
        Self {
            access_token: tokens.access.reveal(),
            token_type: "Bearer",
            expires_in: tokens.access_expires_at.since(now).as_secs(),
            refresh_token: tokens.refresh.reveal(),
            refresh_expires_in: tokens.refresh_expires_at.since(now).as_secs(),
            session_id: tokens.session,
        }
    }
}
