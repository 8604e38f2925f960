//! [`record!`]: a table's row, its columns listed once for reading, for SQLite's row inserts and for PostgreSQL's
//! `unnest` of columns.

use diesel::QueryResult;
use diesel::backend::Backend;
use diesel::query_builder::{AstPass, QueryFragment, QueryId};

/// A row as a statement names it.
pub trait Record {
    /// The table.
    const TABLE: &'static str;
    /// The columns, as they stand in an `INSERT`.
    const COLUMNS: &'static str;
    /// What follows the values of an `INSERT`, the same on both databases.
    const ON_CONFLICT: &'static str;
}

/// A row that a database takes values of.
pub trait BindTo<DB: Backend>: Record {
    /// Binds the row's values, with commas between.
    ///
    /// # Errors
    /// When a value cannot be bound.
    fn bind<'b>(&'b self, out: AstPass<'_, 'b, DB>) -> QueryResult<()>;
}

/// Inserts a row, or does what the row's table does on a conflict. Prepared once.
#[derive(Clone, Copy, Debug)]
pub struct Upsert<R>(pub R);

impl<R: 'static> QueryId for Upsert<R> {
    type QueryId = Self;
    const HAS_STATIC_QUERY_ID: bool = true;
}

impl<R: BindTo<DB>, DB: Backend> QueryFragment<DB> for Upsert<R> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        out.push_sql("INSERT INTO ");
        out.push_sql(R::TABLE);
        out.push_sql(" (");
        out.push_sql(R::COLUMNS);
        out.push_sql(") VALUES (");
        self.0.bind(out.reborrow())?;
        out.push_sql(")");
        out.push_sql(R::ON_CONFLICT);
        Ok(())
    }
}

impl<R, Conn> diesel::RunQueryDsl<Conn> for Upsert<R> {}

/// Rows by column, for PostgreSQL.
pub trait Columns: Default {
    /// The rows.
    type Row: Record;

    /// Adds a row.
    fn push(&mut self, row: Self::Row);

    /// Whether there are no rows.
    fn is_empty(&self) -> bool;

    /// Writes `unnest(…) AS t (columns)` and binds the vectors.
    ///
    /// # Errors
    /// When a value cannot be bound.
    fn unnest<'b>(&'b self, out: AstPass<'_, 'b, diesel::pg::Pg>) -> QueryResult<()>;
}

/// Inserts rows in one statement of PostgreSQL; no two may have the same key. Prepared once for any number of rows.
#[derive(Clone, Copy, Debug)]
pub struct UpsertAll<C>(pub C);

impl<C: 'static> QueryId for UpsertAll<C> {
    type QueryId = Self;
    const HAS_STATIC_QUERY_ID: bool = true;
}

impl<C: Columns> QueryFragment<diesel::pg::Pg> for UpsertAll<C> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, diesel::pg::Pg>) -> QueryResult<()> {
        for part in ["INSERT INTO ", C::Row::TABLE, " (", C::Row::COLUMNS, ") SELECT ", C::Row::COLUMNS, " FROM "] {
            out.push_sql(part);
        }
        self.0.unnest(out.reborrow())?;
        out.push_sql(C::Row::ON_CONFLICT);
        Ok(())
    }
}

/// Declares a row struct and, beside it, the same row's columns as vectors.
macro_rules! record {
    (@bind $row:ident, $db:ty, { $first:ident: $first_rust:ty = $first_sql:ty; $($column:ident: $rust:ty = $sql:ty;)* }) => {
        impl crate::record::BindTo<$db> for $row {
            fn bind<'b>(
                &'b self,
                mut out: diesel::query_builder::AstPass<'_, 'b, $db>,
            ) -> diesel::QueryResult<()> {
                out.push_bind_param::<$first_sql, $first_rust>(&self.$first)?;
                $(
                    out.push_sql(", ");
                    out.push_bind_param::<$sql, $rust>(&self.$column)?;
                )*
                Ok(())
            }
        }
    };
    (
        $(#[$doc:meta])*
        $row:ident, $columns:ident in $table:ident {
            $first:ident: $first_rust:ty = $first_sql:ty, $first_pg:literal;
            $($column:ident: $rust:ty = $sql:ty, $pg:literal;)*
        }
        on conflict $on_conflict:literal
    ) => {
        $(#[$doc])*
        #[derive(Clone, Debug, diesel::Queryable, diesel::Selectable)]
        #[diesel(table_name = crate::schema::$table)]
        #[diesel(check_for_backend(diesel::pg::Pg, diesel::sqlite::Sqlite))]
        #[expect(missing_docs, reason = "the columns are those of the table")]
        pub struct $row {
            pub $first: $first_rust,
            $(pub $column: $rust,)*
        }

        impl crate::record::Record for $row {
            const TABLE: &'static str = stringify!($table);
            const COLUMNS: &'static str = concat!(stringify!($first), $(", ", stringify!($column)),*);
            const ON_CONFLICT: &'static str = $on_conflict;
        }

        crate::record::record!(@bind $row, diesel::sqlite::Sqlite, {
            $first: $first_rust = $first_sql; $($column: $rust = $sql;)*
        });
        crate::record::record!(@bind $row, diesel::pg::Pg, {
            $first: $first_rust = $first_sql; $($column: $rust = $sql;)*
        });

        /// The same rows by column.
        #[derive(Clone, Debug, Default)]
        pub struct $columns {
            $first: Vec<$first_rust>,
            $($column: Vec<$rust>,)*
        }

        impl crate::record::Columns for $columns {
            type Row = $row;

            fn push(&mut self, row: $row) {
                let $row { $first, $($column),* } = row;
                self.$first.push($first);
                $(self.$column.push($column);)*
            }

            fn is_empty(&self) -> bool {
                self.$first.is_empty()
            }

            fn unnest<'b>(
                &'b self,
                mut out: diesel::query_builder::AstPass<'_, 'b, diesel::pg::Pg>,
            ) -> diesel::QueryResult<()> {
                out.push_sql("unnest(");
                out.push_bind_param::<diesel::sql_types::Array<$first_sql>, Vec<$first_rust>>(&self.$first)?;
                out.push_sql(concat!("::", $first_pg, "[]"));
                $(
                    out.push_sql(", ");
                    out.push_bind_param::<diesel::sql_types::Array<$sql>, Vec<$rust>>(&self.$column)?;
                    out.push_sql(concat!("::", $pg, "[]"));
                )*
                out.push_sql(concat!(") AS t (", stringify!($first), $(", ", stringify!($column),)* ")"));
                Ok(())
            }
        }
    };
}
pub(crate) use record;
