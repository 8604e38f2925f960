//! [`Inbox`]: what waits for a lane.

use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};

use velox_trading::ExecuteError;

use super::hub::Hub;
use super::job::Queued;

/// How long new orders wait for an executor that is behind before they are refused.
const PATIENCE: Duration = Duration::from_secs(1);

/// What waits for a lane: new orders of clients, and everything else, which carries on with what was taken in, ends it,
/// or only looks.
pub(super) struct Inbox {
    usual: mpsc::Receiver<Queued>,
    orders: mpsc::Receiver<Queued>,
    /// What was taken out and put aside: it comes first.
    kept: Vec<Queued>,
    /// Whether a queue is closed and empty.
    done: [bool; 2],
    /// Since when the executor is behind.
    behind: Option<Instant>,
}

/// The way into an [`Inbox`].
pub(super) struct Outside {
    pub(super) usual: mpsc::Sender<Queued>,
    pub(super) orders: mpsc::Sender<Queued>,
}

impl Outside {
    /// How much waits.
    pub(super) fn waiting(&self) -> usize {
        [&self.usual, &self.orders].iter().map(|queue| queue.max_capacity() - queue.capacity()).sum()
    }
}

impl Inbox {
    /// An inbox whose two queues hold `queue` each.
    pub(super) fn new(queue: usize) -> (Outside, Self) {
        let ((usual, usual_jobs), (orders, new_orders)) = (mpsc::channel(queue), mpsc::channel(queue));
        (
            Outside { usual, orders },
            Self { usual: usual_jobs, orders: new_orders, kept: vec![], done: [false; 2], behind: None },
        )
    }

    /// Takes nothing new; what waits can still be received.
    pub(super) fn close(&mut self) {
        self.usual.close();
        self.orders.close();
    }

    /// Takes up to `most` of what waits, or waits for the first. New orders come last, and only while the executor keeps
    /// up, so that none starves behind newer ones; while it stays behind they are refused. 0 when nothing will come any
    /// more.
    pub(super) async fn recv_many(&mut self, taken: &mut Vec<Queued>, most: usize, hub: &Hub) -> usize {
        taken.append(&mut self.kept);
        while taken.is_empty() && self.done != [true; 2] {
            let (room, late_at) = self.look(hub);
            let late = late_at <= Instant::now();
            tokio::select! {
                biased;
                first = self.usual.recv(), if !self.done[0] => {
                    self.done[0] = first.is_none();
                    taken.extend(first);
                }
                first = self.orders.recv(), if !self.done[1] && (room || late) => match first {
                    Some(order) if room => taken.push(order),
                    Some(order) => order.refuse(),
                    None => self.done[1] = true,
                },
                () = hub.room(), if !room => {}
                () = sleep_until(late_at), if !room && !late => {}
            }
        }
        while taken.len() < most
            && let Ok(job) = self.usual.try_recv()
        {
            taken.push(job);
        }
        while taken.len() < most {
            let (room, late_at) = self.look(hub);
            if !room && late_at > Instant::now() {
                break;
            }
            match self.orders.try_recv() {
                Ok(order) if room => taken.push(order),
                Ok(order) => order.refuse(),
                Err(_) => break,
            }
        }
        taken.len()
    }

    /// Answers what waits for clients with an error: nothing of it was done. What this process has to do itself stays.
    pub(super) fn refuse_clients(&mut self, error: &ExecuteError) {
        for queue in [&mut self.usual, &mut self.orders] {
            // Not what comes meanwhile.
            for _ in 0..queue.len() {
                let Ok(queued) = queue.try_recv() else { break };
                self.kept.extend(queued.refuse_clients(error));
            }
        }
    }

    /// Whether the executor keeps up, and since when it would be too late if it does not.
    fn look(&mut self, hub: &Hub) -> (bool, Instant) {
        let room = hub.has_room();
        if room {
            self.behind = None;
        } else {
            self.behind.get_or_insert_with(Instant::now);
        }
        (room, self.behind.map_or_else(Instant::now, |since| since + PATIENCE))
    }
}
