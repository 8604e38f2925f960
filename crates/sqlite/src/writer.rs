//! The one thread that writes. Appends that wait together share a transaction and its sync.

use std::fs::File;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;

use diesel::connection::SimpleConnection;
use tokio::sync::oneshot;
use velox_sql::{CommitObserver, Failure, InlineSqlite, PreparedAppend};
use velox_trading::Appended;

use crate::SqliteOptions;
use crate::append::commit_group;
use crate::checkpoint::Checkpoints;
use crate::ticket::Ticket;

/// Appends of one caller.
pub(crate) struct Batch {
    pub(crate) members: Vec<PreparedAppend>,
    pub(crate) answer: oneshot::Sender<Result<Vec<Appended>, Failure>>,
    ticket: Ticket,
}

type Work = Box<dyn FnOnce(&mut InlineSqlite) + Send>;

enum Job {
    Append(Batch),
    Other(Work),
    Stop,
}

/// The way to the thread that writes.
pub(crate) struct Writer {
    jobs: SyncSender<Job>,
    queued: Arc<AtomicUsize>,
    deadline: Duration,
}

impl Writer {
    /// Gives the connection and the server's lock to a new thread, which holds both until it ends. `second` is the
    /// connection that moves the write-ahead log.
    pub(crate) fn start(
        connection: InlineSqlite,
        second: InlineSqlite,
        lock: File,
        options: &SqliteOptions,
    ) -> std::io::Result<(Self, JoinHandle<()>)> {
        let (jobs, inbox) = sync_channel(options.write_queue);
        let queued = Arc::new(AtomicUsize::new(0));
        let desk = Desk {
            inbox,
            queued: Arc::clone(&queued),
            group: options.group,
            observer: Arc::clone(&options.observer),
            checkpoints: Checkpoints::start(second, options.checkpoint_pages)?,
        };
        let thread = std::thread::Builder::new().name("velox-writer".to_owned()).spawn(move || {
            let mut connection = connection;
            // The last connection to be closed moves what is left of the log.
            desk.work(&mut connection).end();
            drop(connection);
            drop(lock);
        })?;
        Ok((Self { jobs, queued, deadline: options.write_deadline }, thread))
    }

    /// How much waits for the writer.
    pub(crate) fn queued(&self) -> usize {
        self.queued.load(Ordering::Relaxed)
    }

    /// Ends the thread once it has done what waits.
    pub(crate) fn stop(&self) {
        // A full queue is full of work that comes first; the thread also ends when the last sender is gone.
        let _ = self.jobs.try_send(Job::Stop);
    }

    fn send(&self, job: Job) -> Result<(), Failure> {
        self.queued.fetch_add(1, Ordering::Relaxed);
        self.jobs.try_send(job).map_err(|error| {
            self.queued.fetch_sub(1, Ordering::Relaxed);
            match error {
                TrySendError::Full(_) => Failure::Overloaded,
                TrySendError::Disconnected(_) => Failure::Unavailable("the store is closed".to_owned()),
            }
        })
    }

    /// Commits a batch together with whatever else waits.
    pub(crate) async fn append(&self, members: Vec<PreparedAppend>) -> Result<Vec<Appended>, Failure> {
        let (answer, answered) = oneshot::channel();
        let ticket = Ticket::default();
        self.send(Job::Append(Batch { members, answer, ticket: ticket.clone() }))?;
        ticket.wait(answered, self.deadline).await
    }

    /// Runs work in a transaction of its own.
    pub(crate) async fn transact<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut InlineSqlite) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, Failure> {
        let (answer, answered) = oneshot::channel();
        let ticket = Ticket::default();
        let taken = ticket.clone();
        self.send(Job::Other(Box::new(move |connection| {
            if taken.take() {
                let _ = answer.send(transact(connection, work));
            }
        })))?;
        ticket.wait(answered, self.deadline).await
    }
}

/// The thread's side.
struct Desk {
    inbox: Receiver<Job>,
    queued: Arc<AtomicUsize>,
    group: usize,
    observer: Arc<dyn CommitObserver>,
    checkpoints: Checkpoints,
}

impl Desk {
    fn took(&self, job: Job) -> Job {
        self.queued.fetch_sub(1, Ordering::Relaxed);
        job
    }

    /// Works until it is told to stop or nobody is left; gives back who moves the log.
    fn work(mut self, connection: &mut InlineSqlite) -> Checkpoints {
        let mut next = None;
        loop {
            let job = match next.take() {
                Some(job) => job,
                None => match self.inbox.recv() {
                    Ok(job) => self.took(job),
                    Err(_) => return self.checkpoints,
                },
            };
            match job {
                Job::Append(batch) => {
                    let (group, other) = self.gather(batch);
                    next = other;
                    let appends = group.iter().map(|batch| batch.members.len()).sum();
                    commit_group(connection, group, &*self.observer);
                    self.checkpoints.committed(connection, appends);
                }
                Job::Other(work) => {
                    run(connection, work);
                    self.checkpoints.committed(connection, 1);
                }
                Job::Stop => return self.checkpoints,
            }
        }
    }

    /// Takes the appends that wait behind the first one, up to the bound, and the job that ended the run.
    fn gather(&self, first: Batch) -> (Vec<Batch>, Option<Job>) {
        let mut size = first.members.len();
        let mut group = Vec::new();
        let mut batch = first;
        loop {
            if batch.ticket.take() {
                group.push(batch);
            }
            if size >= self.group {
                return (group, None);
            }
            match self.inbox.try_recv().map(|job| self.took(job)) {
                Ok(Job::Append(more)) => {
                    size += more.members.len();
                    batch = more;
                }
                Ok(other) => return (group, Some(other)),
                Err(_) => return (group, None),
            }
        }
    }
}

/// A panic in somebody's decision must not take the writer away from everybody else.
fn run(connection: &mut InlineSqlite, work: Work) {
    if catch_unwind(AssertUnwindSafe(|| work(connection))).is_err() {
        tracing::error!("work on the store panicked; its transaction is undone");
        let _ = connection.0.batch_execute("ROLLBACK");
    }
}

/// Runs work in a transaction: committed when it succeeds, undone when it does not.
pub(crate) fn transact<T, E: From<Failure>>(
    connection: &mut InlineSqlite,
    work: impl FnOnce(&mut InlineSqlite) -> Result<T, E>,
) -> Result<T, E> {
    connection.0.batch_execute("BEGIN IMMEDIATE").map_err(Failure::from)?;
    let done = work(connection);
    let ended = match done {
        Ok(value) => commit(connection).map(|()| value).map_err(E::from),
        Err(error) => Err(error),
    };
    if ended.is_err() {
        // SQLite may have undone the transaction by itself; then there is nothing to roll back.
        let _ = connection.0.batch_execute("ROLLBACK");
    }
    ended
}

/// A commit that fails for want of room, or because another process holds the file, left no complete transaction in
/// the write-ahead log. One that fails to sync may have: after a crash it may be there or not.
fn commit(connection: &mut InlineSqlite) -> Result<(), Failure> {
    connection.0.batch_execute("COMMIT").map_err(|error| match Failure::from(error) {
        Failure::Unavailable(reason) if reason.contains("disk I/O error") => Failure::OutcomeUnknown(reason),
        other => other,
    })
}
