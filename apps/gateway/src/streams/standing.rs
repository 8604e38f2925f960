//! Watches whether a connection may go on, as long as it lasts.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{Notify, broadcast, watch};
use tokio::time::{Instant, MissedTickBehavior, interval_at};
use velox_kernel::{Actor, SessionId};

use super::desk::StreamDesk;
use super::notice::CloseReason;
use super::outbox::Outbox;

/// How often it is asked whether a session still stands, beside hearing of those that this process ends.
const LOOK: Duration = Duration::from_millis(450);
/// How old the answer may be.
const AGE: Duration = Duration::from_millis(450);
/// A session that was ended elsewhere is heard of within a second, the store's time included.
const _: () = assert!(LOOK.as_millis() + AGE.as_millis() < 1_000);

/// Closes the connection once its session has ended or the server leaves.
///
/// A task of its own: a question to the store that a busy connection interrupts for every message would never be
/// answered.
pub(super) async fn watch_standing(
    desk: Arc<StreamDesk>,
    ended: broadcast::Receiver<SessionId>,
    actor: watch::Receiver<Option<Actor>>,
    outbox: Outbox,
) {
    let doubt = Notify::new();
    // The store may take its time; what is heard meanwhile counts at once.
    let reason = tokio::select! {
        () = desk.shutdown.begun() => CloseReason::ShuttingDown,
        reason = hear(ended, &actor, &doubt) => reason,
        reason = look(&desk, &actor, &doubt) => reason,
    };
    outbox.close(reason);
}

/// Returns once this process has ended the session.
async fn hear(
    mut ended: broadcast::Receiver<SessionId>,
    actor: &watch::Receiver<Option<Actor>>,
    doubt: &Notify,
) -> CloseReason {
    loop {
        match ended.recv().await {
            Ok(session) if is_of(actor, session) => return CloseReason::SessionEnded,
            Ok(_) => {}
            // The session may be among those that were missed.
            Err(RecvError::Lagged(_)) => doubt.notify_one(),
            Err(RecvError::Closed) => return CloseReason::ShuttingDown,
        }
    }
}

/// Returns once the store says that the session has ended: another process may have ended it.
async fn look(desk: &StreamDesk, actor: &watch::Receiver<Option<Actor>>, doubt: &Notify) -> CloseReason {
    let mut look = interval_at(Instant::now() + LOOK, LOOK);
    look.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = look.tick() => {}
            () = doubt.notified() => {}
        }
        let present = actor.borrow().clone();
        let Some(present) = present else { continue };
        // A newer sign-in may have come meanwhile; it is looked at next time.
        if !desk.standing.still_stands(&present, AGE).await && is_of(actor, present.session) {
            return CloseReason::SessionEnded;
        }
    }
}

fn is_of(actor: &watch::Receiver<Option<Actor>>, session: SessionId) -> bool {
    actor.borrow().as_ref().is_some_and(|actor| actor.session == session)
}
