//! Watches whether a connection may go on, as long as it lasts.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{broadcast, watch};
use tokio::time::{Instant, MissedTickBehavior, interval_at};
use velox_kernel::{Actor, SessionId};

use super::desk::StreamDesk;
use super::notice::CloseReason;
use super::outbox::Outbox;

/// How often it is asked whether a session still stands, beside hearing of those that this process ends: often enough
/// that one ended elsewhere is heard of within a second.
const LOOK: Duration = Duration::from_millis(800);

/// Closes the connection once its session has ended or the server leaves.
///
/// A task of its own: a question to the store that a busy connection interrupts for every message would never be
/// answered.
pub(super) async fn watch_standing(
    desk: Arc<StreamDesk>,
    mut ended: broadcast::Receiver<SessionId>,
    actor: watch::Receiver<Option<Actor>>,
    outbox: Outbox,
) {
    let mut look = interval_at(Instant::now() + LOOK, LOOK);
    look.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let begun = desk.shutdown.begun();
    tokio::pin!(begun);
    loop {
        let doubted = tokio::select! {
            () = &mut begun => return outbox.close(CloseReason::ShuttingDown),
            ended = ended.recv() => match ended {
                Ok(session) if actor.borrow().as_ref().is_some_and(|actor| actor.session == session) => {
                    return outbox.close(CloseReason::SessionEnded);
                }
                Ok(_) => false,
                Err(RecvError::Lagged(_)) => true,
                Err(RecvError::Closed) => return outbox.close(CloseReason::ShuttingDown),
            },
            // Another process on the same store may have ended the session.
            _ = look.tick() => true,
        };
        let present = actor.borrow().clone();
        if doubted && let Some(present) = present {
            let stands = tokio::select! {
                () = &mut begun => return outbox.close(CloseReason::ShuttingDown),
                stands = desk.standing.still_stands(&present) => stands,
            };
            // A newer sign-in may have come meanwhile; it is looked at next time.
            let same = actor.borrow().as_ref().is_some_and(|actor| actor.session == present.session);
            if !stands && same {
                return outbox.close(CloseReason::SessionEnded);
            }
        }
    }
}
