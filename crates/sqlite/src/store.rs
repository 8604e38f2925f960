//! [`SqliteStore`]: the embedded store behind the domains' ports.

use std::path::Path;
use std::thread::JoinHandle;

use velox_sql::{Failure, InlineSqlite};

use crate::SqliteOptions;
use crate::connection::{self, OpenError, Purpose};
use crate::readers::Readers;
use crate::writer::Writer;

/// The embedded store: one file, one server.
pub struct SqliteStore {
    writer: Option<(Writer, JoinHandle<()>)>,
    readers: Readers,
    reading: Vec<JoinHandle<()>>,
}

impl SqliteStore {
    /// Opens the file for a server, makes it when it is not there, and brings it to this program's schema. Blocks.
    ///
    /// # Errors
    /// [`OpenError`]; then nothing was changed.
    pub fn open(path: &Path, options: &SqliteOptions) -> Result<Self, OpenError> {
        let lock = connection::lock(path)?;
        let mut write = connection::open(path, Purpose::Write, options)?;
        connection::migrate(path, &mut write)?;
        let (readers, reading) = start_readers(path, Purpose::Read, options)?;
        let second = connection::open(path, Purpose::Move, options)?;
        let writer = Writer::start(write, second, lock, options).map_err(|error| failed(path, &error))?;
        Ok(Self { writer: Some(writer), readers, reading })
    }

    /// Opens the file to read, beside a running server or without one. Every write is refused. Blocks.
    ///
    /// # Errors
    /// [`OpenError`]; a file of an older or newer program is one.
    pub fn open_read_only(path: &Path, options: &SqliteOptions) -> Result<Self, OpenError> {
        let mut first = connection::open(path, Purpose::Inspect, options)?;
        connection::check_schema(path, &mut first)?;
        drop(first);
        let (readers, reading) = start_readers(path, Purpose::Inspect, options)?;
        Ok(Self { writer: None, readers, reading })
    }

    /// Answers when the store reads and writes.
    ///
    /// # Errors
    /// [`Failure`] when it does not.
    pub async fn health(&self) -> Result<(), Failure> {
        self.read(async |conn: &mut InlineSqlite| {
            conn.batch_execute("SELECT 1").await?;
            Ok(())
        })
        .await?;
        match &self.writer {
            Some((writer, _)) => writer.transact(|_| Ok(())).await,
            None => Ok(()),
        }
    }

    /// Reads the whole file for damage. It takes as long as that takes.
    ///
    /// # Errors
    /// [`Failure::Corrupt`] with what was found.
    pub async fn check_integrity(&self) -> Result<(), Failure> {
        self.read(async |conn: &mut InlineSqlite| connection::check_integrity(conn)).await
    }

    /// How many writes and how many reads wait.
    #[must_use]
    pub fn queued(&self) -> (usize, usize) {
        (self.writer.as_ref().map_or(0, |(writer, _)| writer.queued()), self.readers.queued())
    }

    /// Does what waits, closes the file and lets go of it. Blocks. Dropping it does the same.
    pub fn close(self) {
        drop(self);
    }

    pub(crate) async fn read<T: Send + 'static>(
        &self,
        code: impl AsyncFnOnce(&mut InlineSqlite) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, Failure> {
        self.readers.read(code).await
    }

    pub(crate) fn writer(&self) -> Result<&Writer, Failure> {
        let writer = self.writer.as_ref().map(|(writer, _)| writer);
        writer.ok_or_else(|| Failure::Unavailable("the store was opened to read only".to_owned()))
    }

    pub(crate) async fn write<T: Send + 'static>(
        &self,
        code: impl AsyncFnOnce(&mut InlineSqlite) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, Failure> {
        self.writer()?.transact(move |connection| connection.run(code)).await
    }
}

impl Drop for SqliteStore {
    /// The writer's connection is the last one to be closed, so that SQLite moves the write-ahead log into the file and
    /// removes it, and the next start need not read it: two that close at the same moment each leave that to the other.
    fn drop(&mut self) {
        self.readers.stop();
        self.reading.drain(..).for_each(join);
        if let Some((writer, writing)) = self.writer.take() {
            writer.stop();
            drop(writer);
            join(writing);
        }
    }
}

fn failed(path: &Path, error: &std::io::Error) -> OpenError {
    OpenError::Failed { path: path.to_owned(), reason: error.to_string() }
}

fn join(thread: JoinHandle<()>) {
    // A thread that panicked has nothing left to do.
    let _ = thread.join();
}

fn start_readers(
    path: &Path,
    purpose: Purpose,
    options: &SqliteOptions,
) -> Result<(Readers, Vec<JoinHandle<()>>), OpenError> {
    let connections =
        (0..options.readers.max(1)).map(|_| connection::open(path, purpose, options)).collect::<Result<Vec<_>, _>>()?;
    Readers::start(connections, options).map_err(|error| failed(path, &error))
}
