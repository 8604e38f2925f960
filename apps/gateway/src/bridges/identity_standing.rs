//! [`IdentityStanding`]: whether somebody on a stream still would be let in.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use velox_identity::{Identity, still_stands};
use velox_kernel::Actor;

use crate::streams::Standing;

/// Asks identity, from memory where it can.
#[derive(Clone, Debug)]
pub struct IdentityStanding(pub Arc<Identity>);

#[async_trait]
impl Standing for IdentityStanding {
    /// A store that does not answer ends nobody's stream: the next look tells.
    async fn still_stands(&self, actor: &Actor, age: Duration) -> bool {
        still_stands(&self.0, actor, age).await.unwrap_or_else(|error| {
            tracing::warn!(session = %actor.session, %error, "the standing of a session cannot be told now");
            true
        })
    }
}
