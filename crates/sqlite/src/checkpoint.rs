//! Moves the write-ahead log into the file beside the writer, whom everybody else waits for.
//!
//! A checkpoint that the writer runs by itself (`wal_autocheckpoint`) copies thousands of pages and syncs the file while
//! every append waits. Here a thread of its own copies what is in the log at that moment, which may be done next to a
//! writer (`SQLITE_CHECKPOINT_PASSIVE`); only the few pages that were written meanwhile are left to the writer, and then
//! the log begins anew.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;

use diesel::connection::SimpleConnection;
use velox_sql::InlineSqlite;

/// Pages of the log that an append fills, by and large: its events, its head, its order and their indexes.
const PAGES: usize = 5;

/// The writer's side.
pub(crate) struct Checkpoints {
    due: SyncSender<()>,
    moved: Arc<AtomicBool>,
    thread: JoinHandle<()>,
    /// Pages written since the last one was asked for, by estimate, and when the next one is due.
    written: usize,
    bound: usize,
}

impl Checkpoints {
    /// Starts the thread, with a connection of its own, for a log of about `bound` pages.
    pub(crate) fn start(connection: InlineSqlite, bound: u32) -> std::io::Result<Self> {
        let (due, asked) = sync_channel(1);
        let moved = Arc::new(AtomicBool::new(false));
        let told = Arc::clone(&moved);
        let thread = std::thread::Builder::new()
            .name("velox-checkpoint".to_owned())
            .spawn(move || work(connection, &asked, &told))?;
        let bound = usize::try_from(bound).unwrap_or(usize::MAX);
        Ok(Self { due, moved, thread, written: 0, bound })
    }

    /// After a commit of so many appends: moves what the thread has left, and asks it for more when it is due.
    pub(crate) fn committed(&mut self, connection: &mut InlineSqlite, appends: usize) {
        if self.moved.swap(false, Ordering::AcqRel) {
            checkpoint(connection);
        }
        self.written += appends * PAGES;
        if self.written >= self.bound {
            self.written = 0;
            // One question is enough, however often it is asked.
            let _ = self.due.try_send(());
        }
    }

    /// Ends the thread and closes its connection.
    pub(crate) fn end(self) {
        let Self { due, thread, .. } = self;
        drop(due);
        // A thread that panicked has nothing left to do.
        let _ = thread.join();
    }
}

fn work(mut connection: InlineSqlite, asked: &Receiver<()>, moved: &AtomicBool) {
    while asked.recv().is_ok() {
        checkpoint(&mut connection);
        moved.store(true, Ordering::Release);
    }
}

/// Copies into the file what is in the log. What cannot be copied now is copied later: the log grows meanwhile.
fn checkpoint(connection: &mut InlineSqlite) {
    if let Err(error) = connection.0.batch_execute("PRAGMA wal_checkpoint(PASSIVE)") {
        tracing::warn!(%error, "the write-ahead log could not be moved into the file");
    }
}
