//! The threads that read. They see the newest commit and never wait for the writer.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::sync::oneshot;
use velox_sql::{Failure, InlineSqlite};

use crate::SqliteOptions;
use crate::ticket::Ticket;

type Work = Box<dyn FnOnce(&mut InlineSqlite) + Send>;

/// The way to the threads that read.
pub(crate) struct Readers {
    jobs: Option<SyncSender<Work>>,
    queued: Arc<AtomicUsize>,
    deadline: Duration,
}

impl Readers {
    /// Gives each connection to a thread of its own.
    pub(crate) fn start(
        connections: Vec<InlineSqlite>,
        options: &SqliteOptions,
    ) -> std::io::Result<(Self, Vec<JoinHandle<()>>)> {
        let (jobs, inbox) = sync_channel::<Work>(options.read_queue);
        let inbox = Arc::new(Mutex::new(inbox));
        let queued = Arc::new(AtomicUsize::new(0));
        let mut threads = Vec::new();
        for connection in connections {
            let (inbox, queued) = (Arc::clone(&inbox), Arc::clone(&queued));
            let name = "velox-reader".to_owned();
            threads.push(std::thread::Builder::new().name(name).spawn(move || work(connection, &inbox, &queued))?);
        }
        Ok((Self { jobs: Some(jobs), queued, deadline: options.read_deadline }, threads))
    }

    /// Lets the threads end once they have done what waits.
    pub(crate) fn stop(&mut self) {
        self.jobs = None;
    }

    /// How much waits for a reader.
    pub(crate) fn queued(&self) -> usize {
        self.queued.load(Ordering::Relaxed)
    }

    /// Runs repository code on one of the connections.
    pub(crate) async fn read<T: Send + 'static>(
        &self,
        code: impl AsyncFnOnce(&mut InlineSqlite) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, Failure> {
        let (answer, answered) = oneshot::channel();
        let ticket = Ticket::default();
        let taken = ticket.clone();
        let work: Work = Box::new(move |connection| {
            if !answer.is_closed() && taken.take() {
                let _ = answer.send(connection.run(code));
            }
        });
        self.queued.fetch_add(1, Ordering::Relaxed);
        let sent = match &self.jobs {
            Some(jobs) => jobs.try_send(work),
            None => Err(TrySendError::Disconnected(work)),
        };
        if let Err(error) = sent {
            self.queued.fetch_sub(1, Ordering::Relaxed);
            return Err(match error {
                TrySendError::Full(_) => Failure::Overloaded,
                TrySendError::Disconnected(_) => Failure::Unavailable("the store is closed".to_owned()),
            });
        }
        ticket.wait(answered, self.deadline).await.map_err(|failure| match failure {
            // A read leaves nothing behind.
            Failure::OutcomeUnknown(reason) => Failure::Unavailable(reason),
            other => other,
        })
    }
}

fn work(mut connection: InlineSqlite, inbox: &Mutex<Receiver<Work>>, queued: &AtomicUsize) {
    loop {
        let job = inbox.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(job) = job else {
            return;
        };
        queued.fetch_sub(1, Ordering::Relaxed);
        job(&mut connection);
    }
}
