//! [`InlineSqlite`]: a SQLite connection for the repository's code, which awaits.
//!
//! It runs on the thread that owns the connection, without a hop to another one for each statement, and reads rows where
//! SQLite holds them: diesel-async would have each value copied first.

use diesel::QueryResult;
use diesel::connection::SimpleConnection;
use diesel::dsl::Limit;
use diesel::query_dsl::methods::{ExecuteDsl, LimitDsl, LoadQuery};
use diesel::sqlite::SqliteConnection;
use futures_util::FutureExt;

use crate::failure::Failure;

/// A SQLite connection for asynchronous code. It blocks the thread it is used on.
pub struct InlineSqlite(
    /// The connection.
    pub SqliteConnection,
);

impl InlineSqlite {
    /// Runs repository code to its end. It never waits for anything but this connection.
    ///
    /// # Errors
    /// As the code; [`Failure::Unavailable`] if it waited for something else after all.
    pub fn run<T, E: From<Failure>>(&mut self, code: impl AsyncFnOnce(&mut Self) -> Result<T, E>) -> Result<T, E> {
        code(self).now_or_never().unwrap_or_else(|| {
            Err(E::from(Failure::Unavailable("a statement on the embedded store waited for something else".to_owned())))
        })
    }

    /// Runs statements that give nothing back.
    ///
    /// # Errors
    /// As SQLite says.
    pub async fn batch_execute(&mut self, statements: &str) -> QueryResult<()> {
        self.0.batch_execute(statements)
    }
}

/// What `diesel_async::RunQueryDsl` is for a server: the same words, answered at once.
pub(crate) trait RunQueryDsl: diesel::RunQueryDsl<SqliteConnection> {
    async fn execute(self, conn: &mut InlineSqlite) -> QueryResult<usize>
    where
        Self: ExecuteDsl<SqliteConnection>,
    {
        diesel::RunQueryDsl::execute(self, &mut conn.0)
    }

    async fn load<'query, U>(self, conn: &mut InlineSqlite) -> QueryResult<Vec<U>>
    where
        Self: LoadQuery<'query, SqliteConnection, U>,
    {
        diesel::RunQueryDsl::load(self, &mut conn.0)
    }

    async fn first<'query, U>(self, conn: &mut InlineSqlite) -> QueryResult<U>
    where
        Self: LimitDsl,
        Limit<Self>: LoadQuery<'query, SqliteConnection, U>,
    {
        diesel::RunQueryDsl::first(self, &mut conn.0)
    }

    async fn get_result<'query, U>(self, conn: &mut InlineSqlite) -> QueryResult<U>
    where
        Self: LoadQuery<'query, SqliteConnection, U>,
    {
        diesel::RunQueryDsl::get_result(self, &mut conn.0)
    }

    async fn get_results<'query, U>(self, conn: &mut InlineSqlite) -> QueryResult<Vec<U>>
    where
        Self: LoadQuery<'query, SqliteConnection, U>,
    {
        diesel::RunQueryDsl::get_results(self, &mut conn.0)
    }
}

impl<Q: diesel::RunQueryDsl<SqliteConnection>> RunQueryDsl for Q {}
