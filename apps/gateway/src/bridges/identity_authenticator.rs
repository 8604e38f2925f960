//! [`IdentityAuthenticator`]: the frame's tokens are identity's.

use std::sync::Arc;

use async_trait::async_trait;
use velox_identity::{AuthenticateError, Identity, authenticate, is_host};
use velox_kernel::Actor;

use crate::http::{AuthProblem, Authenticator};

/// Knows the access tokens that identity gave out.
#[derive(Clone, Debug)]
pub struct IdentityAuthenticator(pub Arc<Identity>);

#[async_trait]
impl Authenticator for IdentityAuthenticator {
    async fn authenticate(&self, token: &str) -> Result<Actor, AuthProblem> {
        authenticate(&self.0, token).await.map_err(|error| match error {
            AuthenticateError::Invalid => AuthProblem::Invalid,
            AuthenticateError::Expired => AuthProblem::Expired,
            AuthenticateError::SessionEnded => AuthProblem::Revoked,
            AuthenticateError::Store(error) => AuthProblem::Unavailable(error.to_string()),
        })
    }
    async fn is_host(&self, actor: &Actor) -> Result<bool, AuthProblem> {
        is_host(&self.0, actor).await.map_err(|error| AuthProblem::Unavailable(error.to_string()))
    }
}
