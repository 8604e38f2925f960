//! The embedded store against the contract of every port, and against what can go wrong with a file.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod contracts;
mod open;
mod plans;

use std::path::PathBuf;
use std::sync::Mutex;

use tempfile::TempDir;
use velox_sqlite::{SqliteOptions, SqliteStore};

/// Folders that last as long as a test.
#[derive(Default)]
struct Folders(Mutex<Vec<TempDir>>);

impl Folders {
    fn file(&self) -> PathBuf {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("velox.db");
        self.0.lock().unwrap().push(folder);
        path
    }

    fn store(&self) -> SqliteStore {
        SqliteStore::open(&self.file(), &SqliteOptions::default()).unwrap()
    }
}
