//! [`Actor`]: who acts, for whom. It comes first in every use case.

use serde::{Deserialize, Serialize};

use crate::{OrgId, Permission, Role, SessionId, UserId};

/// Who acts, on behalf of which organisation, with which rights.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Actor {
    /// The tenant. Every query is held to it.
    pub org: OrgId,
    /// The user who acts.
    pub user: UserId,
    /// The user's role in the organisation.
    pub role: Role,
    /// The sign-in the request came with.
    pub session: SessionId,
}

impl Actor {
    /// Whether the actor may do this kind of thing.
    #[must_use]
    pub const fn may(&self, permission: Permission) -> bool {
        self.role.allows(permission)
    }

    /// How the actor stands in an event.
    #[must_use]
    pub const fn principal(&self) -> Principal {
        Principal::User { id: self.user }
    }
}

/// Who caused an event, as it is kept in the event's envelope.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Principal {
    /// A user, through a request.
    User {
        /// Who.
        id: UserId,
    },
    /// The broker of the account, through a report.
    Broker,
    /// Velox itself: a deadline, a trading day's end, an execution claim.
    System,
}
