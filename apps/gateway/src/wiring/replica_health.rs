//! How the read replica is: it answers, and is not too far behind.

use std::sync::Arc;

use async_trait::async_trait;

use crate::http::health::{Health, HealthCheck};
use crate::replicas::{Replica, ReplicaState};

/// Looks at what is known of the replica. It is only missed: the primary answers in its place.
pub(super) struct ReplicaHealth(pub(super) Arc<Replica>);

#[async_trait]
impl HealthCheck for ReplicaHealth {
    fn name(&self) -> &'static str {
        "read_replica"
    }

    fn required(&self) -> bool {
        false
    }

    async fn check(&self) -> Health {
        match self.0.state() {
            ReplicaState::Away(_) => Health::down("it is not read; the primary answers"),
            ReplicaState::Behind(behind) if behind > self.0.bound() => {
                Health::degraded(format!("it is {} s behind", behind.as_secs()))
            }
            ReplicaState::Behind(_) => Health::up(),
        }
    }
}
