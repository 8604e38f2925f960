//! [`HashPool`]: threads for slow work that must not be in anybody's way.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::{io, thread};

use tokio::sync::oneshot;

type Job = Box<dyn FnOnce() + Send>;

/// A few threads of low priority behind a bounded queue. They end when the pool is dropped.
pub(crate) struct HashPool {
    queue: SyncSender<Job>,
}

/// Why a piece of work was not done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NotDone {
    /// The queue is full.
    Overloaded,
    /// The work panicked.
    Broken,
}

impl HashPool {
    /// Starts `threads` threads with room for `waiting` pieces of work that no thread has taken yet.
    pub(crate) fn new(threads: usize, waiting: usize) -> io::Result<Self> {
        let (queue, jobs) = sync_channel::<Job>(waiting.max(1));
        let jobs = Arc::new(Mutex::new(jobs));
        for number in 0..threads.max(1) {
            let jobs = Arc::clone(&jobs);
            thread::Builder::new().name(format!("velox-hash-{number}")).spawn(move || work(&jobs))?;
        }
        Ok(Self { queue })
    }

    /// Does a piece of work, unless the caller has gone by the time its turn comes.
    pub(crate) async fn run<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, NotDone> {
        let (answer, answered) = oneshot::channel();
        let job: Job = Box::new(move || {
            if !answer.is_closed() {
                // The caller may go while we work; then nobody wants the answer.
                let _ = answer.send(work());
            }
        });
        self.queue.try_send(job).map_err(|error| match error {
            TrySendError::Full(_) => NotDone::Overloaded,
            TrySendError::Disconnected(_) => NotDone::Broken,
        })?;
        answered.await.map_err(|_| NotDone::Broken)
    }
}

fn work(jobs: &Mutex<Receiver<Job>>) {
    lower_priority();
    loop {
        let next = jobs.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(job) = next else { return };
        // A job that panics drops its answer, which tells the caller; the thread goes on.
        let _ = catch_unwind(AssertUnwindSafe(job));
    }
}

/// On Linux a niceness belongs to the thread (`setpriority(2)`, notes). Without it the work is only bounded, not meek.
#[cfg(target_os = "linux")]
fn lower_priority() {
    let _ = rustix::process::setpriority_process(None, 10);
}

#[cfg(not(target_os = "linux"))]
fn lower_priority() {}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]
    use super::*;

    #[tokio::test]
    async fn a_full_queue_refuses_and_an_abandoned_job_is_skipped() {
        let pool = HashPool::new(1, 1).unwrap();
        let (open, gate) = std::sync::mpsc::channel::<()>();
        let (started, has_started) = oneshot::channel();
        let (first, second) = tokio::join!(
            biased;
            pool.run(move || {
                started.send(()).unwrap();
                gate.recv().unwrap();
                1
            }),
            async {
                has_started.await.unwrap();
                let abandoned = pool.run(|| panic!("nobody waits for this"));
                let full = async {
                    let full = pool.run(|| 3).await;
                    open.send(()).unwrap();
                    full
                };
                tokio::select! { biased; _ = abandoned => panic!("it cannot be done yet"), full = full => full }
            },
        );
        assert_eq!((first, second), (Ok(1), Err(NotDone::Overloaded)));
        let mut next = Err(NotDone::Overloaded);
        while next == Err(NotDone::Overloaded) {
            // The thread may not have come to the abandoned job yet.
            tokio::task::yield_now().await;
            next = pool.run(|| 4).await;
        }
        assert_eq!(next, Ok(4));
    }

    #[tokio::test]
    async fn a_panic_is_told_and_survived() {
        let pool = HashPool::new(1, 1).unwrap();
        assert_eq!(pool.run(|| -> u32 { panic!("on purpose") }).await, Err(NotDone::Broken));
        assert_eq!(pool.run(|| 5).await, Ok(5));
    }

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn its_threads_are_nice() {
        let pool = HashPool::new(1, 1).unwrap();
        assert_eq!(pool.run(|| rustix::process::getpriority_process(None).unwrap()).await, Ok(10));
        assert_ne!(rustix::process::getpriority_process(None).unwrap(), 10, "and this one is not");
    }
}
