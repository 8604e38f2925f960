//! [`SessionEndings`]: tells the streams of sessions that end.

use tokio::sync::broadcast;
use velox_identity::SessionsEnded;
use velox_kernel::SessionId;

/// Sends each ended session to whoever holds a connection. A connection that lags behind asks how its session stands.
#[derive(Clone, Debug)]
pub struct SessionEndings(pub broadcast::Sender<SessionId>);

impl SessionsEnded for SessionEndings {
    fn ended(&self, sessions: &[SessionId]) {
        for session in sessions {
            // An error says that nobody listens: there is no connection to close.
            let _ = self.0.send(*session);
        }
    }
}
