//! [`InlineSqlite`]: a SQLite connection whose futures are ready at once.
//!
//! It lets the repository's code, which awaits, run on the thread that owns the connection, without a hop to another
//! one for each statement.

use std::future::{Ready, ready};

use diesel::connection::{
    CacheSize, Connection, Instrumentation, LoadConnection, SimpleConnection, TransactionManager as _,
    TransactionManagerStatus,
};
use diesel::query_builder::{AsQuery, AstPass, Query, QueryFragment, QueryId};
use diesel::row::IntoOwnedRow;
use diesel::sql_types::Untyped;
use diesel::sqlite::{Sqlite, SqliteConnection};
use diesel::{ConnectionResult, QueryResult};
use diesel_async::{AsyncConnection, AsyncConnectionCore, SimpleAsyncConnection, TransactionManager};
use futures_util::FutureExt;
use futures_util::stream::{Iter, iter};

use crate::failure::Failure;

type Borrowed = <SqliteConnection as LoadConnection>::Row<'static, 'static>;
type Owned = <Borrowed as IntoOwnedRow<'static, Sqlite>>::OwnedRow;
type Manager = <SqliteConnection as Connection>::TransactionManager;

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
}

impl SimpleAsyncConnection for InlineSqlite {
    fn batch_execute(&mut self, query: &str) -> impl Future<Output = QueryResult<()>> + Send {
        ready(self.0.batch_execute(query))
    }
}

/// A query of which it is not known what its rows hold: diesel asks for less then, and the loading code knows.
struct OfRows<Q>(Q);

impl<Q> Query for OfRows<Q> {
    type SqlType = Untyped;
}

impl<Q: QueryId> QueryId for OfRows<Q> {
    type QueryId = Q::QueryId;
    const HAS_STATIC_QUERY_ID: bool = Q::HAS_STATIC_QUERY_ID;
}

impl<Q: QueryFragment<Sqlite>> QueryFragment<Sqlite> for OfRows<Q> {
    fn walk_ast<'b>(&'b self, out: AstPass<'_, 'b, Sqlite>) -> QueryResult<()> {
        self.0.walk_ast(out)
    }
}

fn load_all<T>(
    connection: &mut SqliteConnection,
    source: T,
) -> QueryResult<Iter<std::vec::IntoIter<QueryResult<Owned>>>>
where
    T: AsQuery,
    T::Query: QueryFragment<Sqlite> + QueryId,
{
    let mut cache = Default::default();
    let cursor = LoadConnection::load(connection, OfRows(source.as_query()))?;
    let mut rows = Vec::new();
    for row in cursor {
        rows.push(Ok(IntoOwnedRow::into_owned(row?, &mut cache)));
    }
    Ok(iter(rows))
}

impl AsyncConnectionCore for InlineSqlite {
    type ExecuteFuture<'conn, 'query> = Ready<QueryResult<usize>>;
    type LoadFuture<'conn, 'query> = Ready<QueryResult<Self::Stream<'conn, 'query>>>;
    type Stream<'conn, 'query> = Iter<std::vec::IntoIter<QueryResult<Owned>>>;
    type Row<'conn, 'query> = Owned;
    type Backend = Sqlite;

    fn load<'conn, 'query, T>(&'conn mut self, source: T) -> Self::LoadFuture<'conn, 'query>
    where
        T: AsQuery + 'query,
        T::Query: QueryFragment<Sqlite> + QueryId + 'query,
    {
        ready(load_all(&mut self.0, source))
    }

    fn execute_returning_count<'conn, 'query, T>(&'conn mut self, source: T) -> Self::ExecuteFuture<'conn, 'query>
    where
        T: QueryFragment<Sqlite> + QueryId + 'query,
    {
        ready(Connection::execute_returning_count(&mut self.0, &source))
    }
}

impl AsyncConnection for InlineSqlite {
    type TransactionManager = InlineTransactions;

    fn establish(url: &str) -> impl Future<Output = ConnectionResult<Self>> + Send {
        ready(SqliteConnection::establish(url).map(Self))
    }

    fn transaction_state(
        &mut self,
    ) -> &mut <Manager as diesel::connection::TransactionManager<SqliteConnection>>::TransactionStateData {
        Connection::transaction_state(&mut self.0)
    }

    fn instrumentation(&mut self) -> &mut dyn Instrumentation {
        Connection::instrumentation(&mut self.0)
    }

    fn set_instrumentation(&mut self, instrumentation: impl Instrumentation) {
        Connection::set_instrumentation(&mut self.0, instrumentation);
    }

    fn set_prepared_statement_cache_size(&mut self, size: CacheSize) {
        Connection::set_prepared_statement_cache_size(&mut self.0, size);
    }
}

/// The transactions of an [`InlineSqlite`].
pub struct InlineTransactions;

impl TransactionManager<InlineSqlite> for InlineTransactions {
    type TransactionStateData =
        <Manager as diesel::connection::TransactionManager<SqliteConnection>>::TransactionStateData;

    fn begin_transaction(conn: &mut InlineSqlite) -> impl Future<Output = QueryResult<()>> + Send {
        ready(Manager::begin_transaction(&mut conn.0))
    }

    fn rollback_transaction(conn: &mut InlineSqlite) -> impl Future<Output = QueryResult<()>> + Send {
        ready(Manager::rollback_transaction(&mut conn.0))
    }

    fn commit_transaction(conn: &mut InlineSqlite) -> impl Future<Output = QueryResult<()>> + Send {
        ready(Manager::commit_transaction(&mut conn.0))
    }

    fn transaction_manager_status_mut(conn: &mut InlineSqlite) -> &mut TransactionManagerStatus {
        Manager::transaction_manager_status_mut(&mut conn.0)
    }
}
