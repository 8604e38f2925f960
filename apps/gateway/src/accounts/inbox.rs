//! [`Inbox`]: what waits for a lane.

use tokio::sync::mpsc;

use super::hub::Hub;
use super::lane::Queued;

/// What waits for a lane: this process's own commands, which carry on with what was taken in, and those of clients.
pub(super) struct Inbox {
    own: mpsc::Receiver<Queued>,
    clients: mpsc::Receiver<Queued>,
    /// Whether a queue is closed and empty.
    done: [bool; 2],
}

/// The way into an [`Inbox`].
pub(super) struct Outside {
    pub(super) own: mpsc::Sender<Queued>,
    pub(super) clients: mpsc::Sender<Queued>,
}

impl Outside {
    /// How much waits.
    pub(super) fn waiting(&self) -> usize {
        [&self.own, &self.clients].iter().map(|queue| queue.max_capacity() - queue.capacity()).sum()
    }
}

impl Inbox {
    /// An inbox whose two queues hold `queue` each.
    pub(super) fn new(queue: usize) -> (Outside, Self) {
        let ((own, own_jobs), (clients, client_jobs)) = (mpsc::channel(queue), mpsc::channel(queue));
        (Outside { own, clients }, Self { own: own_jobs, clients: client_jobs, done: [false; 2] })
    }

    /// Takes nothing new; what waits can still be received.
    pub(super) fn close(&mut self) {
        self.own.close();
        self.clients.close();
    }

    /// Takes up to `most` of what waits, or waits for the first: own commands before those of clients, and these only
    /// while the executor keeps up, so that no order starves behind newer ones. 0 when nothing will come any more.
    pub(super) async fn recv_many(&mut self, taken: &mut Vec<Queued>, most: usize, hub: &Hub) -> usize {
        while taken.is_empty() && self.done != [true; 2] {
            let of_clients = async {
                hub.room().await;
                self.clients.recv().await
            };
            let (queue, first) = tokio::select! {
                biased;
                first = self.own.recv(), if !self.done[0] => (0, first),
                first = of_clients, if !self.done[1] => (1, first),
            };
            self.done[queue] = first.is_none();
            taken.extend(first);
        }
        while taken.len() < most
            && let Ok(job) = self.own.try_recv()
        {
            taken.push(job);
        }
        while taken.len() < most
            && hub.has_room()
            && let Ok(job) = self.clients.try_recv()
        {
            taken.push(job);
        }
        taken.len()
    }
}
