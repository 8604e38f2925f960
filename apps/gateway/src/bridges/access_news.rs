//! [`AccessNews`]: tells the streams of sessions that end, and the other processes of all that changes.

use std::sync::Arc;

use tokio::sync::broadcast;
use velox_identity::AccessListener;
use velox_kernel::{SessionId, UserId};

use crate::peers::{Signal, Teller};

/// Sends each ended session to whoever holds a connection. A connection that lags behind asks how its session stands.
#[derive(Clone)]
pub struct AccessNews {
    /// Where connections hear of ended sessions.
    pub sessions_ended: broadcast::Sender<SessionId>,
    /// Tells the other processes.
    pub teller: Arc<Teller>,
}

impl AccessListener for AccessNews {
    fn sessions_ended(&self, sessions: &[SessionId]) {
        for &session in sessions {
            // An error says that nobody listens: there is no connection to close.
            let _ = self.sessions_ended.send(session);
            self.teller.tell(Signal::SessionEnded { session });
        }
    }

    fn user_changed(&self, user: UserId) {
        self.teller.tell(Signal::UserChanged { user });
    }
}
